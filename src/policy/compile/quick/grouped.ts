import type { Analysis } from '../analysis.ts';
import { PolicySource } from '../policy-source.ts';
import { become, constantOf, isNode, type Node, nodesOf, textOf } from '../sql-tree.ts';
import { quickCall, type QuickCall } from './call.ts';
import { rowsOf } from './rows-of.ts';
import type { Walk } from './sample.ts';
import { type CteQueries, isRowByRow, isSimple, rowSource } from './source.ts';
import { walkSql } from './walk-sql.ts';

/** A SELECT of samples by group. */
interface GroupedSample {
  readonly select: Node;
  readonly call: QuickCall;
  readonly walk: Walk;
}

/**
 * `SELECT unnest(f(item, ...), recursive := true) FROM view WHERE ... GROUP BY keys`, or where `isWhole` says that it is the policy's one
 * SELECT, the list by itself beside keys. Null for all else.
 */
export function groupedSample(select: Node, ctes: CteQueries, ofTraces: Walk, isWhole: boolean): GroupedSample | null {
  const keys = nodesOf(select['group_expressions']);
  const sets = select['group_sets'];
  const isGrouped = Array.isArray(sets) && sets.length === (keys.length === 0 ? 0 : 1) && keys.every((key) => key['class'] !== 'CONSTANT');
  if (!isGrouped || !isSimple(select) || nodesOf(select['modifiers']).length > 0) return null;
  const source = rowSource(ctes, select['from_table']);
  const picks = nodesOf(select['select_list']);
  const [unnested] = picks;
  const call = picks.length === 1 && isUnnestOfRows(unnested) ? nodesOf(unnested['children'])[0] : isWhole ? listOf(picks) : null;
  if (source === null || call === null || !isRowByRow([call, select['where_clause'], keys])) return null;
  const parts = quickCall(call, source);
  if (parts === null || parts.rest.length > 0) return null;
  return { select, call: parts, walk: source.view === 'traces' ? ofTraces : 'units' };
}

/** The one call among columns. */
function listOf(picks: readonly Node[]): Node | null {
  const calls = picks.filter((pick) => pick['class'] !== 'COLUMN_REF');
  return calls.length === 1 && calls[0]['class'] === 'FUNCTION' ? calls[0] : null;
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

/** Writes the walk in place of the SELECT. */
export async function writeGrouped(analysis: Analysis, source: PolicySource, { select, call, walk }: GroupedSample): Promise<void> {
  const { ctes, named } = walkSql(call.sample, await rowsOf(analysis, source, select, call, nodesOf(select['group_expressions'])), walk);
  const [made] = nodesOf([(await analysis.parse(new PolicySource(source.name, `WITH ${ctes} SELECT * FROM (${named})`)))['node']]);
  const [own, walked] = [select['cte_map'], made['cte_map']];
  const map = [own, walked].flatMap((ctes) => (isNode(ctes) ? nodesOf(ctes['map']) : []));
  become(select, { ...made, cte_map: { map } });
}
