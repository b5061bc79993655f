import type { Analysis } from './analysis.ts';
import { PolicySource } from './policy-source.ts';
import { become, columnParts, constantOf, isNode, type Node, nodesOf, type SqlTree, textOf, visitNodes } from './sql-tree.ts';

/** `SELECT unnest(f(item, weight, k), recursive := true) FROM traces WHERE ... GROUP BY keys`, in its parts. */
interface GroupSample {
  readonly select: Node;
  readonly name: string;
  readonly item: Node;
  readonly weight: Node | null;
  readonly k: number;
}

interface SampleKind {
  readonly isWeighted: boolean;
  readonly isExponential: boolean;
}

const sampleKinds: ReadonlyMap<string, SampleKind> = new Map([
  ['bottom_k', { isWeighted: false, isExponential: false }],
  ['weighted_reservoir_sample', { isWeighted: true, isExponential: false }],
  ['weighted_reservoir_sample_exp', { isWeighted: true, isExponential: true }],
]);

/** As checked_sample_size of sql/functions. */
const sampleSizeMax = 900_000;

/**
 * SQL that says the same as the statement with its samples of traces by group written as joins: the threshold of each group
 * first, then the rows below it, instead of a list of all rows a group. Null where there are no such samples.
 *
 * The macros remain the definition: groups where the short way could differ (rows of equal randomness that matter, units
 * larger than k, weights that are none) go through them. Only samples of the view `traces` are rewritten, whose randomness seldom repeats.
 */
export async function groupSamplesAsJoins(analysis: Analysis, source: PolicySource, statement: Node): Promise<string | null> {
  const copy = structuredClone(statement);
  const samples = selectsOf(copy['node']).flatMap((select) => groupSampleOf(select) ?? []);
  if (samples.length === 0) return null;
  for (const sample of samples) await rewrite(analysis, source, sample);
  return analysis.print(source, copy);
}

/** Whether the statement is no union: a sample of traces by group, where it was rewritten, names each trace once. */
export function isOneSelect(statement: Node): boolean {
  return selectsOf(statement['node']).length === 1;
}

/** The SELECTs that a statement is the union of. */
function selectsOf(query: SqlTree | undefined): readonly Node[] {
  if (!isNode(query)) return [];
  if (query['type'] === 'SELECT_NODE') return [query];
  return [query['left'], query['right'], ...nodesOf(query['children'])].flatMap(selectsOf);
}

function groupSampleOf(select: Node): GroupSample | null {
  const [unnest, ...others] = nodesOf(select['select_list']);
  if (others.length > 0 || !isPlain(select) || !isUnnestOfRows(unnest)) return null;
  const [call] = nodesOf(unnest['children']);
  const name = textOf(call['function_name']).toLowerCase();
  const kind = sampleKinds.get(name);
  if (kind === undefined || !isPlainCall(call)) return null;
  const children = nodesOf(call['children']);
  const size = constantOf(children.at(-1))?.value;
  const isCounted = typeof size === 'number' && Number.isInteger(size) && size >= 1 && size <= sampleSizeMax;
  if (children.length !== (kind.isWeighted ? 3 : 2) || !isCounted || children.some((child) => textOf(child['alias']) !== '')) return null;
  return { select, name, item: children[0], weight: kind.isWeighted ? children[1] : null, k: size };
}

/** One view, its rows filtered without subqueries, grouped by plain expressions, and nothing else. */
function isPlain(select: Node): boolean {
  const from = select['from_table'];
  const ctes = select['cte_map'];
  const keys = nodesOf(select['group_expressions']);
  const sets = select['group_sets'];
  return isNode(from) && from['type'] === 'BASE_TABLE' && textOf(from['table_name']).toLowerCase() === 'traces'
    && !(isNode(ctes) && nodesOf(ctes['map']).length > 0)
    && nodesOf(select['modifiers']).length === 0
    && select['having'] === null && select['qualify'] === null && select['aggregate_handling'] === 'STANDARD_HANDLING'
    && Array.isArray(sets) && sets.length === (keys.length === 0 ? 0 : 1)
    && keys.every((key) => key['class'] !== 'CONSTANT')
    && !holdsSubquery(select);
}

function holdsSubquery(select: Node): boolean {
  let found = false;
  visitNodes(select, (node) => {
    found ||= node['class'] === 'SUBQUERY';
  });
  return found;
}

function isUnnestOfRows(node: Node | undefined): node is Node {
  if (node === undefined || textOf(node['function_name']).toLowerCase() !== 'unnest') return false;
  const [call, recursive, ...others] = nodesOf(node['children']);
  return others.length === 0 && call?.['class'] === 'FUNCTION' && isNode(recursive) && recursive['alias'] === 'recursive' && isTrue(recursive);
}

/** TRUE, which the parser writes as a cast of 't'. */
function isTrue(node: Node): boolean {
  const value = constantOf(node['class'] === 'CAST' ? node['child'] : node)?.value;
  return value === true || value === 't' || value === 'true';
}

