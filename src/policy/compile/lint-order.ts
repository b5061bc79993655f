import { type Finding, finding } from './finding.ts';
import type { PolicySource } from './policy-source.ts';
import { type Ancestors, isNode, type Node, nodesOf, textOf, visitNodes } from './sql-tree.ts';

const picksAny: ReadonlySet<string> = new Set(['any_value', 'arbitrary', 'first', 'last']);
const lists: ReadonlySet<string> = new Set(['list', 'array_agg', 'string_agg', 'group_concat', 'listagg']);
const byTies: ReadonlySet<string> = new Set([
  'arg_min', 'arg_max', 'argmin', 'argmax', 'min_by', 'max_by', 'arg_min_null', 'arg_max_null', 'mode',
]);
const positions: ReadonlySet<string> = new Set(['lag', 'lead', 'first_value', 'last_value', 'nth_value']);

/** Functions that say the same whatever the order of a list's entries. */
const indifferent: ReadonlySet<string> = new Set([
  'len', 'length', 'array_length', 'strlen', 'list_contains', 'list_has', 'array_contains', 'array_has', 'list_has_any', 'array_has_any', 'list_has_all',
  'array_has_all', '&&', '@>', '<@', 'list_sort', 'list_reverse_sort', 'list_unique', 'list_min', 'list_max', 'list_sum', 'list_avg', 'list_count',
  'list_median', 'unnest',
]);

/** Functions whose result depends on the order of rows, which is another one each time. */
export function lintOrder(source: PolicySource, statement: Node): readonly Finding[] {
  const found: Finding[] = [];
  visitNodes(statement, (node, ancestors) => {
    const one = node['class'] === 'WINDOW' ? ofWindow(source, node) : node['class'] === 'FUNCTION' ? ofAggregate(source, node, ancestors) : null;
    if (one !== null) found.push(one);
  });
  return found;
}

function ofAggregate(source: PolicySource, node: Node, ancestors: Ancestors): Finding | null {
  const name = textOf(node['function_name']).toLowerCase();
  const orders = node['order_bys'];
  if (isNode(orders) && nodesOf(orders['orders']).length > 0) return null;
  if (picksAny.has(name)) return finding(source, 'order_dependent', node, `${name}() picks any row of the group`, `write min(), max() or ${name}(x ORDER BY y)`);
  if (lists.has(name) && node['distinct'] !== true && !indifferent.has(textOf(ancestors?.node['function_name']).toLowerCase())) {
    return finding(source, 'order_dependent', node, `${name}() gives its entries in any order`, `write ${name}(x ORDER BY y)`);
  }
  if (!byTies.has(name)) return null;
  return finding(source, 'tie_dependent', node, `${name}() picks any of the rows that are equal`, 'where that decides what is kept, take min() or max() of the value too');
}

function ofWindow(source: PolicySource, node: Node): Finding | null {
  const name = textOf(node['function_name']).toLowerCase();
  const isOrdered = nodesOf(node['orders']).length > 0;
  if (name === 'row_number' || name === 'ntile') {
    const hint = name === 'ntile' ? 'percent_rank() treats equal rows alike' : 'rank() or dense_rank() treat equal rows alike; bottom_k(item, k) picks k rows rightly';
    return finding(source, 'order_dependent', node, isOrdered ? `${name}() numbers equal rows in any order` : `${name}() without ORDER BY numbers rows in any order`, hint);
  }
  if (isOrdered || !(positions.has(name) || picksAny.has(name) || lists.has(name))) return null;
  return finding(source, 'order_dependent', node, `${name}() OVER without ORDER BY depends on the order of rows`, 'write OVER (... ORDER BY y)');
}
