import { type Ancestors, isNode, type Node, nodesOf, type SqlTree, textOf, visitNodes } from '../compile/sql-tree.ts';
import { nowhere } from './range-bench.ts';

/** A SELECT and the CTEs that it may name. */
export interface Scoped {
  readonly select: Node;
  readonly ctes: readonly Node[];
}

/** The constant 1. */
export const one: Node = {
  class: 'CONSTANT', type: 'VALUE_CONSTANT', alias: '', query_location: nowhere,
  value: { type: { id: 'INTEGER', type_info: null }, is_null: false, value: 1 },
};

/** Every SELECT of a statement. */
export function selectsOf(statement: Node): readonly Scoped[] {
  const found: Scoped[] = [];
  visitNodes(statement, (node, ancestors) => {
    if (node['type'] === 'SELECT_NODE') found.push({ select: node, ctes: ctesIn(node, ancestors) });
  });
  return found;
}

/** CTEs in sight of a SELECT, outer ones first; of one name the innermost. */
function ctesIn(select: Node, ancestors: Ancestors): readonly Node[] {
  const byName = new Map<string, Node>();
  const maps: Node[] = [];
  for (let way: Ancestors = { node: select, up: ancestors }; way !== null; way = way.up) {
    const map: SqlTree | undefined = way.node['cte_map'];
    if (isNode(map)) maps.unshift(map);
  }
  for (const map of maps) for (const entry of nodesOf(map['map'])) byName.set(textOf(entry['key']).toLowerCase(), entry);
  return [...byName.values()];
}
