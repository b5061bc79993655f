import type { Analysis, Bench } from '../analysis.ts';
import { allReads, type TableShape } from '../catalog-sql.ts';
import type { KeyRead } from '../compiled.ts';
import type { PolicySource } from '../policy-source.ts';
import { type Reads, readsOf } from '../reads.ts';
import { type Shape, shapeOf } from '../shape.ts';
import { type Node, nodesOf } from '../sql-tree.ts';
import { certainBranches } from './certain-branches.ts';

/** What is compiled already, as the part of it is compiled. */
export interface CertainQuestion {
  readonly analysis: Analysis;
  readonly bench: Bench;
  readonly source: PolicySource;
  /** With its keys rewritten. */
  readonly statement: Node;
  readonly tables: readonly TableShape[];
  readonly keys: readonly KeyRead[];
  /** All sampling functions. */
  readonly macros: ReadonlySet<string>;
  /** What the whole reads. */
  readonly reads: Reads;
}

/** SELECTs of a policy by themselves. */
export interface CertainPart extends Pick<Shape, 'wrappedSql' | 'keyKind' | 'hasSplit'> {
  readonly sql: string;
  readonly reads: Reads;
}

/**
 * The part of a policy of traces that names traces for good, with probability 1 (`certainBranches`), as a query of its own; null where there is none, or where it would
 * read what the policy itself does not.
 */
export async function certainPart({ analysis, bench, source, statement, tables, keys, macros, reads }: CertainQuestion): Promise<CertainPart | null> {
  const branches = certainBranches(statement, macros);
  if (branches.length === 0) return null;
  const part = partOf(statement, branches);
  const sql = await analysis.print(source, part).catch(ignore);
  if (sql === null) return null;
  await bench.createTables(tables, (table) => allReads(table, keys));
  const { wrappedSql, keyKind, hasSplit } = shapeOf(source, sql, await bench.columnsOf(sql), { samples: false, isCeiling: false, once: false });
  const own = await readsOf(bench, { tables, keys, statement: part, wrappedSql });
  return isWithin(own.reads, reads) ? { sql, wrappedSql, keyKind, hasSplit, reads: own.reads } : null;
}

/** What DuckDB does not write as it is meant names nothing for good; the policy itself is written. */
function ignore(): null {
  return null;
}

/** A copy of the statement with these branches alone, joined by UNION ALL. */
function partOf(statement: Node, branches: readonly Node[]): Node {
  const [first, ...rest] = branches.map((branch) => {
    const [key, chance] = nodesOf(branch['select_list']);
    return structuredClone<Node>({ ...branch, cte_map: { map: [] }, select_list: [{ ...key, alias: '' }, { ...chance, alias: 'probability' }] });
  });
  const node = rest.reduce<Node>((left, right) => ({
    type: 'SET_OPERATION_NODE', modifiers: [], cte_map: { map: [] }, setop_type: 'UNION', left, right, setop_all: true,
  }), first);
  return { ...structuredClone(statement), node };
}

function isWithin(part: Reads, whole: Reads): boolean {
  return [...part].every(([name, { columns, keys }]) => {
    const known = whole.get(name);
    return known !== undefined && [...columns].every((column) => known.columns.has(column)) && keys.every((key) => known.keys.includes(key));
  });
}
