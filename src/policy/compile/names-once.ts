import { columnParts, findNode, isNode, type Node, nodesOf, textOf } from './sql-tree.ts';

/** The views whose rows are items of their own, and the column that names them. */
const keyOfView: ReadonlyMap<string, string> = new Map([['traces', 'trace_id'], ['logs', 'id'], ['spans', 'id']]);

/**
 * Whether the statement can be seen to name each item at most once: one SELECT of the key and other expressions from one of the views, row by
 * row. Then there is nothing to group its rows for. False where in doubt.
 */
export function namesItemsOnce(statement: Node): boolean {
  const select = statement['node'];
  if (!isNode(select) || select['type'] !== 'SELECT_NODE') return false;
  const from = select['from_table'];
  const key = isNode(from) && from['type'] === 'BASE_TABLE' ? keyOfView.get(textOf(from['table_name']).toLowerCase()) : undefined;
  const [first] = nodesOf(select['select_list']);
  return key !== undefined && columnParts(first)?.at(-1)?.toLowerCase() === key && !unnests(select);
}

function unnests(select: Node): boolean {
  return findNode(select['select_list'], (node) => node['class'] === 'STAR' || textOf(node['function_name']).toLowerCase() === 'unnest') !== undefined;
}
