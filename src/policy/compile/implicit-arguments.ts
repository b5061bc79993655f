import { itemInSight } from './item-in-sight.ts';
import type { PolicySource } from './policy-source.ts';
import { type Ancestors, type Node, nodesOf, type SqlTree, textOf, visitNodes } from './sql-tree.ts';

/** Offset in the text, as nodes have it. */
type Place = SqlTree;

/**
 * Row functions that may be written short, because a macro cannot see the columns and views of its caller: how many arguments
 * the short forms have, and the full form's arguments.
 */
const shortForms: ReadonlyMap<string, { readonly counts: readonly number[]; readonly full: (item: Node, given: readonly Node[], at: Place) => readonly Node[]; readonly hint: string }> = new Map([
  ['proportional', { counts: [1], full: (item, given) => [item, ...given], hint: 'write proportional(item, f)' }],
  ['rate_limit', {
    counts: [1, 2],
    full: (item, given, at) => [item, given[0], given[1] ?? one(at), windowSeconds(at)],
    hint: 'write rate_limit(item, n, key, (SELECT seconds FROM this_window))',
  }],
]);

/**
 * Completes `proportional(f)`, `rate_limit(n)` and `rate_limit(n, key)`, in place, by the item of the one view that their SELECT
 * reads and by the window's length. Throws PolicyError `binding` where no item or more than one is in sight.
 */
export function completeArguments(source: PolicySource, statement: Node): void {
  visitNodes(statement, (node, ancestors) => {
    const form = node['class'] === 'FUNCTION' ? shortForms.get(textOf(node['function_name']).toLowerCase()) : undefined;
    const given = nodesOf(node['children']);
    if (form === undefined || !form.counts.includes(given.length)) return;
    const items = itemInSight(statement, selectAround(ancestors));
    if (items.length !== 1) throw unclear(source, node, items, form.hint);
    const item = { class: 'COLUMN_REF', type: 'COLUMN_REF', alias: '', query_location: node['query_location'], column_names: [items[0], 'item'] };
    node['children'] = [...form.full(item, given, node['query_location'])];
  });
}

function unclear(source: PolicySource, at: Node, items: readonly string[], hint: string): Error {
  const name = textOf(at['function_name']).toLowerCase();
  const problem = items.length === 0 ? 'its SELECT reads no view that has an item' : `its SELECT reads several items, of ${items.join(' and ')}`;
  const cure = items.length === 0 ? 'pass the column item on' : 'say whose';
  return source.error('binding', `${name} does not know which item is meant: ${problem}`, { at, hint: `${cure} and ${hint}` });
}

/** The SELECT that an expression belongs to. */
function selectAround(ancestors: Ancestors): Node | null {
  for (let step = ancestors; step !== null; step = step.up) if (step.node['type'] === 'SELECT_NODE') return step.node;
  return null;
}

function one(at: Place): Node {
  return {
    class: 'CONSTANT', type: 'VALUE_CONSTANT', alias: '', query_location: at,
    value: { type: { id: 'INTEGER', type_info: null }, is_null: false, value: 1 },
  };
}

/** `(SELECT seconds FROM this_window)`, as DuckDB's parser has it. */
function windowSeconds(at: Place): Node {
  const column = { class: 'COLUMN_REF', type: 'COLUMN_REF', alias: '', query_location: at, column_names: ['seconds'] };
  const table = {
    type: 'BASE_TABLE', alias: '', sample: null, query_location: at, schema_name: '', table_name: 'this_window',
    column_name_alias: [], catalog_name: '', at_clause: null,
  };
  const select = {
    type: 'SELECT_NODE', modifiers: [], cte_map: { map: [] }, select_list: [column], from_table: table, where_clause: null,
    group_expressions: [], group_sets: [], aggregate_handling: 'STANDARD_HANDLING', having: null, sample: null, qualify: null,
  };
  return {
    class: 'SUBQUERY', type: 'SUBQUERY', alias: '', query_location: at, subquery_type: 'SCALAR',
    subquery: { node: select, named_param_map: [] }, child: null, comparison_type: 'INVALID',
  };
}
