import { catalogViews } from '../catalog/views.ts';
import { columnParts, isNode, type Node, nodesOf, type SqlTree, stringsOf, textOf, visitNodes } from './sql-tree.ts';

const viewsWithItem: ReadonlySet<string> = new Set(
  catalogViews.filter(({ columns }) => columns.some(({ name }) => name === 'item')).map(({ name }) => name),
);

/** Queries of CTEs by name, lower case; of two of one name the later. */
type Ctes = ReadonlyMap<string, SqlTree>;

/** Names of the tables in a SELECT's FROM that have a column `item`: views, and CTEs and subqueries that pass it on. */
export function itemInSight(statement: Node, select: Node | null): readonly string[] {
  return select === null ? [] : itemTables(ctesOf(statement), select['from_table'] ?? null, 0);
}

function ctesOf(statement: Node): Ctes {
  const ctes = new Map<string, SqlTree>();
  visitNodes(statement, (node) => {
    const map = node['cte_map'];
    for (const entry of isNode(map) ? nodesOf(map['map']) : []) {
      const value = entry['value'];
      if (isNode(value) && isNode(value['query'])) ctes.set(textOf(entry['key']).toLowerCase(), value['query']['node']);
    }
  });
  return ctes;
}

/** Deepest chain of CTEs and subqueries that is followed. */
const depthMax = 32;

function itemTables(ctes: Ctes, table: SqlTree, depth: number): readonly string[] {
  if (!isNode(table) || depth > depthMax) return [];
  const alias = textOf(table['alias']);
  switch (table['type']) {
    case 'BASE_TABLE': {
      const name = textOf(table['table_name']);
      const query = ctes.get(name.toLowerCase());
      const has = query === undefined ? viewsWithItem.has(name.toLowerCase()) : passesItem(ctes, query, depth + 1);
      return has ? [alias || name] : [];
    }
    case 'SUBQUERY': {
      const query = isNode(table['subquery']) ? table['subquery']['node'] : null;
      return passesItem(ctes, query, depth + 1) ? [alias || 'unnamed_subquery'] : [];
    }
    case 'JOIN': {
      const left = itemTables(ctes, table['left'], depth + 1);
      return ['SEMI', 'ANTI'].includes(textOf(table['join_type'])) ? left : [...left, ...itemTables(ctes, table['right'], depth + 1)];
    }
    default:
      return [];
  }
}

/** Whether a query returns a column `item`. */
function passesItem(ctes: Ctes, query: SqlTree, depth: number): boolean {
  if (!isNode(query)) return false;
  if (isNode(query['left'])) return passesItem(ctes, query['left'], depth + 1);
  return nodesOf(query['select_list']).some((item) => {
    if (item['class'] === 'STAR') return !stringsOf(item['exclude_list']).some((name) => name.toLowerCase() === 'item') && itemTables(ctes, query['from_table'], depth).length > 0;
    return (textOf(item['alias']) || (columnParts(item)?.at(-1) ?? '')).toLowerCase() === 'item';
  });
}
