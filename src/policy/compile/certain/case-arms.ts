import { isNode, type Node, nodesOf, type SqlTree } from '../sql-tree.ts';

/**
 * A SELECT whose second column is CASE WHEN ... THEN, as one of only the rows that its first arms are for, as far as these give what `isOne` says; the SELECT itself where there
 * is no CASE, or its first arm gives something else.
 */
export function ofFirstArms(select: Node, isOne: (node: Node) => boolean): Node {
  const [key, chance] = nodesOf(select['select_list']);
  if (chance === undefined || chance['class'] !== 'CASE') return select;
  const arms = nodesOf(chance['case_checks']);
  const other = arms.findIndex(({ then_expr: then }) => !isNode(then) || !isOne(then));
  const first = other === -1 ? arms : arms.slice(0, other);
  if (first.length === 0) return select;
  const among = joined('CONJUNCTION_OR', first.map(({ when_expr: when }) => when));
  const where = select['where_clause'] ?? null;
  return { ...select, select_list: [key, first[0]['then_expr']], where_clause: where === null ? among : joined('CONJUNCTION_AND', [where, among]) };
}

/** Conditions joined by AND or OR, as the parser writes it: without such within such. */
function joined(type: 'CONJUNCTION_AND' | 'CONJUNCTION_OR', conditions: readonly SqlTree[]): SqlTree {
  if (conditions.length === 1) return conditions[0];
  const children = conditions.flatMap((condition): readonly SqlTree[] => (isNode(condition) && condition['type'] === type ? nodesOf(condition['children']) : [condition]));
  return { class: 'CONJUNCTION', type, alias: '', children };
}
