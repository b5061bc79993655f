import { constantOf, constantText, findNode, isNode, type Node, nodesOf, type SqlTree, textOf } from '../sql-tree.ts';

/** What is known of the parts of a condition while rows are added to what it is about. */
export interface Leaves {
  /** Can only turn from false, or NULL, to true. */
  readonly turnsTrue: (node: Node) => boolean;
  /** Can only grow, from NULL on. */
  readonly grows: (node: Node) => boolean;
  /** Can only shrink, from NULL on. */
  readonly shrinks: (node: Node) => boolean;
}

/** What `x` is to `y` in a comparison, by what the engine calls it, where the condition is x op y. */
const growingLeft: ReadonlySet<string> = new Set(['COMPARE_GREATERTHAN', 'COMPARE_GREATERTHANOREQUALTO']);
const growingRight: ReadonlySet<string> = new Set(['COMPARE_LESSTHAN', 'COMPARE_LESSTHANOREQUALTO']);

const notFixed: ReadonlySet<string> = new Set(['COLUMN_REF', 'SUBQUERY', 'WINDOW']);
/** To the parser INTERVAL 5 DAYS is to_days(trunc(5)), with casts. */
const ofOneRow = /^((to|make)_.*|trunc)$/i;

/** Functions of one value that never fall as it grows. */
const rising: ReadonlySet<string> = new Set(['epoch', 'epoch_ms', 'epoch_us', 'epoch_ns', 'floor', 'ceil', 'ceiling', 'round']);

/**
 * Whether a condition, once true, stays true whatever rows come: seen by its form alone, false where in doubt. AND and OR of such, comparisons of what
 * grows with what is fixed, and what the leaves say. A NULL counts as false, as it does in WHERE.
 */
export function holdsForGood(condition: SqlTree | undefined, leaves: Leaves): boolean {
  if (!isNode(condition)) return false;
  const type = textOf(condition['type']);
  if (condition['class'] === 'CONJUNCTION') return nodesOf(condition['children']).every((child) => holdsForGood(child, leaves));
  if (condition['class'] === 'COMPARISON') return comparisonHolds(type, condition, leaves);
  return leaves.turnsTrue(condition) || isTrue(condition);
}

function comparisonHolds(type: string, { left, right }: Node, leaves: Leaves): boolean {
  if (growingLeft.has(type)) return grows(left, leaves) && shrinks(right, leaves);
  if (growingRight.has(type)) return shrinks(left, leaves) && grows(right, leaves);
  if (type !== 'COMPARE_EQUAL') return false;
  return (isTrue(right) && holdsForGood(left, leaves)) || (isTrue(left) && holdsForGood(right, leaves));
}

/** Whether a value can only grow, or does not change. */
function grows(tree: SqlTree | undefined, leaves: Leaves): boolean {
  if (!isNode(tree)) return false;
  if (isFixed(tree) || leaves.grows(tree)) return true;
  const [first, second] = nodesOf(tree['children']);
  const name = textOf(tree['function_name']).toLowerCase();
  if (name === '+') return grows(first, leaves) && grows(second, leaves);
  if (name === '-') return grows(first, leaves) && shrinks(second, leaves);
  if (name === '*' || name === '/') return grows(first, leaves) && isPositive(second);
  if (name === 'date_part') return constantOf(first)?.value === 'epoch' && grows(second, leaves);
  return rising.has(name) && nodesOf(tree['children']).length === 1 && grows(first, leaves);
}

/** Whether a value can only shrink, or does not change. */
function shrinks(tree: SqlTree | undefined, leaves: Leaves): boolean {
  return isNode(tree) && (isFixed(tree) || leaves.shrinks(tree));
}

/** Whether a value hangs on no row: constants, and operators and functions of them that are known not to be aggregates, which the parser does not tell apart. */
function isFixed(tree: Node): boolean {
  return findNode(tree, (node) => notFixed.has(textOf(node['class'])) || (node['class'] === 'FUNCTION' && node['is_operator'] !== true && !ofOneRow.test(textOf(node['function_name'])))) === undefined;
}

/** TRUE, which DuckDB's parser writes as a cast of a text. */
function isTrue(tree: SqlTree | undefined): boolean {
  if (!isNode(tree)) return false;
  if (tree['class'] === 'CAST') return isNode(tree['cast_type']) && tree['cast_type']['id'] === 'BOOLEAN' && ['t', 'true'].includes(constantText(tree['child'])?.toLowerCase() ?? '');
  return constantOf(tree)?.value === true;
}

function isPositive(tree: Node | undefined): boolean {
  const value = constantOf(tree)?.value;
  return typeof value === 'number' && value > 0;
}
