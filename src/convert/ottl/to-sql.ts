import { parseDurationMs } from '../../base/units.ts';
import { NoEqual } from '../finding.ts';
import type { KeyTypes } from '../key-types.ts';
import type { KeyType } from '../../policy/compile/compiled.ts';
import { numeral, quoted } from '../sql-text.ts';
import type { Comparison, Expression, Value } from './parse.ts';
import { type Operand, type OttlContext, operandOf } from './paths.ts';

const enums: { readonly [name: string]: number } = {
  SPAN_KIND_UNSPECIFIED: 0, SPAN_KIND_INTERNAL: 1, SPAN_KIND_SERVER: 2, SPAN_KIND_CLIENT: 3, SPAN_KIND_PRODUCER: 4, SPAN_KIND_CONSUMER: 5,
  STATUS_CODE_UNSET: 0, STATUS_CODE_OK: 1, STATUS_CODE_ERROR: 2,
};

/**
 * A condition over spans (or events and their spans) as SQL. A value that is missing is nil in OTTL, which equals nothing else, so that
 * `!=` holds for it, and an order does not. Throws NoEqual.
 */
export class OttlSql {
  readonly #context: OttlContext;
  readonly #types: KeyTypes;

  constructor(context: OttlContext, types: KeyTypes) {
    this.#context = context;
    this.#types = types;
  }

  /** In parentheses where it has several parts, so that it may stand anywhere. */
  condition(expression: Expression): string {
    const sql = this.whole(expression);
    return expression.kind === 'or' || expression.kind === 'and' ? `(${sql})` : sql;
  }

  /** The same for where nothing stands beside it. */
  whole(expression: Expression): string {
    switch (expression.kind) {
      case 'or':
        return expression.parts.map((part) => this.condition(part)).join(' OR ');
      case 'and':
        return expression.parts.map((part) => this.condition(part)).join(' AND ');
      case 'not':
        return `NOT coalesce(${this.condition(expression.part)}, false)`;
      case 'compare':
        return this.#comparison(expression.op, expression.left, expression.right);
      case 'value':
        return this.#truth(expression.value);
    }
  }

  #comparison(op: Comparison, left: Value, right: Value): string {
    if (right.kind === 'nil' || left.kind === 'nil') return this.#nilComparison(op, right.kind === 'nil' ? left : right);
    const [a, b] = [this.#operand(left), this.#operand(right)];
    const type = a.type ?? b.type ?? 'VARCHAR';
    const both = a.type !== null && b.type !== null;
    if (both && familyOf(a.type) !== familyOf(b.type)) throw new NoEqual(`values of different kinds are compared (${a.type} and ${b.type}), which never equal each other`);
    const [x, y] = [emptied(a, right, type), emptied(b, left, type)];
    if (op === '==') return `${x} = ${y}`;
    return op === '!=' ? `${x} IS DISTINCT FROM ${y}` : `${x} ${op} ${y}`;
  }

  #nilComparison(op: Comparison, value: Value): string {
    if (op !== '==' && op !== '!=') throw new NoEqual('nil has no order');
    const { sql, isField } = this.#operand(value);
    if (isField) throw new NoEqual('this path is never nil');
    return `${sql(null)} IS ${op === '==' ? '' : 'NOT '}NULL`;
  }

  #truth(value: Value): string {
    if (value.kind === 'bool') return String(value.value);
    if (value.kind !== 'call') throw new NoEqual('a value that is neither true nor false stands where a condition should');
    const { name, args } = value;
    if (name === 'IsRootSpan' && args.length === 0) return this.#context === 'span' ? 'is_root' : 's.is_root';
    const [target, pattern] = args;
    if (args.length !== 2 || pattern.kind !== 'text') throw new NoEqual(`${name}(...) is not converted`);
    const operand = this.#operand(target).sql('VARCHAR');
    if (name === 'IsMatch') return `regexp_matches(${operand}, ${quoted(pattern.text)})`;
    if (name === 'HasPrefix') return `starts_with(${operand}, ${quoted(pattern.text)})`;
    if (name === 'HasSuffix') return `ends_with(${operand}, ${quoted(pattern.text)})`;
    throw new NoEqual(`the function ${name} is not converted`);
  }

  #operand(value: Value): Operand {
    switch (value.kind) {
      case 'text':
        return literal(quoted(value.text), 'VARCHAR');
      case 'number':
        return literal(value.isWhole ? numeral(value.value) : decimal(value.value), value.isWhole ? 'BIGINT' : 'DOUBLE');
      case 'bool':
        return literal(String(value.value), 'BOOLEAN');
      case 'enum':
        return literal(enumValue(value.name), 'BIGINT');
      case 'path':
        return operandOf(value.parts, value.keys, this.#context, this.#types);
      case 'difference':
        return this.#difference(value.left, value.right);
      case 'call':
        return this.#call(value.name, value.args);
      case 'nil':
        throw new NoEqual('nil stands where a value should');
    }
  }

  /** The end less the start of the span is its duration. */
  #difference(left: Value, right: Value): Operand {
    const isPath = (value: Value, ...names: readonly string[]): boolean => value.kind === 'path' && value.keys.length === 0 && names.includes(value.parts.filter((part) => part !== 'span').join('.'));
    const ofSpan = this.#context === 'span' || (left.kind === 'path' && left.parts[0] === 'span');
    const isNano = isPath(left, 'end_time_unix_nano') && isPath(right, 'start_time_unix_nano');
    if (ofSpan && (isNano || (isPath(left, 'end_time') && isPath(right, 'start_time')))) {
      return { sql: () => `${this.#context === 'span' ? '' : 's.'}duration_time_unix_nano`, type: 'BIGINT', isField: true };
    }
    throw new NoEqual('of differences only end_time_unix_nano - start_time_unix_nano, and end_time - start_time, are converted');
  }

  #call(name: string, args: readonly Value[]): Operand {
    const [arg] = args;
    if (args.length === 1 && name === 'Duration' && arg.kind === 'text') {
      const ms = parseDurationMs(arg.text);
      if (ms === null) throw new NoEqual(`${arg.text} is no duration`);
      return literal(numeral(Math.round(ms * 1e6)), 'BIGINT');
    }
    if (args.length === 1 && (name === 'ToLowerCase' || name === 'ToUpperCase')) {
      const inner = this.#operand(arg);
      return { sql: () => `${name === 'ToLowerCase' ? 'lower' : 'upper'}(${inner.sql('VARCHAR')})`, type: 'VARCHAR', isField: inner.isField };
    }
    throw new NoEqual(`the function ${name} is not converted`);
  }
}

function literal(sql: string, type: KeyType): Operand {
  return { sql: () => sql, type, isField: false };
}

function decimal(value: number): string {
  const text = numeral(value);
  return text.includes('.') ? text : `${text}.0`;
}

/** A field that the views may have as NULL where it is empty, compared with what is empty. */
function emptied(operand: Operand, other: Value, type: KeyType): string {
  const sql = operand.sql(type);
  if (!operand.isField) return sql;
  if (other.kind === 'text' && other.text === '') return `coalesce(${sql}, '')`;
  return (other.kind === 'number' && other.value === 0) || (other.kind === 'enum' && enums[other.name] === 0) ? `coalesce(${sql}, 0)` : sql;
}

function enumValue(name: string): string {
  const value = enums[name];
  if (value === undefined) throw new NoEqual(`the constant ${name} is not converted`);
  return String(value);
}

function familyOf(type: KeyType | null): string {
  return type === 'BIGINT' || type === 'DOUBLE' ? 'number' : String(type);
}
