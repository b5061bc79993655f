import type { Analysis } from '../analysis.ts';
import type { PolicySource } from '../policy-source.ts';
import type { Node } from '../sql-tree.ts';
import type { QuickCall } from './call.ts';
import type { Rows } from './walk-sql.ts';

/** SQL of the rows that a call looks at, of the FROM and WHERE of its SELECT. */
export async function rowsOf(analysis: Analysis, source: PolicySource, select: Node, call: QuickCall, keys: readonly Node[]): Promise<Rows> {
  const named = (node: Node | null, alias: string): readonly Node[] => (node === null ? [] : [{ ...structuredClone(node), alias }]);
  const rows: Node = {
    ...structuredClone(select),
    select_list: [
      ...keys.flatMap((key, index) => named(key, `key${index}`)),
      ...named(call.item, 'given'), ...named(call.weight, 'weight'), ...named(call.size, 'size'),
    ],
    cte_map: { map: [] }, modifiers: [], group_expressions: [], group_sets: [],
  };
  const sql = await analysis.print(source, { node: rows, named_param_map: [] });
  if (keys.length === 0) return { sql: `SELECT *, 0 AS all_rows FROM (${sql})`, keys: ['all_rows'] };
  return { sql, keys: keys.map((_, index) => `key${index}`) };
}
