import { nOne } from '../../store/window-rows.ts';
import type { ResultColumn } from './analysis.ts';
import type { PolicySource } from './policy-source.ts';

/** How a policy's rows name items and probabilities. */
export interface Shape {
  readonly wrappedSql: string;
  readonly keyKind: 'trace_id' | 'id';
  readonly hasSplit: boolean;
  /** Whether the chance is given as adjusted_count = 1 / probability. */
  readonly inverse: boolean;
}

type KeyKind = Shape['keyKind'];

/** SQL of an item's key and of its chance (p or its inverse), over one row of picks. */
interface Pick {
  readonly keyKind: KeyKind;
  readonly key: string;
  readonly chance: string;
  readonly inverse: boolean;
  readonly from: string;
}

const numeric = /^(DOUBLE|FLOAT|DECIMAL\(.*\)|(U?(TINY|SMALL|BIG|HUGE)INT)|U?INTEGER)$/;

/** How the columns are to be read. */
export interface Reading {
  /** The policy calls a sampling function, and these say `split` by a negative probability. */
  readonly samples: boolean;
  /** The policy states ceilings: without a column that says which, 0; of several for one item the least (sampling.md, rule 8). */
  readonly isCeiling: boolean;
  /** No two rows name one item. */
  readonly once: boolean;
}

/** Finds key and probability among the columns and wraps the SELECT. Throws PolicyError `shape`. */
export function shapeOf(source: PolicySource, sql: string, columns: readonly ResultColumn[], reading: Reading): Shape {
  const pick = listPick(source, sql, columns) ?? rowPick(source, sql, columns, reading.isCeiling);
  const hasSplit = reading.samples && !pick.inverse;
  const ofSeveral = reading.once ? null : reading.isCeiling ? 'min' : 'max';
  return { wrappedSql: wrap(source.name, pick, hasSplit, ofSeveral), keyKind: pick.keyKind, hasSplit, inverse: pick.inverse };
}

/** Picks that lie in one column of structs (key, probability), or of lists of them. */
function listPick(source: PolicySource, sql: string, columns: readonly ResultColumn[]): Pick | null {
  const found = columns.flatMap((column) => {
    const fields = pickFields(column.type);
    return fields === null ? [] : [{ column, ...fields }];
  });
  if (found.length === 0) return null;
  if (found.length > 1) {
    throw source.error('shape', `${found.map(({ column }) => column.name).join(' and ')} both hold picks`, { hint: 'return one such column' });
  }
  const [{ column, keyKind, isList }] = found;
  const value = isList ? `unnest(${nameIn(source, columns, column)})` : nameIn(source, columns, column);
  return {
    keyKind,
    key: 'struct_extract_at(pick, 1)',
    chance: 'struct_extract_at(pick, 2)',
    inverse: false,
    from: `(SELECT ${value} AS pick FROM (${sql}))`,
  };
}

/** What a column of picks holds: `STRUCT(key UUID or UHUGEINT, probability DOUBLE ...)`, or a list of them. */
function pickFields(type: string): { readonly keyKind: KeyKind; readonly isList: boolean } | null {
  const match = /^STRUCT\((?:"?\w+"? )?(UUID|UHUGEINT), (?:"?\w+"? )?(DOUBLE|DECIMAL\([^)]*\))[,)].*?(\[\])?$/.exec(type);
  return match === null ? null : { keyKind: match[1] === 'UUID' ? 'trace_id' : 'id', isList: match[3] !== undefined };
}

/** Picks that are rows: a key column, and `probability` or `adjusted_count`. */
function rowPick(source: PolicySource, sql: string, columns: readonly ResultColumn[], isCeiling: boolean): Pick {
  const key = keyColumn(source, columns);
  const said = chanceColumn(source, columns, key.column);
  if (isCeiling && said?.inverse === true) {
    throw source.error('shape', 'a drop policy states its ceiling as probability, not as adjusted_count', { hint: 'return the key alone (ceiling 0), or the key and probability' });
  }
  if (said === null && !isCeiling) throw source.error('shape', 'no column says with which probability', { hint: 'add a column: 1.0 AS probability' });
  const name = (column: ResultColumn): string => nameIn(source, columns, column);
  return {
    keyKind: key.kind,
    key: key.column.type === 'VARCHAR' ? `CAST(${name(key.column)} AS UUID)` : name(key.column),
    chance: said === null ? '0' : name(said.column),
    inverse: said?.inverse === true,
    from: `(${sql}) AS picks${aliasList(columns)}`,
  };
}

