import type { Bench, ResultColumn, Scan } from './analysis.ts';
import { allReads, isBag, type TableReads, type TableShape } from './catalog-sql.ts';
import type { KeyRead } from './compiled.ts';
import { columnParts, type Node, nodesOf, stringsOf, textOf, visitNodes } from './sql-tree.ts';

/** What a policy reads, by table name. Tables that are not in it are not read. */
export type Reads = ReadonlyMap<string, TableReads>;

/** A question to the analysis: the tables that exist, the SELECT, and the columns it must have. */
export interface ReadsQuestion {
  readonly tables: readonly TableShape[];
  readonly keys: readonly KeyRead[];
  readonly statement: Node;
  readonly wrappedSql: string;
}

/**
 * The least that the tables must hold: what survives DuckDB's own pruning of `wrappedSql`, and what it needs beside to bind at
 * all (a column that a CTE names and nobody uses is pruned from the plan but must exist). `complete` is false when
 * the SELECT does not bind to less than everything.
 */
export async function readsOf(bench: Bench, question: ReadsQuestion): Promise<{ readonly reads: Reads; readonly complete: boolean }> {
  const { tables, keys, statement, wrappedSql } = question;
  const expected = JSON.stringify(await bench.columnsOf(wrappedSql));
  const binds = async (reads: Reads): Promise<boolean> => {
    await bench.createTables(tables, (table) => reads.get(table.name) ?? null);
    return JSON.stringify(await columnsOrNull(bench, wrappedSql)) === expected;
  };
  const pruned = survivors(tables, keys, await bench.scansOf(wrappedSql));
  if (await binds(pruned)) return { reads: pruned, complete: true };
  const named = withNamed(tables, keys, statement, pruned);
  if (await binds(named)) return { reads: await minimise(named, pruned, binds), complete: true };
  const everything = new Map(tables.filter(({ name }) => named.has(name)).map((table) => [table.name, allReads(table, keys)]));
  return { reads: everything, complete: false };
}

async function columnsOrNull(bench: Bench, sql: string): Promise<readonly ResultColumn[] | null> {
  try {
    return await bench.columnsOf(sql);
  } catch {
    return null;
  }
}

function survivors(tables: readonly TableShape[], keys: readonly KeyRead[], scans: readonly Scan[]): Reads {
  const reads = new Map<string, TableReads>();
  for (const table of tables) {
    const own = scans.filter((scan) => scan.table === table.name);
    if (own.length === 0) continue;
    const paths = own.flatMap((scan) => scan.columns);
    const columns = new Set(paths.map((path) => path.split('.')[0]).filter((column) => !isBag(table, column)));
    const fields = keys.filter(({ source, field }) => isBag(table, source) && (paths.includes(source) || paths.includes(`${source}.${field}`)));
    reads.set(table.name, atLeastOne(table, { columns, keys: fields }));
  }
  return reads;
}

/** A table cannot be without columns: where none is read (`count(*)`), its first stays. */
function atLeastOne(table: TableShape, reads: TableReads): TableReads {
  return reads.columns.size + reads.keys.length > 0 ? reads : { ...reads, columns: new Set(table.columns.slice(0, 1)) };
}

/** `reads` and everything that the statement names: tables that the plan dropped, columns, keys. */
function withNamed(tables: readonly TableShape[], keys: readonly KeyRead[], statement: Node, reads: Reads): Reads {
  const names = new Set<string>();
  const namedTables = new Set<string>();
  visitNodes(statement, (node) => {
    columnParts(node)?.forEach((part) => names.add(part.toLowerCase()));
    [...stringsOf(node['using_columns']), ...stringsOf(node['exclude_list']), ...nodesOf(node['qualified_exclude_list']).map(({ column }) => textOf(column)),
      ...nodesOf(node['replace_list']).map(({ key }) => textOf(key))].forEach((name) => names.add(name.toLowerCase()));
    if (node['type'] === 'BASE_TABLE') namedTables.add(String(node['table_name']).toLowerCase());
  });
  const wide = new Map<string, TableReads>();
  for (const table of tables) {
    if (!namedTables.has(table.name)) continue;
    const known = reads.get(table.name);
    const columns = table.columns.filter((column) => !isBag(table, column) && names.has(column));
    wide.set(table.name, atLeastOne(table, { columns: new Set([...(known?.columns ?? []), ...columns]), keys: allReads(table, keys).keys }));
  }
  return wide;
}

/** Takes away, one by one, what is not needed to bind; `needed` stays. */
async function minimise(reads: Reads, needed: Reads, binds: (reads: Reads) => Promise<boolean>): Promise<Reads> {
  let least = reads;
  for (const [name, { columns, keys }] of reads) {
    const without = [
      ...[...columns].filter((column) => needed.get(name)?.columns.has(column) !== true)
        .map((column) => (table: TableReads): TableReads => ({ ...table, columns: new Set([...table.columns].filter((other) => other !== column)) })),
      ...keys.filter((key) => needed.get(name)?.keys.includes(key) !== true)
        .map((key) => (table: TableReads): TableReads => ({ ...table, keys: table.keys.filter((other) => other !== key) })),
    ];
    for (const take of without) {
      const current = least.get(name);
      const less = current === undefined ? undefined : take(current);
      if (less === undefined || less.columns.size + less.keys.length === 0) continue;
      const candidate = new Map([...least, [name, less] as const]);
      if (await binds(candidate)) least = candidate;
    }
  }
  return least;
}
