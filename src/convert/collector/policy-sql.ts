import { NoEqual } from '../finding.ts';
import { fraction, numeral, whereLines } from '../sql-text.ts';
import { conditionSql, type Condition, type Limit, type Selection } from './selection.ts';

/** The SELECT that keeps what a selection takes. */
export function keepingSql(selection: Selection, windowMs: number): readonly string[] {
  const { conditions, share, limits } = selection;
  const where = whereLines([...conditions.map(conditionSql), ...limits.map(burstSql)]);
  if (limits.length === 0) {
    if (share.isAll) return namingSql('SELECT trace_id, 1.0 AS probability', conditions);
    return [`SELECT trace_id, proportional(${fraction(share.fraction)}) AS probability`, 'FROM traces', ...where];
  }
  const [limit] = limits;
  if (share.isAll && limits.length === 1) return [`SELECT unnest(budget_sample(item, ${limit.size}, ${budgetOf(limit, windowMs)}), recursive := true)`, 'FROM traces', ...where];
  const parts = [
    ...(share.isAll ? [] : [`proportional(${fraction(share.fraction)})`]),
    ...limits.map((each) => `budget_sample_p(item, ${each.size}, ${budgetOf(each, windowMs)})`),
  ];
  return [`SELECT trace_id, least(${parts.join(', ')}) AS probability`, 'FROM traces', ...where];
}

/** The SELECT that puts a ceiling on what a selection takes. Throws NoEqual where a ceiling cannot be said. */
export function droppingSql({ conditions, share, limits }: Selection): readonly string[] {
  if (limits.length > 0) throw new NoEqual('it drops up to a rate, and what is above it has no probability that is known');
  if (conditions.some((condition) => condition.kind === 'spans' && condition.where.includes('trace_state'))) {
    throw new NoEqual('a drop policy may not read trace_state, which holds what samplers before decided');
  }
  return namingSql(share.isAll ? 'SELECT trace_id' : `SELECT trace_id, ${fraction(1 - share.fraction)} AS probability`, conditions);
}

/** `select` of what fulfils the conditions; straight from spans where that says it all. */
function namingSql(select: string, conditions: readonly Condition[]): readonly string[] {
  const [only, ...more] = conditions;
  if (only?.kind === 'spans' && more.length === 0 && !only.isNone) {
    return [select.replace('trace_id', only.key), `FROM ${only.from}`, `WHERE ${only.where}`];
  }
  return [select, 'FROM traces', ...whereLines(conditions.map(conditionSql))];
}

/** What no single trace may exceed. */
export function burstSql({ size, burst }: Limit): string {
  return `${size} <= ${numeral(burst)}`;
}

/** What a window may keep. */
export function budgetOf({ perSecond }: Limit, windowMs: number): string {
  return numeral(Math.max(1, Math.round((perSecond * windowMs) / 1000)));
}
