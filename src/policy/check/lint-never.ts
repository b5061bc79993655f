import { catalogViews } from '../catalog/views.ts';
import type { Examined } from '../compile/compiler.ts';
import { type Finding, finding } from '../compile/finding.ts';
import { columnParts, findNode, isNode, type Node, nodesOf, visitNodes } from '../compile/sql-tree.ts';
import { bareSelect, nowhere, type RangeBench } from './range-bench.ts';
import { one, type Scoped, selectsOf } from './scoped-selects.ts';

/**
 * Conditions that no row can fulfil, found by asking the planner for the plan of each SELECT by itself: contradictions, values that
 * a column cannot have, `WHERE false`, alternatives of an OR that never hold.
 */
export async function lintNever(bench: RangeBench, { source, statement }: Examined): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const copy = structuredClone(statement);
  visitNodes(copy, (node) => inNanoseconds(node));
  for (const scoped of selectsOf(copy)) {
    for (const clause of ['where_clause', 'having', 'qualify'] as const) {
      const tree = scoped.select[clause];
      if (!isNode(tree)) continue;
      const at = await culprit(bench, scoped, clause, tree);
      if (at !== null) found.push(finding(source, 'never_matches', at.node, at.what, at.node['class'] === 'CONJUNCTION' ? null : meaningOf(at.node)));
    }
    for (const when of cases(scoped.select)) {
      if (await bench.isEmpty(alone(scoped, 'where_clause', when)) !== true || await bench.isEmpty(alone(scoped, 'where_clause', null)) !== false) continue;
      found.push(finding(source, 'never_matches', when, 'no row can fulfil this WHEN', meaningOf(when)));
    }
  }
  return found;
}

/** Conditions of CASE in the select list of a SELECT without groups, those of its subqueries not. */
function cases(select: Node): readonly Node[] {
  const found: Node[] = [];
  if (nodesOf(select['group_expressions']).length > 0) return found;
  visitNodes(select['select_list'], (node, ancestors) => {
    for (let way = ancestors; way !== null; way = way.up) if (way.node['type'] === 'SELECT_NODE') return;
    if (isNode(node['when_expr'])) found.push(node['when_expr']);
  });
  return found;
}

type Clause = 'where_clause' | 'having' | 'qualify';

interface Culprit {
  readonly node: Node;
  readonly what: string;
}

async function culprit(bench: RangeBench, scoped: Scoped, clause: Clause, tree: Node): Promise<Culprit | null> {
  const isEmpty = (condition: Node | null): Promise<boolean | null> => bench.isEmpty(alone(scoped, clause, condition));
  if (await isEmpty(tree) !== true) return alternative(tree, isEmpty);
  if (await isEmpty(null) !== false) return null;
  for (const part of partsOf(tree, 'CONJUNCTION_AND')) {
    if (await isEmpty(part) === true) return { node: part, what: 'no row can fulfil this condition' };
  }
  return { node: await contradiction(tree, isEmpty), what: 'these conditions contradict each other, so no row can fulfil them' };
}

/** The conditions of an AND that cannot hold together, without those that have no part in it. */
async function contradiction(tree: Node, isEmpty: (condition: Node) => Promise<boolean | null>): Promise<Node> {
  let parts = partsOf(tree, 'CONJUNCTION_AND');
  if (parts.length < 2) return tree;
  const together = (children: readonly Node[]): Node => ({ class: 'CONJUNCTION', type: 'CONJUNCTION_AND', alias: '', query_location: nowhere, children });
  for (const part of parts) {
    const rest = parts.filter((other) => other !== part);
    if (rest.length > 1 && await isEmpty(together(rest)) === true) parts = rest;
  }
  return together(parts);
}

/** The first alternative of an OR that never holds. */
async function alternative(tree: Node, isEmpty: (condition: Node) => Promise<boolean | null>): Promise<Culprit | null> {
  for (const either of partsOf(tree, 'CONJUNCTION_AND')) {
    const parts = partsOf(either, 'CONJUNCTION_OR');
    if (parts.length < 2) continue;
    for (const part of parts) if (await isEmpty(part) === true) return { node: part, what: 'no row can fulfil this alternative' };
  }
  return null;
}

function partsOf(tree: Node, type: string): readonly Node[] {
  return tree['type'] === type ? nodesOf(tree['children']).flatMap((child) => partsOf(child, type)) : [tree];
}

/** The SELECT with one condition: of WHERE nothing else matters; of the others also how rows are grouped. */
function alone({ select, ctes }: Scoped, clause: Clause, condition: Node | null): Node {
  const cte_map = { map: ctes };
  if (clause === 'where_clause') return { ...bareSelect, cte_map, select_list: [one], from_table: select['from_table'], where_clause: condition };
  return { ...select, cte_map, modifiers: [], where_clause: null, having: null, qualify: null, [clause]: condition };
}

/** `duration < INTERVAL ...` in nanoseconds, in place: the planner knows no ranges of intervals. */
function inNanoseconds(node: Node): void {
  if (node['class'] !== 'COMPARISON') return;
  for (const [side, other] of [['left', 'right'], ['right', 'left']] as const) {
    const parts = columnParts(node[side]);
    const value = node[other];
    if (parts?.at(-1)?.toLowerCase() !== 'duration' || !isNode(value) || hasColumn(value)) continue;
    node[side] = { ...(isNode(node[side]) ? node[side] : {}), column_names: [...parts.slice(0, -1), 'duration_time_unix_nano'] };
    node[other] = {
      class: 'FUNCTION', type: 'FUNCTION', alias: '', query_location: nowhere, function_name: 'epoch_ns', schema: '', children: [value], filter: null,
      order_bys: { type: 'ORDER_MODIFIER', orders: [] }, distinct: false, is_operator: false, export_state: false, catalog: '',
    };
    return;
  }
}

function hasColumn(tree: Node): boolean {
  return findNode(tree, (node) => node['class'] === 'COLUMN_REF' || node['class'] === 'SUBQUERY') !== undefined;
}

const meanings: ReadonlyMap<string, string> = new Map([
  ...catalogViews.flatMap(({ columns }) => columns.filter(({ doc }) => /\b0 un|\d \w+, \d/.test(doc)).map(({ name, doc }): [string, string] => [name, doc])),
  ['duration', 'a duration is never below zero'],
  ['duration_time_unix_nano', 'a duration is never below zero'],
]);

/** What the values of the column mean that a condition is about. */
function meaningOf(condition: Node): string | null {
  let meaning: string | null = null;
  visitNodes(condition, (node) => {
    const name = columnParts(node)?.at(-1)?.toLowerCase() ?? '';
    const doc = meanings.get(name);
    if (meaning === null && doc !== undefined) meaning = doc.startsWith('a ') ? doc : `${name} is ${doc}`;
  });
  return meaning;
}