function isPlainCall(call: Node): boolean {
  const orders = call['order_bys'];
  return call['filter'] === null && call['distinct'] === false && !(isNode(orders) && nodesOf(orders['orders']).length > 0);
}

async function rewrite(analysis: Analysis, source: PolicySource, sample: GroupSample): Promise<void> {
  const { select, item, weight } = sample;
  const keys = nodesOf(select['group_expressions']);
  const named = (node: Node, alias: string): Node => ({ ...structuredClone(node), alias });
  const rows: Node = {
    ...structuredClone(select),
    select_list: [
      ...keys.map((key, index) => named(key, `key${index}`)), named(item, 'given'), ...(weight === null ? [] : [named(weight, 'weight')]),
    ],
    group_expressions: [],
    group_sets: [],
  };
  const rowsSql = await analysis.print(source, { node: rows, named_param_map: [] });
  const text = joinsSql(sample, rowsSql, keys.map((_, index) => `key${index}`));
  for (const node of nodesOf([(await analysis.parse(new PolicySource(source.name, text)))['node']])) become(select, node);
}

/**
 * The rows up to the rank tau of the first that is left out decide everything, as long as no other row of the group has the R of one of them (looked
 * up, but where all weights are 1 but for rounding, `edge`) and no unit is larger than k (so where no 65,536th of all rows is, by a mix of R's bits).
 *
 * `rowsSql` gives key0, key1 ..., given (an item or id) and weight. The names of CTEs begin with `sampled` so as to hide no view. The rows are a
 * subquery wherever they are needed: to scan them again is cheaper than to hold them, which DuckDB does with a CTE.
 */
function joinsSql({ name, weight, k }: GroupSample, rowsSql: string, names: readonly string[]): string {
  const isExponential = sampleKinds.get(name)?.isExponential === true;
  const keys = names.length === 0 ? ['all_rows'] : names;
  const list = keys.join(', ');
  const same = (a: string, b: string): string => keys.map((key) => `${a}.${key} IS NOT DISTINCT FROM ${b}.${key}`).join(' AND ');
  const given = `(SELECT *${names.length === 0 ? ', 0 AS all_rows' : ''} FROM (${rowsSql}))`;
  const own = weight === null ? '1::DOUBLE' : 'weight::DOUBLE * (item_of(given).n_in / pow(2, 56))';
  const rows = `(SELECT ${list}, item_of(given) AS item, ${own} AS own FROM ${given} WHERE given IS NOT NULL)`;
  const rank = `rank_of(n_of(item.r), item.n_in, own, ${isExponential})`;
  const isOne = weight === null || columnParts(weight)?.at(-1) === 'adjusted_count';
  const isWeighed = isOne ? 'true' : 'min(own) >= 1e-100 AND max(own) <= 1e100 AND count(own) = count(*)';
  const groups = `${rows} r JOIN sampled_groups g ON ${same('r', 'g')} AND g.is_weighed`;
  const edge = isOne ? ' * (1 + pow(2, -50))' : '';
  const sameR = isOne ? '' : ` JOIN ${rows} r ON r.item.r = n.item.r AND ${same('r', 'n')}`;
  return `
    WITH sampled_groups AS (
      SELECT ${list}, ${isWeighed} AS is_weighed, min(${rank}, ${k + 1})[${k + 1}] AS tau FROM ${rows} GROUP BY ${list}),
    sampled_near AS (
      SELECT r.*, g.tau FROM ${groups} AND g.tau IS NOT NULL WHERE ${rank} <= g.tau${edge} AND ${rank} <= (SELECT max(tau) FROM sampled_groups)${edge}),
    sampled_slow AS (
      SELECT ${list} FROM sampled_groups WHERE NOT is_weighed OR (tau IS NOT NULL AND ${k} < (
        SELECT max(size) FROM (SELECT count(*) AS size FROM ${rows} GROUP BY (xor(item.r, item.r >> 16) & 65535)::USMALLINT)))
      UNION SELECT ${keys.map((key) => `n.${key}`).join(', ')} FROM sampled_near n${sameR}
      GROUP BY ${keys.map((key) => `n.${key}`).join(', ')}, n.item.r HAVING count(*) > 1)
    SELECT n.item."key" AS trace_id, layer_probability(n.item.n_in, n.tau, n.own, n.item.n_in, ${isExponential}) AS probability
    FROM sampled_near n LEFT JOIN (SELECT *, true AS is_slow FROM sampled_slow) s ON ${same('n', 's')}
    WHERE s.is_slow IS NULL AND ${rank} < n.tau
    UNION ALL
    SELECT r.item."key", probability_of(r.item.n_in) FROM ${groups} AND g.tau IS NULL
    UNION ALL
    SELECT unnest(${name}(r.given, ${weight === null ? '' : 'r.weight, '}${k}), recursive := true)
    FROM ${given} r JOIN sampled_slow s ON ${same('r', 's')} GROUP BY ${keys.map((key) => `r.${key}`).join(', ')}`;
}
