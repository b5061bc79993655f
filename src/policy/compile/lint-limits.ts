import { type Finding, finding } from './finding.ts';
import type { PolicySource } from './policy-source.ts';
import { type Ancestors, constantOf, isNode, type Node, nodesOf, textOf, visitNodes } from './sql-tree.ts';

const rankHint = 'QUALIFY rank() OVER (ORDER BY ...) <= k takes equal rows alike';

/** LIMIT, OFFSET and DISTINCT ON where they pick rows. A scalar subquery's LIMIT 1 only says which of several values is read. */
export function lintLimits(source: PolicySource, statement: Node): readonly Finding[] {
  const found: Finding[] = [];
  visitNodes(statement, (node, ancestors) => {
    const modifiers = nodesOf(node['modifiers']);
    const isOrdered = modifiers.some(({ type }) => type === 'ORDER_MODIFIER');
    for (const modifier of modifiers) {
      const type = textOf(modifier['type']);
      if (type.startsWith('LIMIT') && !isOfOneValue(modifier, ancestors)) found.push(limitFinding(source, modifier, isOrdered));
      if (type === 'DISTINCT_MODIFIER' && nodesOf(modifier['distinct_on_targets']).length > 0 && !isOrdered) {
        found.push(finding(source, 'order_dependent', modifier, 'DISTINCT ON keeps any one row of each group', 'add an ORDER BY, or aggregate with GROUP BY'));
      }
    }
  });
  return found;
}

function limitFinding(source: PolicySource, modifier: Node, isOrdered: boolean): Finding {
  if (isOrdered) return finding(source, 'limit_ties', modifier, 'LIMIT picks any of the rows that are equal at the limit', rankHint);
  return finding(source, 'limit_picks', modifier, 'LIMIT picks rows without a chance that is known, so their counts are wrong', 'bottom_k(item, k) picks k of them rightly');
}

function isOfOneValue(modifier: Node, ancestors: Ancestors): boolean {
  const parents: (Node | undefined)[] = [ancestors?.node, ancestors?.up?.node];
  const isScalar = parents.some((parent) => isNode(parent) && parent['class'] === 'SUBQUERY' && parent['subquery_type'] === 'SCALAR');
  return isScalar && constantOf(modifier['limit'])?.value === 1;
}
