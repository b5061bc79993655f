import type { Analysis } from './analysis.ts';
import { PolicySource } from './policy-source.ts';
import { argumentsOf, kindOf, rowForms } from './quick/sample.ts';
import { become, isNode, type Node, nodesOf, stringsOf, textOf, visitNodes } from './sql-tree.ts';

/** A row form's call in a SELECT list. */
interface RowCall {
  readonly call: Node;
  readonly every: string;
  readonly item: Node;
  readonly rest: readonly Node[];
  readonly keys: readonly Node[];
}

/**
 * The statement with every row form written as what it means: each row joined with the probability that the `_every` aggregate gives
 * its item, over the same FROM and WHERE, grouped by the keys. A copy; the statement itself where there is none. Throws PolicyError
 * `not_allowed` where a row form stands elsewhere than in a SELECT list, or its rows are not the same each time.
 */
export async function rowSamplesAsJoins(analysis: Analysis, source: PolicySource, statement: Node): Promise<Node> {
  if (callsIn(statement).length === 0) return statement;
  const copy = structuredClone(statement);
  const selects: Node[] = [];
  visitNodes(copy, (node) => {
    if (node['type'] === 'SELECT_NODE') selects.unshift(node);
  });
  let number = 0;
  for (const select of selects) {
    for (const call of callsIn(select['select_list'] ?? null)) {
      await join(analysis, source, select, rowCallOf(source, call), number++);
    }
  }
  const [left] = callsIn(copy);
  if (left !== undefined) throw refusal(source, left, 'stands outside of a SELECT list', 'compute it in a subquery and use its column');
  return copy;
}

function callsIn(tree: Node[string]): readonly Node[] {
  const calls: Node[] = [];
  visitNodes(tree, (node) => {
    if (node['class'] === 'FUNCTION' && rowForms.has(textOf(node['function_name']).toLowerCase())) calls.push(node);
  });
  return calls;
}

function refusal(source: PolicySource, call: Node, what: string, hint: string): Error {
  return source.error('not_allowed', `${textOf(call['function_name'])}() ${what}`, { at: call, hint });
}

function rowCallOf(source: PolicySource, call: Node): RowCall {
  const name = textOf(call['function_name']).toLowerCase();
  const isOption = (node: Node): boolean => textOf(node['alias']).toLowerCase() === 'oversize';
  const options = nodesOf(call['children']).filter(isOption);
  const positional = nodesOf(call['children']).filter((node) => !isOption(node));
  const kind = kindOf(name);
  const own = kind === null ? 0 : argumentsOf(kind);
  if (positional.length < own) throw refusal(source, call, `needs ${own} arguments, and the keys of its groups after them`, 'write for example bottom_k_p(item, 100, root_service)');
  return {
    call, every: name.replace(/_p$/, '_every'), item: positional[0],
    rest: [...positional.slice(1, own), ...options], keys: positional.slice(own),
  };
}

async function join(analysis: Analysis, source: PolicySource, select: Node, row: RowCall, number: number): Promise<void> {
  checkPlace(source, select, row.call);
  const [key, p, alias] = [`sampled_key${number}`, `sampled_p${number}`, `sampled_rows${number}`];
  const text = `
    SELECT ${alias}.${p} FROM (SELECT 1) LEFT JOIN (
      SELECT struct_extract_at(pick, 1) AS ${key}, max(struct_extract_at(pick, 2)) AS ${p}
      FROM (SELECT unnest(${row.every}(0)) AS pick) GROUP BY ALL) AS ${alias} ON item_of(0)."key" = ${alias}.${key}`;
  const [made] = nodesOf([(await analysis.parse(new PolicySource(source.name, text)))['node']]);
  const joined = made['from_table'];
  fill(made, row, {
    from_table: structuredClone(select['from_table']), where_clause: structuredClone(select['where_clause']),
    group_expressions: structuredClone([...row.keys]), group_sets: row.keys.length === 0 ? [] : [row.keys.map((_, index) => index)],
  });
  if (!isNode(joined)) throw new Error('invariant broken: a join was written');
  joined['left'] = select['from_table'];
  select['from_table'] = joined;
  for (const star of nodesOf(select['select_list']).filter((item) => item['class'] === 'STAR' && textOf(item['relation_name']) === '')) {
    star['exclude_list'] = [...stringsOf(star['exclude_list']), key, p];
  }
  become(row.call, { ...nodesOf(made['select_list'])[0], alias: row.call['alias'] });
}

/** Puts the rows into the SELECT that calls the aggregate, its arguments into the call, and the item into the join's condition. */
function fill(made: Node, row: RowCall, rows: Node): void {
  const calls: Node[] = [];
  visitNodes(made, (node) => {
    const name = textOf(node['function_name']);
    if (name === row.every || name === 'item_of') calls.push(node);
    if (node['type'] === 'SELECT_NODE' && nodesOf(node['select_list']).some((item) => item['function_name'] === 'unnest')) Object.assign(node, rows);
  });
  for (const call of calls) {
    const rest = call['function_name'] === row.every ? row.rest : [];
    call['children'] = structuredClone([{ ...row.item, alias: '' }, ...rest]);
  }
}

function checkPlace(source: PolicySource, select: Node, call: Node): void {
  const sets = select['group_sets'];
  const isGrouped = (Array.isArray(sets) && sets.length > 0) || select['aggregate_handling'] !== 'STANDARD_HANDLING';
  if (isGrouped) throw refusal(source, call, 'gives each row its probability and stands beside no GROUP BY', 'without _p it is an aggregate');
  visitNodes([select['from_table'] ?? null, select['where_clause'] ?? null], (node) => {
    if (!textOf(node['type']).startsWith('LIMIT')) return;
    throw refusal(source, call, 'reads rows of a LIMIT, which need not be the same twice', 'leave the LIMIT out');
  });
}
