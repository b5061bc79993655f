import { allReads, createTableSql, isBag, type TableShape } from '../compile/catalog-sql.ts';
import type { KeyRead } from '../compile/compiled.ts';

/** Least and greatest value of a column, as SQL. */
interface Range {
  readonly min: string;
  readonly max: string;
}

const farText = 'repeat(chr(1114111), 3)';

const byType: { readonly [type: string]: Range } = {
  BOOLEAN: { min: 'false', max: 'true' },
  UTINYINT: { min: '0', max: '255' },
  INTEGER: { min: '-2147483648', max: '2147483647' },
  UINTEGER: { min: '0', max: '4294967295' },
  BIGINT: { min: '(-9223372036854775808)', max: '9223372036854775807' },
  UBIGINT: { min: '0', max: '18446744073709551615' },
  UHUGEINT: { min: '0', max: '340282366920938463463374607431768211455' },
  DOUBLE: { min: "'-infinity'::DOUBLE", max: "'nan'::DOUBLE" },
  VARCHAR: { min: "''", max: farText },
  'VARCHAR[]': { min: "['']", max: `[${farText}]` },
  UUID: { min: "'00000000-0000-0000-0000-000000000000'::UUID", max: "'ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID" },
  TIMESTAMP_NS: { min: "'-infinity'::TIMESTAMP_NS", max: "'infinity'::TIMESTAMP_NS" },
  INTERVAL: { min: 'to_seconds(0)', max: 'to_days(100000)' },
  BLOB: { min: "''::BLOB", max: "'\\xFF\\xFF\\xFF\\xFF\\xFF\\xFF\\xFF\\xFF\\xFF'::BLOB" },
};

const counts: Range = { min: '0', max: '9223372036854775807' };

/** Values that the specification, or what a view means, leaves. */
const byColumn: { readonly [column: string]: Range } = {
  status_code: { min: '0', max: '2' },
  root_status_code: { min: '0', max: '2' },
  kind: { min: '0', max: '5' },
  root_kind: { min: '0', max: '5' },
  severity_number: { min: '0', max: '24' },
  body_type: { min: '0', max: '7' },
  type: { min: '0', max: '7' },
  span_count: { ...counts, min: '1' },
  error_count: counts,
  service_count: counts,
  duration_time_unix_nano: counts,
  randomness: { min: '0', max: '72057594037927935' },
  adjusted_count: { min: '1', max: "'infinity'::DOUBLE" },
  probability: { min: '0', max: '1' },
  age: { min: '1', max: '2147483647' },
};

/** Columns that hold a value in every row. */
const neverNull: ReadonlySet<string> = new Set(['id', 'trace_id of traces', 'trace_id of spans', 'item', 'adjusted_count', 'randomness', 'span_count', 'error_count', 'service_count']);

function isNullable(table: string, column: string): boolean {
  return !neverNull.has(column) && !neverNull.has(`${column} of ${table}`);
}

function rangeOf(column: string, type: string): Range {
  const range = byColumn[column] ?? byType[type];
  if (range !== undefined) return range;
  const fields = [...type.matchAll(/"?(\w+)"? (UUID|UHUGEINT|UBIGINT)/g)];
  const struct = (side: 'min' | 'max'): string => `struct_pack(${fields.map(([, name, of]) => `"${name}" := ${byType[of][side]}::${of}`).join(', ')})`;
  return { min: struct('min'), max: struct('max') };
}

/** How many rows a view may have, as far as the planner knows. */
const rowsMax = 1_000_000_000_000;

/**
 * SQL that makes a table of the catalog as a view over the least and the greatest value of each column, and NULLs: the planner then knows
 * the range of every column and nothing else. The cross join keeps it from knowing counts.
 */
export function rangeTableSql(table: TableShape, keys: readonly KeyRead[]): readonly string[] {
  const own = `_${table.name}`;
  const rows = [[0, 0], [1, 0], [0, 1], [1, 1]].map(([side, isNull]) => `(${columnValues(table, keys, side === 1 ? 'max' : 'min', isNull === 1).join(', ')})`);
  return [
    createTableSql({ ...table, name: own }, allReads(table, keys)),
    `INSERT INTO ${own} VALUES ${rows.join(', ')}`,
    `CREATE OR REPLACE TEMP VIEW ${table.name} AS SELECT r.* FROM ${own} r, range(${rowsMax})`,
  ];
}

function columnValues(table: TableShape, keys: readonly KeyRead[], side: 'min' | 'max', isNull: boolean): readonly string[] {
  return table.columns.flatMap((column) => {
    if (!isBag(table, column)) return isNull && isNullable(table.name, column) ? ['NULL'] : [rangeOf(column, table.typeOf(column))[side]];
    const fields = keys.filter(({ source }) => source === column);
    const values = fields.map(({ field, type }) => `${field} := ${isNull ? 'NULL' : `${byType[type][side]}::${type}`}`);
    return fields.length === 0 ? [] : [`struct_pack(${values.join(', ')})`];
  });
}
