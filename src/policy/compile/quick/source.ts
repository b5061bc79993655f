import { columnParts, findNode, isNode, type Node, nodesOf, stringsOf, type SqlTree, textOf, visitNodes } from '../sql-tree.ts';

/** A view's rows, each once, as they are or through CTEs and subqueries that only choose among them and their columns. */
export interface RowSource {
  readonly view: 'traces' | 'spans' | 'logs';
  /** The view itself, so that a column is what its name says. */
  readonly isView: boolean;
}

const views = ['traces', 'spans', 'logs'] as const;

/** Deepest chain of CTEs and subqueries that is followed. */
const depthMax = 8;

/** Queries of the statement's CTEs by name, lower case; null where two have one name. */
export type CteQueries = ReadonlyMap<string, SqlTree>;

export function cteQueries(statement: Node): CteQueries {
  const queries = new Map<string, SqlTree>();
  visitNodes(statement, (node) => {
    const map = node['cte_map'];
    for (const entry of isNode(map) ? nodesOf(map['map']) : []) {
      const name = textOf(entry['key']).toLowerCase();
      const value = entry['value'];
      const query = isNode(value) && isNode(value['query']) && stringsOf(value['aliases']).length === 0 ? value['query']['node'] : null;
      queries.set(name, queries.has(name) ? null : query ?? null);
    }
  });
  return queries;
}

/** What a FROM reads, where it is plain: the same rows whenever it is read, each with the item of the view. Null for all else. */
export function rowSource(ctes: CteQueries, from: SqlTree | undefined, depth = 0): RowSource | null {
  if (!isNode(from) || depth > depthMax || isNode(from['sample']) || stringsOf(from['column_name_alias']).length > 0) return null;
  if (from['type'] === 'SUBQUERY') return isNode(from['subquery']) ? selectSource(ctes, from['subquery']['node'], depth + 1) : null;
  if (from['type'] !== 'BASE_TABLE') return null;
  const name = textOf(from['table_name']).toLowerCase();
  const query = ctes.get(name);
  if (query !== undefined) return selectSource(ctes, query, depth + 1);
  const view = views.find((candidate) => candidate === name);
  return view === undefined ? null : { view, isView: true };
}

/** A SELECT of the item and other columns, row by row. */
function selectSource(ctes: CteQueries, query: SqlTree | undefined, depth: number): RowSource | null {
  if (!isNode(query) || query['type'] !== 'SELECT_NODE' || !isSimple(query) || nodesOf(query['modifiers']).length > 0) return null;
  if (!isRowByRow([query['select_list'], query['where_clause']])) return null;
  const sets = query['group_sets'];
  if (Array.isArray(sets) && sets.length > 0) return null;
  const source = rowSource(ctes, query['from_table'], depth);
  const columns = nodesOf(query['select_list']);
  const isItem = columns.some(passesItem) && !columns.some((column) => textOf(column['alias']).toLowerCase() === 'item' && !passesItem(column));
  return source !== null && isItem ? { ...source, isView: false } : null;
}

function passesItem(column: Node): boolean {
  if (column['class'] === 'STAR') return isBareStar(column);
  const name = columnParts(column)?.at(-1)?.toLowerCase();
  return name === 'item' && ['', 'item'].includes(textOf(column['alias']).toLowerCase());
}

function isBareStar(star: Node): boolean {
  const lists = [star['exclude_list'], star['replace_list'], star['rename_list'], star['qualified_exclude_list']];
  return lists.every((list) => !Array.isArray(list) || list.length === 0) && star['columns'] !== true;
}

/** Whether a SELECT, whatever its list, only filters and groups. */
export function isSimple(select: Node): boolean {
  return select['having'] === null && select['qualify'] === null && !isNode(select['sample']) && select['aggregate_handling'] === 'STANDARD_HANDLING';
}

/** Whether expressions say the same of each row whenever they are read, without looking at others. */
export function isRowByRow(trees: readonly (SqlTree | undefined)[]): boolean {
  const looksAround = (node: Node): boolean => node['class'] === 'SUBQUERY' || node['class'] === 'WINDOW' || textOf(node['function_name']).toLowerCase() === 'unnest';
  return trees.every((tree) => findNode(tree, looksAround) === undefined);
}
