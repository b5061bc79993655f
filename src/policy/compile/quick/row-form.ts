import type { Analysis } from '../analysis.ts';
import { PolicySource } from '../policy-source.ts';
import { become, columnParts, isNode, type Node, nodesOf, stringsOf, textOf, visitNodes } from '../sql-tree.ts';
import { quickCall, type QuickCall } from './call.ts';
import { rowsOf } from './rows-of.ts';
import type { Walk } from './sample.ts';
import { type CteQueries, isRowByRow, isSimple, rowSource } from './source.ts';
import { probabilitySql, walkSql } from './walk-sql.ts';

/** A row form's call (`bottom_k_p` ...) in a SELECT list. */
interface RowForm {
  readonly select: Node;
  readonly node: Node;
  readonly call: QuickCall;
  readonly walk: Walk;
}

/** The row forms of a SELECT that can be run the quick way. */
export function rowFormsOf(select: Node, ctes: CteQueries, ofTraces: Walk): readonly RowForm[] {
  const sets = select['group_sets'];
  const source = rowSource(ctes, select['from_table']);
  if (source === null) return [];
  const walk = source.view === 'traces' ? ofTraces : 'units';
  if ((Array.isArray(sets) && sets.length > 0) || !isSimple(select) || !isRowByRow([select['where_clause']])) return [];
  const found: RowForm[] = [];
  visitNodes(select['select_list'] ?? null, (node) => {
    if (!textOf(node['function_name']).toLowerCase().endsWith('_p') || !isRowByRow([node])) return;
    const call = quickCall(node, source);
    if (call !== null) found.push({ select, node, call, walk });
  });
  return found;
}

/** Joins the rows with their groups' thresholds, or with their units, and writes the probability in place of the call. */
export async function writeRowForm(analysis: Analysis, source: PolicySource, form: RowForm, number: number): Promise<void> {
  const { select, node, call, walk } = form;
  const rows = await rowsOf(analysis, source, select, call, call.rest);
  const { ctes, found } = walkSql(call.sample, rows, walk);
  const alias = `sampled_found${number}`;
  const columns = [...rows.keys, ...(walk === 'units' ? ['r', 'p'] : ['tau', 'total'])].map((name) => `sampled_${name}_${number}`);
  const keys = call.rest.map((_, index) => `sampled_given_key${index} IS NOT DISTINCT FROM ${columns[index]}`);
  const r = call.sample.isId ? '(sampled_given_item >> 64)::UBIGINT' : "struct_extract(sampled_given_item, 'r')";
  const condition = [...(keys.length === 0 ? [`${columns[0]} = 0`] : keys), ...(walk === 'units' ? [`${r} = ${columns.at(-2)}`] : [])].join(' AND ');
  const text = `SELECT ${probability(call, walk, r, columns)} FROM (SELECT 1) LEFT JOIN (WITH ${ctes} ${found}) AS ${alias}(${columns.join(', ')}) ON ${condition}`;
  const [made] = nodesOf([(await analysis.parse(new PolicySource(source.name, text)))['node']]);
  const joined = made['from_table'];
  if (!isNode(joined)) throw new Error('invariant broken: a join was written');
  fill(made, call);
  joined['left'] = structuredClone(select['from_table'] ?? null);
  select['from_table'] = joined;
  for (const star of nodesOf(select['select_list']).filter((item) => item['class'] === 'STAR' && textOf(item['relation_name']) === '')) {
    star['exclude_list'] = [...stringsOf(star['exclude_list']), ...columns];
  }
  become(node, { ...nodesOf(made['select_list'])[0], alias: node['alias'] });
}

function probability({ sample }: QuickCall, walk: Walk, r: string, columns: readonly string[]): string {
  if (walk === 'units') return `${columns.at(-1)}`;
  const m = "struct_extract(sampled_given_item, 'n_in')::BIGINT";
  const own = sample.isWeighted ? `(sampled_given_weight::DOUBLE * (${m} / pow(2, 56)))` : '1::DOUBLE';
  const [tau = '', total = ''] = columns.slice(-2);
  return `CASE WHEN ${r} IS NOT NULL THEN ${probabilitySql(sample, walk, { own, m, size: 'sampled_given_size::BIGINT', tau, total })} END`;
}

/** Puts the call's arguments where their names stand. */
function fill(made: Node, { item, weight, size, rest }: QuickCall): void {
  const given = new Map<string, Node | null>([['item', item], ['weight', weight], ['size', size], ...rest.map((key, index) => [`key${index}`, key] as const)]);
  visitNodes(made, (node) => {
    const name = columnParts(node)?.at(-1);
    const argument = name?.startsWith('sampled_given_') === true ? given.get(name.slice('sampled_given_'.length)) : undefined;
    if (argument !== undefined && argument !== null) become(node, { ...structuredClone(argument), alias: node['alias'] });
  });
}
