import { isNode, type Node, nodesOf, type SqlTree, textOf } from '../compile/sql-tree.ts';

/** Operators that give no rows where their input has none. */
const passing: ReadonlySet<string> = new Set([
  'PROJECTION', 'FILTER', 'ORDER_BY', 'TOP_N', 'WINDOW', 'STREAMING_WINDOW', 'UNNEST', 'HASH_GROUP_BY', 'PERFECT_HASH_GROUP_BY', 'LIMIT', 'STREAMING_LIMIT',
]);

/** Sides of a join that must have rows for it to have any; joins of other types may have some whatever their sides have. */
const sidesNeeded: { readonly [joinType: string]: readonly number[] } = { INNER: [0, 1], SEMI: [0, 1], LEFT: [0], ANTI: [0], MARK: [0], SINGLE: [0], RIGHT: [1] };

/** Whether a plan, as EXPLAIN (FORMAT json) gives it, can have no rows. */
export function isEmptyPlan(plan: SqlTree): boolean {
  const [top] = Array.isArray(plan) ? plan.filter(isNode) : [];
  return top !== undefined && isEmpty(top);
}

function isEmpty(operator: Node): boolean {
  const name = textOf(operator['name']).trim();
  const children = nodesOf(operator['children']);
  if (name === 'EMPTY_RESULT') return true;
  if (name === 'CROSS_PRODUCT') return children.some(isEmpty);
  if (name === 'UNION') return children.every(isEmpty);
  if (passing.has(name)) return children.length === 1 && isEmpty(children[0]);
  const info = operator['extra_info'];
  const needed = name.endsWith('_JOIN') && isNode(info) ? sidesNeeded[textOf(info['Join Type'])] : undefined;
  return needed?.some((side) => children[side] !== undefined && isEmpty(children[side])) === true;
}
