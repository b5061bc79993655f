import type { Examined } from '../compile/compiler.ts';
import { type Finding, finding } from '../compile/finding.ts';
import { columnParts, findNode, isNode, type Node, nodesOf, type SqlTree, textOf } from '../compile/sql-tree.ts';
import type { RangeBench } from './range-bench.ts';

/** How a policy says its chance. */
type Said = 'probability' | 'adjusted_count';

/** Constants that are no probability, in every place of the result that one comes from: branches of UNION and CASE, defaults. */
export async function lintProbability(bench: RangeBench, examined: Examined): Promise<readonly Finding[]> {
  const column = chanceColumn(examined.statement['node'] ?? null);
  if (column === null) return [];
  const found: Finding[] = [];
  for (const expression of column.expressions) {
    for (const leaf of leavesOf(expression)) {
      const one = await ofConstant(bench, examined, column.said, leaf, expression);
      if (one !== null) found.push(one);
    }
  }
  return found.length > 0 || column.name === null ? found : ofWhole(bench, examined, column.name, column);
}

interface ChanceColumn {
  readonly said: Said;
  /** Null where it has none by which it could be asked for. */
  readonly name: string | null;
  /** Its expression in each branch of the statement. */
  readonly expressions: readonly Node[];
}

function chanceColumn(top: SqlTree): ChanceColumn | null {
  const branches = branchesOf(top);
  const [first] = branches;
  if (first === undefined) return null;
  const names = first.map((item) => (textOf(item['alias']) || (columnParts(item)?.at(-1) ?? '')).toLowerCase());
  const named = (['probability', 'adjusted_count'] as const).find((name) => names.includes(name));
  if (first.some((item) => item['class'] === 'STAR')) return null;
  const index = named === undefined ? 1 : names.indexOf(named);
  const expressions = branches.flatMap((branch) => branch.slice(index, index + 1));
  return { said: named ?? 'probability', name: named ?? null, expressions };
}

/** Select lists of the branches of a UNION; of a single SELECT its own. EXCEPT and INTERSECT give rows of the left side. */
function branchesOf(top: SqlTree): readonly (readonly Node[])[] {
  if (!isNode(top)) return [];
  if (top['type'] !== 'SET_OPERATION_NODE') return [nodesOf(top['select_list'])];
  const others = top['setop_type'] === 'UNION' ? [top['right'] ?? null, ...nodesOf(top['children'])] : [];
  return [top['left'] ?? null, ...others].flatMap(branchesOf);
}

/** The constants that a value may come from: branches of CASE, arguments of COALESCE (there NULL means nothing) and greatest(). */
function leavesOf(tree: SqlTree): readonly Node[] {
  if (!isNode(tree)) return [];
  if (tree['class'] === 'CASE') return [...nodesOf(tree['case_checks']).map((check) => check['then_expr']), tree['else_expr'] ?? null].flatMap(leavesOf);
  if (tree['type'] === 'OPERATOR_COALESCE') return nodesOf(tree['children']).flatMap(leavesOf).filter((leaf) => !isNull(leaf));
  if (textOf(tree['function_name']).toLowerCase() === 'greatest') return nodesOf(tree['children']).flatMap(leavesOf);
  if (tree['class'] === 'CAST' && isNode(tree['child']) && tree['child']['class'] !== 'CONSTANT') return leavesOf(tree['child']);
  return isConstant(tree) ? [tree] : [];
}

function isNull(tree: Node): boolean {
  return isNode(tree['value']) && tree['value']['is_null'] === true;
}

const arithmetic: ReadonlySet<string> = new Set([
  '+', '-', '*', '/', '//', '%', '**', '^', 'pow', 'power', 'exp', 'ln', 'log', 'sqrt', 'least', 'greatest', 'round', 'floor', 'ceil', 'abs',
]);

/** Whether an expression is made of constants and arithmetic alone. */
export function isConstant(tree: Node): boolean {
  const isOther = (node: Node): boolean => {
    const kind = textOf(node['class']);
    return kind === 'FUNCTION' ? !arithmetic.has(textOf(node['function_name']).toLowerCase()) : !['', 'CONSTANT', 'CAST'].includes(kind);
  };
  return findNode(tree, isOther) === undefined;
}

async function ofConstant(bench: RangeBench, { source, policy }: Examined, said: Said, leaf: Node, expression: Node): Promise<Finding | null> {
  const value = await bench.numberOf(leaf);
  if (value === undefined) return null;
  if (value === null) {
    return finding(source, 'probability_range', expression, 'this can be NULL, which fails the policy', 'a CASE without ELSE gives NULL: leave such rows out in WHERE, or say which probability they have');
  }
  if (said === 'adjusted_count') {
    return value >= 1 ? null : finding(source, 'probability_range', leaf, `${value} is no adjusted count, which is at least 1`, 'adjusted_count is 1 / probability');
  }
  if (!(value >= 0 && value <= 1)) return finding(source, 'probability_range', leaf, `${value} is no probability`, rangeHint(value));
  return value > 0 || policy.mode === 'drop' ? null : finding(source, 'probability_zero', leaf, 'with probability 0 none of these is kept', 'leave them out in WHERE');
}

function rangeHint(value: number): string {
  if (!(value > 1)) return 'a probability is from 0 to 1';
  if (!Number.isInteger(value)) return 'a probability is from 0 to 1; 0.5 is one half';
  return value <= 100 ? `${value / 100} is ${value} %, 1.0 / ${value} is one of ${value}` : `1.0 / ${value} is one of ${value}`;
}

/** A column whose values all lie outside, wherever they come from. */
async function ofWhole(bench: RangeBench, { source, policy }: Examined, name: string, { said, expressions }: ChanceColumn): Promise<readonly Finding[]> {
  const valid = said === 'probability' ? 'c >= 0 AND c <= 1' : 'c >= 1';
  if (await bench.isEmptySql(`SELECT 1 FROM (SELECT CAST("${name}" AS DOUBLE) AS c FROM (${policy.sql})) WHERE ${valid}`) !== true) return [];
  if (await bench.isEmptySql(policy.sql) !== false) return [];
  return [finding(source, 'probability_range', expressions[0], `${said} is never ${said === 'probability' ? 'within [0, 1]' : '1 or more'}`, 'a probability is from 0 to 1')];
}
