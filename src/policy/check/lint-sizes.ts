import type { Examined } from '../compile/compiler.ts';
import { type Finding, finding } from '../compile/finding.ts';
import { sampleSizeMax } from '../compile/quick/sample.ts';
import { columnParts, type Node, nodesOf, textOf, visitNodes } from '../compile/sql-tree.ts';
import { isConstant } from './lint-probability.ts';
import { bareSelect, nowhere, type RangeBench } from './range-bench.ts';
import { one, type Scoped, selectsOf } from './scoped-selects.ts';

interface Call {
  readonly name: string;
  readonly node: Node;
  readonly scoped: Scoped;
  /** k, or the budget. */
  readonly limit: Node | undefined;
  /** Size of an item, where the function takes one. */
  readonly size: Node | undefined;
}

/** Constant sample sizes and budgets that cannot be meant. */
export async function lintSizes(bench: RangeBench, examined: Examined): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for (const scoped of selectsOf(examined.statement)) {
    for (const call of callsIn(scoped)) {
      const one = await ofCall(bench, examined, call);
      if (one !== null) found.push(one);
    }
  }
  return found;
}

async function ofCall(bench: RangeBench, { source }: Examined, call: Call): Promise<Finding | null> {
  const { name, limit, size, scoped } = call;
  if (limit === undefined || !isConstant(limit)) return null;
  const value = await bench.numberOf(limit);
  if (value === undefined) return null;
  if (size === undefined) {
    const isSize = value !== null && Number.isInteger(value) && value >= 1 && value <= sampleSizeMax;
    return isSize ? null : finding(source, 'sample_size', limit, `${name}() takes a whole number from 1 to ${sampleSizeMax}, not ${value}`);
  }
  if (value === null || !(value > 0)) return finding(source, 'sample_size', limit, `a budget of ${value} keeps nothing`, 'write one that some items fit in');
  const fits: Node = { class: 'COMPARISON', type: 'COMPARE_LESSTHANOREQUALTO', alias: '', query_location: nowhere, left: { ...size, alias: '' }, right: { ...limit, alias: '' } };
  const query: Node = { ...bareSelect, cte_map: { map: scoped.ctes }, select_list: [one], from_table: scoped.select['from_table'], where_clause: fits };
  if (await bench.isEmpty(query) !== true) return null;
  return finding(source, 'budget_below_item', limit, `no item fits in a budget of ${value}`, 'they all go by oversize: raise the budget, or see what unit the size has');
}

/** Calls in the clauses of a SELECT itself; those of its subqueries are found with them. */
function callsIn(scoped: Scoped): readonly Call[] {
  const calls: Call[] = [];
  for (const clause of ['select_list', 'where_clause', 'having', 'qualify']) {
    visitNodes(scoped.select[clause] ?? null, (node, ancestors) => {
      for (let way = ancestors; way !== null; way = way.up) if (way.node['type'] === 'SELECT_NODE') return;
      const name = textOf(node['function_name']).toLowerCase();
      const places = argumentsOf(name, nodesOf(node['children']).filter(({ alias }) => textOf(alias) === ''));
      if (places !== null) calls.push({ name, node, scoped, ...places });
    });
  }
  return calls;
}

/** The arguments that say how much, by the forms that the functions have: with an item, or with a row of item and value. */
function argumentsOf(name: string, args: readonly Node[]): Pick<Call, 'limit' | 'size'> | null {
  const family = /^(bottom_k|weighted_reservoir_sample(?:_exp)?|budget_sample)(?:_p)?$/.exec(name)?.[1];
  if (family === undefined) return null;
  if (family === 'bottom_k') return { limit: args[1], size: undefined };
  const isItem = ['item', 'id'].includes(columnParts(args[0])?.at(-1)?.toLowerCase() ?? '');
  const limit = args[isItem ? 2 : 1];
  if (family !== 'budget_sample') return { limit, size: undefined };
  return { limit, size: isItem ? args[1] : nodesOf(args[0]?.['children'])[1] };
}
