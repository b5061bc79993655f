import { createTableSql, tableShapes } from '../../policy/compile/catalog-sql.ts';
import type { CompiledPolicy } from '../../policy/compile/compiled.ts';
import { isNode, nodesOf, parseTree, type SqlTree, stringsOf, textOf } from '../../policy/compile/sql-tree.ts';
import { Database } from '../../store/duckdb.ts';

const detailMax = 160;

/** Operators in the words of SQL. Those that are not here are shown as DuckDB calls them. */
const operatorWords: Readonly<Record<string, string>> = {
  SEQ_SCAN: 'scan', FILTER: 'filter', HASH_GROUP_BY: 'group', PERFECT_HASH_GROUP_BY: 'group', UNGROUPED_AGGREGATE: 'aggregate all', HASH_JOIN: 'hash join',
  NESTED_LOOP_JOIN: 'nested loop join', CROSS_PRODUCT: 'cross product', UNION: 'union', WINDOW: 'window', STREAMING_WINDOW: 'window (streaming)', ORDER_BY: 'sort',
  TOP_N: 'top', UNNEST: 'unnest', CTE: 'with', CTE_SCAN: 'read', COLUMN_DATA_SCAN: 'constants', DELIM_SCAN: 'read again', LEFT_DELIM_JOIN: 'join, row by row', RIGHT_DELIM_JOIN: 'join, row by row',
};

/**
 * DuckDB's plan of a policy, a line an operator, what feeds it below and further in. It is made on empty tables: what depends on
 * statistics (the order of joins, say) may differ in a window.
 */
export async function planOf(policy: CompiledPolicy, setupSql: readonly string[]): Promise<readonly string[]> {
  const database = await Database.open({ memoryLimitBytes: 256 * 2 ** 20, threads: 1 }, [...setupSql, `SET disabled_optimizers = 'statistics_propagation'`]);
  const session = await database.connect();
  try {
    for (const sql of tablesOf(policy)) await session.run(sql);
    const rows = (await session.api.runAndReadAll(`EXPLAIN (FORMAT json) ${policy.sql}`)).getRows();
    return planLines(parseTree(String(rows[0][1])));
  } finally {
    session.close();
    database.close();
  }
}

function tablesOf(policy: CompiledPolicy): string[] {
  const shapes = tableShapes(policy.signal);
  return [
    ...policy.views.map(({ view, columns, keys }) => ({ name: view, columns, keys })),
    ...policy.stars.map(({ star, columns }) => ({ name: star, columns, keys: [] })),
    ...policy.sides.map(({ side, columns }) => ({ name: side, columns, keys: [] })),
  ].flatMap(({ name, columns, keys }) => {
    const shape = shapes.find((one) => one.name === name);
    return shape === undefined ? [] : [createTableSql(shape, { columns: new Set(columns), keys })];
  });
}

/** The lines of a plan as EXPLAIN (FORMAT json) gives it. Projections are left out: they only pass columns on. */
export function planLines(plan: SqlTree): readonly string[] {
  const lines: string[] = [];
  for (const node of nodesOf(plan)) addLines(node, 0, lines);
  return lines;
}

function addLines(node: SqlTree, depth: number, lines: string[]): void {
  if (!isNode(node)) return;
  const name = textOf(node['name']).trim();
  const isShown = name !== 'PROJECTION' && name !== 'EXPLAIN';
  if (isShown) lines.push(`${'  '.repeat(depth)}${operatorText(name, node['extra_info'])}`);
  for (const child of nodesOf(node['children'])) addLines(child, depth + (isShown ? 1 : 0), lines);
}

function operatorText(name: string, info: SqlTree | undefined): string {
  const word = operatorWords[name] ?? name.toLowerCase().replaceAll('_', ' ');
  const details = isNode(info) ? Object.entries(info).filter(([key]) => !hidden.has(key)).map(([key, value]) => detail(key, value)).filter((text) => text !== '') : [];
  return short([word, ...details].join(' '));
}

/** Guesses on empty tables, and columns that are only passed on. */
const hidden: ReadonlySet<string> = new Set(['Estimated Cardinality', 'Projections', 'Type', 'Aggregates', 'CTE Name', 'Table Index', '__order__']);

function detail(key: string, value: SqlTree): string {
  const text = Array.isArray(value) ? stringsOf(value).filter((one) => one !== '').join(', ') : textOf(value);
  if (text === '') return '';
  const plain = text.replaceAll('memory.main.', '').replaceAll('temp.main.', '');
  return ({ Table: plain.split('.').at(-1) ?? plain, Groups: /^[#\d, ]+$/.test(plain) ? '' : `by ${plain}`, Conditions: `on ${plain}`, Filters: `where ${plain}`, Expression: plain, 'Join Type': plain.toLowerCase() })[key] ?? plain;
}

function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= detailMax ? line : `${line.slice(0, detailMax - 3)}...`;
}
