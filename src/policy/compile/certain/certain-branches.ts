import { constantOf, constantText, ctesOf, isNode, type Node, nodesOf, type SqlTree, textOf } from '../sql-tree.ts';
import { ofFirstArms } from './case-arms.ts';
import { holdsForGood, type Leaves } from './for-good.ts';
import { columnOf, type FromView, isOfRow, viewOf } from './row-condition.ts';

/** Columns of `traces` that can only grow, shrink, or turn true as spans of the trace come. What is the root's is not among them: an earlier root may come. */
const growing: ReadonlySet<string> = new Set(['span_count', 'error_count', 'service_count', 'duration', 'duration_time_unix_nano', 'end_time']);
const shrinking: ReadonlySet<string> = new Set(['start_time']);
const turningTrue: ReadonlySet<string> = new Set(['has_error', 'has_root']);
const listHas: ReadonlySet<string> = new Set(['list_contains', 'list_has', 'array_contains', 'array_has']);
const counts: ReadonlySet<string> = new Set(['count_star', 'count', 'count_if', 'countif']);

/**
 * The SELECTs that a policy of traces joins by UNION, of those that name traces with probability 1 and never take one back, whatever spans of it come:
 * one of `traces` by what can only turn true, of `spans`, `span_events` or `span_links` by what a row says itself, or grouped by trace with a HAVING that can
 * only turn true. Of a CASE by which some are named with 1, those. Seen by their form alone: what is in doubt is left out. `macros`: all sampling functions.
 */
export function certainBranches(statement: Node, macros: ReadonlySet<string>): readonly Node[] {
  const top = statement['node'];
  if (!isNode(top)) return [];
  return branchesOf(top).map((branch) => (isGrouped(branch) ? branch : ofFirstArms(branch, isOne))).filter((branch) => {
    const from = viewOf(branch['from_table']);
    return from !== null && isPlain(branch) && namesSurely(branch, from) && isForGood(branch, from, macros);
  });
}

/** What UNION joins; nothing of what is cut or sorted afterwards. */
function branchesOf(query: Node): readonly Node[] {
  if (query['type'] === 'SELECT_NODE') return [query];
  if (query['type'] !== 'SET_OPERATION_NODE' || query['setop_type'] !== 'UNION' || nodesOf(query['modifiers']).length > 0) return [];
  return nodesOf([query['left'] ?? null, query['right'] ?? null, ...nodesOf(query['children'])]).flatMap(branchesOf);
}

function isPlain(select: Node): boolean {
  return nodesOf(select['modifiers']).length === 0 && (select['qualify'] ?? null) === null && (select['sample'] ?? null) === null;
}

/** Whether the SELECT has the key and a probability of 1, and nothing else. */
function namesSurely(select: Node, from: FromView): boolean {
  const items = nodesOf(select['select_list']);
  const key = columnOf(from, items[0]);
  return items.length === 2 && (key === 'trace_id' || (key === 'id' && from.view === 'spans' && !isGrouped(select))) && isOne(items[1]);
}

/** 1, 1.0, or a cast of it. */
function isOne(node: Node): boolean {
  if (node['class'] === 'CAST') return isNode(node['child']) && (isOne(node['child']) || Number(constantText(node['child']) ?? 0) === 1);
  const constant = constantOf(node);
  const type = isNode(node['value']) && isNode(node['value']['type']) ? node['value']['type']['type_info'] : null;
  const scale = isNode(type) && typeof type['scale'] === 'number' ? type['scale'] : 0;
  return constant?.value === 10 ** scale;
}

function isForGood(select: Node, from: FromView, macros: ReadonlySet<string>): boolean {
  const where = select['where_clause'] ?? null;
  if (from.view === 'traces') return !isGrouped(select) && (where === null || holdsForGood(where, traceLeaves(from, macros)));
  return rowsForGood(select, from, macros);
}

function isGrouped(select: Node): boolean {
  return nodesOf(select['group_expressions']).length > 0 || (select['having'] ?? null) !== null;
}