function keyColumn(source: PolicySource, columns: readonly ResultColumn[]): { readonly column: ResultColumn; readonly kind: KeyKind } {
  const named = ['trace_id', 'id'].flatMap((name) => columns.find((column) => column.name.toLowerCase() === name) ?? []);
  for (const column of [...columns.slice(0, 1), ...named]) {
    const kind = kindOfKey(column);
    if (kind !== null) return { column, kind };
  }
  const has = columns.map(({ name, type }) => `${name} ${type.slice(0, 40)}`).join(', ');
  throw source.error('shape', `no column names the item (${has})`, { hint: 'return trace_id (of traces or spans) or id (of spans or logs) as the first column' });
}

function kindOfKey({ name, type }: ResultColumn): KeyKind | null {
  if (type === 'UUID') return 'trace_id';
  if (type === 'UHUGEINT') return 'id';
  return type === 'VARCHAR' && name.toLowerCase() === 'trace_id' ? 'trace_id' : null;
}

/** `probability`; else `adjusted_count`, which may be there beside it (SELECT *); else a second column that is a fraction. */
function chanceColumn(source: PolicySource, columns: readonly ResultColumn[], key: ResultColumn): { readonly column: ResultColumn; readonly inverse: boolean } | null {
  const named = ['probability', 'adjusted_count'].flatMap((wanted) => columns.filter(({ name }) => name.toLowerCase() === wanted));
  if (named.length > 1 && named[0].name.toLowerCase() === named[1].name.toLowerCase()) {
    throw source.error('shape', `there are two columns ${named[0].name}`, { hint: 'return it once' });
  }
  const [second] = columns.filter((column) => column !== key);
  const column = named[0] ?? (columns[0] === key && /^(DOUBLE|DECIMAL)/.test(second?.type ?? '') ? second : undefined);
  if (column === undefined) return null;
  if (!numeric.test(column.type)) throw source.error('shape', `${column.name} is ${column.type}, not a number`, { hint: 'a probability is a number from 0 to 1' });
  return { column, inverse: column.name.toLowerCase() === 'adjusted_count' };
}

/** Columns are named by themselves where that is clear, else by position: the first two get names of ours. */
function aliasList(columns: readonly ResultColumn[]): string {
  return isClear(columns) ? '' : `(${columns.map((_, index) => `c${index}`).join(', ')})`;
}

function isClear(columns: readonly ResultColumn[]): boolean {
  return new Set(columns.map(({ name }) => name.toLowerCase())).size === columns.length;
}

function nameIn(source: PolicySource, columns: readonly ResultColumn[], column: ResultColumn): string {
  if (isClear(columns)) return `"${column.name.replaceAll('"', '""')}"`;
  if (pickFields(column.type) !== null) throw source.error('shape', 'two columns have one name', { hint: 'give each a name of its own' });
  return `c${columns.indexOf(column)}`;
}

/** 2^56, one past the greatest randomness. */
const whole = `${nOne}.0::DOUBLE`;

/**
 * n = floor(p * 2^56), the product exact but for p's own digits; for adjusted counts floor(2^56 / c). Sampling functions give
 * p rounded down, so that n is never more than they meant; theirs is negative for rows that go by a hash of their own.
 */
function wrap(name: string, { key, chance, inverse, from }: Pick, hasSplit: boolean, ofSeveral: 'min' | 'max' | null): string {
  const word = inverse ? 'adjusted_count' : 'probability';
  const text = (rest: string): string => `'policy ${name.replaceAll("'", "''")}: ${word} ${rest}'`;
  const range = inverse ? 'p < 1' : `p < ${hasSplit ? -1 : 0} OR p > 1`;
  const bounds = inverse ? 'is less than 1' : 'is outside [0, 1]';
  const valid = inverse ? `floor(${whole} / p)` : `floor(${hasSplit ? 'abs(p)' : 'p'} * ${whole})`;
  const n = `CASE WHEN p IS NULL THEN error(${text('is NULL')})::UBIGINT WHEN isnan(p) THEN error(${text('is NaN')})::UBIGINT`
    + ` WHEN ${range} THEN error(concat(${text('')}, p, ' ${bounds}'))::UBIGINT ELSE ${valid}::UBIGINT END`;
  const split = hasSplit ? ', coalesce(p < 0, false) AS split' : '';
  const group = hasSplit ? 'k, split' : 'k';
  const rows = `SELECT k, ${n} AS n${split} FROM (SELECT ${key} AS k, CAST(${chance} AS DOUBLE) AS p FROM ${from}) WHERE k IS NOT NULL`;
  return ofSeveral === null ? rows : `SELECT k, ${ofSeveral}(n) AS n${hasSplit ? ', split' : ''} FROM (${rows}) GROUP BY ${group}`;
}
