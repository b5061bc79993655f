import { type Finding, finding } from './finding.ts';
import { namesOnlySampleOf } from './names-only-sample.ts';
import type { PolicySource } from './policy-source.ts';
import { findNode, isNode, type Node, nodesOf, type SqlTree, textOf, visitNodes } from './sql-tree.ts';

const hint = 'a choice that depends on what the same chance picked is biased: name each item with its probability instead (the row forms, as bottom_k_p), '
  + 'and put the condition on what the items hold';

/** Places where what a sampling function picked decides about other rows (sampling.md, rules 8 and 9). */
export function lintOutcomes(source: PolicySource, statement: Node, macros: ReadonlySet<string>): readonly Finding[] {
  const picks = pickNames(statement, macros);
  const found: Finding[] = [];
  visitNodes(statement, (node) => {
    if (node['type'] === 'SELECT_NODE') {
      for (const clause of ['where_clause', 'having', 'qualify']) found.push(...condition(source, node[clause] ?? null, picks, macros));
    }
    if (node['type'] === 'JOIN') {
      found.push(...condition(source, node['condition'] ?? null, picks, macros));
      const side = [node['left'], node['right']].find((table) => isNode(table) && holdsPicks(table, picks, macros));
      if (side !== undefined) found.push(finding(source, 'own_outcome_join', side, 'what a sampling function picked is joined with other rows of its window', hint));
    }
    const branches = node['type'] === 'SET_OPERATION_NODE' && node['setop_type'] !== 'UNION' ? [node['left'], node['right'], ...nodesOf(node['children'])] : [];
    const branch = branches.find((query) => isNode(query) && holdsPicks(query, picks, macros));
    if (branch !== undefined) found.push(finding(source, 'own_outcome', branch, `${textOf(node['setop_type'])} with what a sampling function picked`, hint));
  });
  return found;
}

function condition(source: PolicySource, tree: SqlTree, picks: ReadonlySet<string>, macros: ReadonlySet<string>): readonly Finding[] {
  if (!isNode(tree) || !holdsPicks(tree, picks, macros)) return [];
  return [finding(source, 'own_outcome', tree, 'this condition depends on what a sampling function picked in the same window', hint)];
}

/** Names of the CTEs that hold picks, lower case. */
function pickNames(statement: Node, macros: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set<string>();
  visitNodes(statement, (node) => {
    const map = node['cte_map'];
    for (const entry of isNode(map) ? nodesOf(map['map']) : []) {
      const value = entry['value'];
      if (isNode(value) && holdsPicks(value, names, macros)) names.add(textOf(entry['key']).toLowerCase());
    }
  });
  return names;
}

function holdsPicks(tree: Node, picks: ReadonlySet<string>, macros: ReadonlySet<string>): boolean {
  if (namesOnlySampleOf(tree, macros) !== null) return true;
  return findNode(tree, (node) => node['type'] === 'BASE_TABLE' && picks.has(textOf(node['table_name']).toLowerCase())) !== undefined;
}
