import { fileURLToPath } from 'node:url';
import { readFile } from 'node:fs/promises';
import { catalogStars, starColumns } from '../../../src/policy/catalog/stars.ts';
import { catalogViews, keysType } from '../../../src/policy/catalog/views.ts';
import type { CompiledPolicy, KeyRead } from '../../../src/policy/compile/compiled.ts';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { PolicyError } from '../../../src/policy/compile/policy-error.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import { Database, type Session } from '../../../src/store/duckdb.ts';

const functionsPath = fileURLToPath(new URL('functions.sql', import.meta.url));

export function openCompiler(): Promise<PolicyCompiler> {
  return PolicyCompiler.create([...sqlFunctionFiles(), { path: functionsPath }]);
}

export async function openEngine(): Promise<Database> {
  return Database.open({ memoryLimitBytes: 512 * 2 ** 20, threads: 1 }, await Promise.all([...sqlFunctionFiles().map(({ path }) => path), functionsPath].map((path) => readFile(path, 'utf8'))));
}

/** `view(column, …; source['key'] TYPE, …)` and `star(column, …; key, …)`, one an entry. */
export function readsText({ views, stars }: CompiledPolicy): readonly string[] {
  const join = (columns: readonly string[], keys: readonly string[]): string => [columns.join(', '), ...(keys.length > 0 ? [keys.join(', ')] : [])].join('; ');
  return [
    ...views.map(({ view, columns, keys }) => `${view}(${join(columns, keys.map(({ source, key, type }) => `${source}['${key}'] ${type}`))})`),
    ...stars.map(({ star, columns, keys }) => `${star}(${join(columns, keys === 'all' ? ['*'] : keys)})`),
  ];
}

/** What compiling throws. */
export async function refusalOf(compiler: PolicyCompiler, text: string): Promise<PolicyError> {
  try {
    await compiler.compile('p', text);
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error(`compiled, and should not have: ${text}`);
}

interface TableRead {
  readonly name: string;
  readonly columns: readonly string[];
  readonly keys: readonly KeyRead[];
}

export function tableReads({ views, stars }: CompiledPolicy): readonly TableRead[] {
  return [
    ...views.map(({ view, columns, keys }) => ({ name: view, columns, keys })),
    ...stars.map(({ star, columns }) => ({ name: star, columns, keys: [] })),
  ];
}

const columnTypes: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ...catalogViews.map(({ name, columns }) => [name, new Map(columns.map((column) => [column.name, column.type]))] as const),
  ...catalogStars.map((star) => [star.name, new Map(starColumns(star).map((column) => [column.name, column.type]))] as const),
]);

export function columnsOfTable(name: string): readonly string[] {
  return [...(columnTypes.get(name) ?? new Map<string, string>()).keys()];
}

/** `rows` rows of a table with these columns and keys, made from the row number alone. */
export function tableSql({ name, columns, keys }: TableRead, rows: number): string {
  const types = columnTypes.get(name) ?? new Map<string, string>();
  const plain = columns.filter((column) => types.get(column) !== keysType).map((column) => `${valueSql(types.get(column) ?? '', column)} AS "${column}"`);
  const structs = (['attributes', 'resource'] as const).flatMap((source) => {
    const own = keys.filter((key) => key.source === source);
    return own.length === 0 ? [] : [`struct_pack(${own.map(({ field, type, key }) => `${field} := ${valueSql(type, key)}`).join(', ')}) AS ${source}`];
  });
  return `SELECT ${[...plain, ...structs].join(', ')} FROM range(${rows}) t(i)`;
}

/** A value of a type that depends on the row number `i` and a salt, so that columns differ. */
function valueSql(type: string, salt: string): string {
  const shift = [...salt].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 97, 7);
  const number = `((i * ${shift} + ${shift}) % 11)`;
  if (type.startsWith('STRUCT("key" UUID')) return `struct_pack("key" := ${valueSql('UUID', 'trace_id')}, r := i::UBIGINT, n_in := 72057594037927936::UBIGINT)`;
  if (type.startsWith('STRUCT')) return `struct_pack("key" := ${valueSql('UHUGEINT', 'id')}, r := i::UBIGINT, n_in := 72057594037927936::UBIGINT)`;
  switch (type) {
    case 'UUID':
      return `('00000000-0000-0000-0000-' || lpad((i % 7)::VARCHAR, 12, '0'))::UUID`;
    case 'UHUGEINT':
      return '(i::UHUGEINT + 1)';
    case 'BOOLEAN':
      return `${number} > 5`;
    case 'VARCHAR':
      return salt === 'key' ? `['x', 'y', 'service.name'][1 + i % 3]` : `'v' || ${number}`;
    case 'VARCHAR[]':
      return `['v' || ${number}]`;
    case 'INTERVAL':
      return `to_seconds(${number})`;
    case 'TIMESTAMP_NS':
      return `make_timestamp_ns(${number} * 1000000000)`;
    case 'BLOB':
      return `('v' || ${number})::BLOB`;
    default:
      return salt === 'adjusted_count' ? `(${number} + 1)::DOUBLE` : `${number}::${type}`;
  }
}

/** Makes exactly what the policy reads as TEMP views over rows, as the store does for a window. */
export async function createViews(session: Session, policy: CompiledPolicy, rows: number): Promise<void> {
  for (const table of tableReads(policy)) await session.run(`CREATE OR REPLACE TEMP VIEW ${table.name} AS ${tableSql(table, rows)}`);
}

/** Rows of a query, in an order of their own. */
export async function sortedRows(session: Session, sql: string): Promise<readonly string[]> {
  const rows = (await session.api.runAndReadAll(sql)).getRows();
  return rows.map((row) => row.map(String).join(' ')).sort();
}