/** Rows of spans, events or links by what each says itself, one by one or grouped by trace. */
function rowsForGood(select: Node, from: FromView, macros: ReadonlySet<string>): boolean {
  const [where, having] = [select['where_clause'] ?? null, select['having'] ?? null];
  if (from.view === 'logs' || (where !== null && !isOfRow(where, from, macros))) return false;
  if (!isGrouped(select)) return true;
  const groups = nodesOf(select['group_expressions']);
  const sets = select['group_sets'];
  return groups.length === 1 && columnOf(from, groups[0]) === 'trace_id' && Array.isArray(sets) && sets.length === 1
    && (having === null || holdsForGood(having, groupLeaves(from, macros)));
}

/** Aggregates of a trace's rows; of one value, since min(x, 2) is a list that can grow. */
function groupLeaves(from: FromView, macros: ReadonlySet<string>): Leaves {
  const calls = (node: Node, names: ReadonlySet<string>): boolean => node['class'] === 'FUNCTION' && names.has(textOf(node['function_name']).toLowerCase())
    && nodesOf(node['children']).length <= 1 && [...nodesOf(node['children']), ...nodesOf([node['filter'] ?? null])].every((argument) => isOfRow(argument, from, macros));
  return {
    turnsTrue: (node) => calls(node, new Set(['bool_or'])), grows: (node) => calls(node, counts) || calls(node, new Set(['max'])), shrinks: (node) => calls(node, new Set(['min'])),
  };
}

function traceLeaves(from: FromView, macros: ReadonlySet<string>): Leaves {
  const isColumn = (node: Node, of: ReadonlySet<string>): boolean => of.has(columnOf(from, node) ?? '');
  return {
    turnsTrue: (node) => isColumn(node, turningTrue) || hasService(node, from) || isAmongRows(node, from, macros),
    grows: (node) => isColumn(node, growing), shrinks: (node) => isColumn(node, shrinking),
  };
}

/** list_contains(services, 'name'). */
function hasService(node: Node, from: FromView): boolean {
  const [list, entry] = nodesOf(node['children']);
  return listHas.has(textOf(node['function_name']).toLowerCase()) && columnOf(from, list) === 'services' && constantOf(entry) !== null;
}

/** trace_id IN (SELECT trace_id FROM spans ...), EXISTS (SELECT ... FROM spans WHERE spans.trace_id = traces.trace_id AND ...). */
function isAmongRows(node: Node, outer: FromView, macros: ReadonlySet<string>): boolean {
  const inner = isNode(node['subquery']) ? node['subquery']['node'] : null;
  if (node['class'] !== 'SUBQUERY' || !isNode(inner) || inner['type'] !== 'SELECT_NODE' || ctesOf(inner).length > 0 || !isPlain(inner)) return false;
  const from = viewOf(inner['from_table']);
  if (from === null || from.view === 'traces' || from.alias === outer.alias || from.columns.has(outer.alias)) return false;
  if (node['subquery_type'] === 'EXISTS') return !isGrouped(inner) && isLinked(inner['where_clause'] ?? null, from, outer, macros);
  const items = nodesOf(inner['select_list']);
  return node['subquery_type'] === 'ANY' && node['comparison_type'] === 'COMPARE_EQUAL' && columnOf(outer, node['child']) === 'trace_id'
    && items.length === 1 && columnOf(from, items[0]) === 'trace_id' && rowsForGood(inner, from, macros);
}

/** Whether rows are those of the outer trace, and otherwise chosen by what each says itself. */
function isLinked(where: SqlTree, from: FromView, outer: FromView, macros: ReadonlySet<string>): boolean {
  if (!isNode(where)) return false;
  const parts = where['type'] === 'CONJUNCTION_AND' ? nodesOf(where['children']) : [where];
  const links = ({ type, left, right }: Node): boolean => type === 'COMPARE_EQUAL' && [[left, right], [right, left]].some(([a, b]) => columnOf(from, a) === 'trace_id' && isOuterId(b, outer));
  return parts.some(links) && parts.every((part) => links(part) || isOfRow(part, from, macros));
}

/** The outer trace's id with its table's name, since without it it is the inner one's. */
function isOuterId(tree: SqlTree | undefined, { alias }: FromView): boolean {
  return isNode(tree) && Array.isArray(tree['column_names']) && tree['column_names'].join('.').toLowerCase() === `${alias}.trace_id`;
}
