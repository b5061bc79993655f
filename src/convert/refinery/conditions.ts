import type { KeyType } from '../../policy/compile/compiled.ts';
import { NoEqual } from '../finding.ts';
import type { KeyTypes } from '../key-types.ts';
import { numeral, quoted } from '../sql-text.ts';
import type { Written } from '../written.ts';
import { spanField } from './fields.ts';

/** One condition of a rule: over columns of `traces`, over a root span, or over any span. */
interface Part {
  readonly of: 'trace' | 'root' | 'span';
  readonly sql: string;
}

/**
 * The conditions of a rule over `traces`, to be joined by AND. With the scope `trace` each may hold for another span; with `span` one
 * span fulfils all (refinery/sample/rules.go).
 */
export function ruleConditions(rule: Written, keys: KeyTypes): readonly string[] {
  const scope = rule.text('Scope', 'trace');
  if (scope !== 'trace' && scope !== 'span') throw new NoEqual(`the scope ${scope} is neither trace nor span`);
  const parts = rule.sections('Conditions').map((condition) => partOf(condition, keys));
  const ofSpan = parts.filter((part) => part.of === 'span').map(({ sql }) => sql);
  return [
    ...parts.filter((part) => part.of === 'trace').map(({ sql }) => sql),
    ...parts.filter((part) => part.of === 'root').map(({ sql }) => `trace_id IN (SELECT trace_id FROM spans WHERE is_root AND ${sql})`),
    ...(scope === 'span' && ofSpan.length > 0 ? [ofSpan.join(' AND ')] : ofSpan).map((sql) => `trace_id IN (SELECT trace_id FROM spans WHERE ${sql})`),
  ];
}

function partOf(condition: Written, keys: KeyTypes): Part {
  const operator = condition.text('Operator');
  if (operator === 'has-root-span') return { of: 'trace', sql: condition.flag('Value') ? 'has_root' : 'NOT has_root' };
  const fields = condition.has('Fields') ? condition.texts('Fields') : [condition.text('Field')];
  if (fields.length === 0 || fields.includes('')) throw new NoEqual(`${condition.place} has no Field`);
  if (fields[0] === '?.NUM_DESCENDANTS') return { of: 'trace', sql: compared('span_count', operator, numeral(condition.number('Value'))) };
  const areRoot = fields.filter((field) => field.startsWith('root.')).length;
  if (areRoot > 0 && areRoot < fields.length) throw new NoEqual('Fields of the root and of any span in one condition are not converted');
  const type = typeOf(condition, operator);
  const operands = fields.flatMap((field) => spanField(field.replace(/^root\./, ''), type, keys));
  const operand = operands.length === 1 ? operands[0] : `coalesce(${operands.join(', ')})`;
  return { of: areRoot > 0 ? 'root' : 'span', sql: conditionSql(operand, operator, condition, type) };
}

const textOperators = new Set(['contains', 'does-not-contain', 'starts-with', 'matches']);
const typeNames: { readonly [datatype: string]: KeyType } = { string: 'VARCHAR', int: 'BIGINT', float: 'DOUBLE', bool: 'BOOLEAN' };

/** How a field is read; null where its value does not matter. */
function typeOf(condition: Written, operator: string): KeyType | null {
  const datatype = condition.text('Datatype');
  if (operator === 'exists' || operator === 'not-exists') return null;
  if (textOperators.has(operator)) return 'VARCHAR';
  if (datatype !== '') {
    const type = typeNames[datatype];
    if (type === undefined) throw new NoEqual(`the datatype ${datatype} is none of string, int, float, bool`);
    return type;
  }
  const value = condition.raw('Value');
  if (operator === 'in' || operator === 'not-in' || typeof value === 'string') return 'VARCHAR';
  return typeof value === 'boolean' ? 'BOOLEAN' : 'DOUBLE';
}

/** What is missing is text `<nil>` where texts are compared, so it is unlike any; elsewhere it fulfils nothing but not-exists. */
function conditionSql(operand: string, operator: string, condition: Written, type: KeyType | null): string {
  const text = (): string => quoted(condition.text('Value'));
  // Refinery's field is there only where it is true.
  if (operand === 'has_error' && type === null) return operator === 'exists' ? 'has_error' : 'NOT coalesce(has_error, false)';
  switch (operator) {
    case 'exists':
      return `${operand} IS NOT NULL`;
    case 'not-exists':
      return `${operand} IS NULL`;
    case 'contains':
      return `contains(${operand}, ${text()})`;
    case 'does-not-contain':
      return `NOT coalesce(contains(${operand}, ${text()}), false)`;
    case 'starts-with':
      return `starts_with(${operand}, ${text()})`;
    case 'matches':
      return `regexp_matches(${operand}, ${text()})`;
    case 'in':
      return `${operand} IN (${listed(condition, type)})`;
    case 'not-in':
      return `NOT coalesce(${operand} IN (${listed(condition, type)}), false)`;
    case '!=':
      return type === 'VARCHAR' && condition.text('Datatype') === 'string' ? `${operand} IS DISTINCT FROM ${text()}` : compared(operand, '!=', literal(condition, type));
    default:
      return compared(operand, operator, literal(condition, type));
  }
}

function compared(operand: string, operator: string, value: string): string {
  if (!['=', '!=', '<', '<=', '>', '>='].includes(operator)) throw new NoEqual(`the operator ${operator} is not known`);
  return `${operand} ${operator === '!=' ? '<>' : operator} ${value}`;
}

function literal(condition: Written, type: KeyType | null): string {
  if (type === 'VARCHAR') return quoted(condition.text('Value'));
  if (type === 'BOOLEAN') return String(condition.flag('Value'));
  return numeral(type === 'BIGINT' ? Math.trunc(condition.number('Value')) : condition.number('Value'));
}

function listed(condition: Written, type: KeyType | null): string {
  const value = condition.raw('Value');
  const texts = Array.isArray(value) ? condition.texts('Value') : [condition.text('Value')];
  if (texts.length === 0) throw new NoEqual('the list of values is empty');
  return texts.map((text) => (type === 'VARCHAR' ? quoted(text) : numeral(Number(text)))).join(', ');
}
