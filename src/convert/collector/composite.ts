import { NoEqual } from '../finding.ts';
import { fraction, quoted } from '../sql-text.ts';
import type { Written } from '../written.ts';
import type { PolicyContext } from './context.ts';
import { budgetOf, burstSql } from './policy-sql.ts';
import { conditionSql, type Limit, type Selection } from './selection.ts';
import { selectionOf } from './shared-policy.ts';

interface Rule {
  readonly name: string;
  readonly selection: Selection;
  readonly spansPerSecond: number;
}

/**
 * `composite`: a trace belongs to the first sub-policy that takes it, and each of them has its spans a second. Sub-policies go in the order in
 * which they are written: the processor does not read `policy_order`.
 */
export function compositeSql(config: Written, context: PolicyContext): readonly string[] {
  const rules = rulesOf(config, context);
  if (rules.length === 0) throw new NoEqual('no sub-policy takes anything');
  return [
    'WITH chosen AS (',
    '    SELECT trace_id, item, span_count, CASE',
    ...rules.map(({ name, selection }) => `        ${caseOf(selection)} ${quoted(name)}`),
    '    END AS rule',
    '    FROM traces',
    ')',
    ...rules.flatMap((rule, index) => [...(index === 0 ? [] : ['UNION ALL']), ...ruleSql(rule, context.options.windowMs)]),
  ];
}

function rulesOf(config: Written, context: PolicyContext): readonly Rule[] {
  const total = config.whole('max_total_spans_per_second');
  const subs = config.sections('composite_sub_policy');
  const allocations = allocationsOf(config);
  warnOfOrder(config, subs.map((sub) => sub.text('name')), context);
  const rules: Rule[] = [];
  for (const sub of subs) {
    const name = sub.text('name');
    const selection = selectionOf(sub, { ...context, place: sub.place }, ['and']);
    const percent = allocations.get(name) ?? 0;
    const own = Math.trunc(percent > 0 ? (percent / 100) * total : total / subs.length);
    if (!selection.isNever) rules.push({ name, selection, spansPerSecond: Math.min(own, total) });
  }
  return withoutUnreachable(rules, config, context);
}

function allocationsOf(config: Written): ReadonlyMap<string, number> {
  return new Map(config.sections('rate_allocation').map((allocation) => [allocation.text('policy'), allocation.whole('percent')]));
}

function warnOfOrder(config: Written, names: readonly string[], { findings }: PolicyContext): void {
  const order = config.texts('policy_order');
  if (order.length > 0 && order.join('\n') !== names.join('\n')) {
    findings.warning(`${config.place}.policy_order`, 'the Collector does not read it: sub-policies go in the order in which they are written, here too');
  }
}

function withoutUnreachable(rules: readonly Rule[], config: Written, { findings, notes }: PolicyContext): readonly Rule[] {
  const catchAll = rules.findIndex(({ selection }) => selection.conditions.length === 0 && selection.limits.length === 0);
  const reachable = catchAll < 0 ? rules : rules.slice(0, catchAll + 1);
  for (const { name } of rules.slice(reachable.length)) findings.warning(config.place, `sub-policy ${name} gets nothing: ${rules[catchAll].name} before it takes every trace`);
  reachable.slice(0, -1).forEach(({ name, selection }) => {
    if (selection.share.isAll && selection.limits.length === 0) return;
    findings.warning(config.place, `what the share or the limit of sub-policy ${name} leaves out goes on to the next in the Collector; here it stays with ${name}`);
    notes.push(`What the share or the limit of ${name} leaves out does not go on to the next.`);
  });
  return reachable;
}

/** A branch of the CASE; what has no condition takes the rest, and is the last. */
function caseOf({ conditions, limits }: Selection): string {
  const parts = [...conditions.map(conditionSql), ...limits.map(burstSql)];
  return parts.length === 0 ? 'ELSE' : `WHEN ${parts.join(' AND ')} THEN`;
}

function ruleSql({ name, selection: { share, limits }, spansPerSecond }: Rule, windowMs: number): readonly string[] {
  if (spansPerSecond < 1) throw new NoEqual(`sub-policy ${name} has less than one span a second`);
  const own: Limit = { size: 'span_count', perSecond: spansPerSecond, burst: spansPerSecond };
  const from = `FROM chosen WHERE rule = ${quoted(name)} AND ${burstSql(own)}`;
  if (share.isAll && limits.length === 0) return [`SELECT unnest(budget_sample(item, span_count, ${budgetOf(own, windowMs)}), recursive := true)`, from];
  const parts = [
    ...(share.isAll ? [] : [`proportional(${fraction(share.fraction)})`]),
    ...[own, ...limits].map((limit) => `budget_sample_p(item, ${limit.size}, ${budgetOf(limit, windowMs)})`),
  ];
  return [`SELECT trace_id, least(${parts.join(', ')})`, from];
}
