import type { PolicySource } from './policy-source.ts';
import { constantText, isNode, type Node, nodesOf, type SqlTree, textOf } from './sql-tree.ts';

/** How many times longer than what it was made of a text or list may get. */
export const growthMax = 1_000;

/** Functions whose result is as long as all arguments together. */
const joining: ReadonlySet<string> = new Set([
  '||', 'concat', 'concat_ws', 'list_concat', 'list_cat', 'list_append', 'list_prepend', 'list_value', 'list_pack', 'row', 'struct_pack',
]);

/** Functions that write each character of the first as so many; nested they multiply. */
const widening: ReadonlyMap<string, number> = new Map([['hex', 2], ['to_hex', 2], ['regexp_escape', 2], ['url_encode', 3], ['strftime', 16]]);

/** Functions that may put the argument at this place once for every character or entry of the first. */
const inserting: ReadonlyMap<string, number> = new Map([['replace', 2], ['regexp_replace', 2], ['array_to_string', 1]]);

/**
 * Refuses expressions that make a text grow beyond `growthMax` times what went in: nested replacements, a column that is joined to
 * itself query after query. DuckDB builds such a value in one piece, outside its memory limit, and already while it plans.
 * The bound is on the safe side: every value is taken to be as long as the longest. Throws PolicyError `not_allowed`.
 */
export function checkGrowth(source: PolicySource, statement: Node): void {
  queryGrowth({ source, ctes: new Map() }, statement['node']);
}

interface Walk {
  readonly source: PolicySource;
  /** Growth of the values of each CTE in sight, by its name in lower case. */
  readonly ctes: ReadonlyMap<string, number>;
}

/** Growth of the values that a query returns, at most. */
function queryGrowth(walk: Walk, query: SqlTree): number {
  if (!isNode(query)) return 1;
  const ctes = new Map(walk.ctes);
  const inner = { ...walk, ctes };
  const map = query['cte_map'];
  for (const entry of isNode(map) ? nodesOf(map['map']) : []) {
    const value = entry['value'];
    const body = isNode(value) && isNode(value['query']) ? value['query']['node'] : null;
    ctes.set(textOf(entry['key']).toLowerCase(), queryGrowth(inner, body));
  }
  const from = tableGrowth(inner, query['from_table'] ?? null);
  const branches = [query['left'] ?? null, query['right'] ?? null, ...nodesOf(query['children'])].map((branch) => queryGrowth(inner, branch));
  const expressions = Object.entries(query).filter(([field]) => !['cte_map', 'from_table', 'left', 'right', 'children'].includes(field));
  const own = Math.max(1, ...expressions.map(([, tree]) => from * growth(inner, tree, from)));
  return Math.max(own, ...branches);
}

/** Growth of the values of a FROM clause; what its expressions do is looked at too. */
function tableGrowth(walk: Walk, table: SqlTree): number {
  if (!isNode(table)) return 1;
  const subquery = table['subquery'];
  switch (table['type']) {
    case 'BASE_TABLE':
      return walk.ctes.get(textOf(table['table_name']).toLowerCase()) ?? 1;
    case 'SUBQUERY':
      return isNode(subquery) ? queryGrowth(walk, subquery['node']) : 1;
    case 'JOIN': {
      const sides = Math.max(tableGrowth(walk, table['left']), tableGrowth(walk, table['right']));
      growth(walk, table['condition'], sides);
      return sides;
    }
    default:
      return Math.max(growth(walk, table['function'] ?? null, 1), growth(walk, table['values'] ?? null, 1));
  }
}

/** How much longer than the values of the columns in sight an expression's value is; `from` is what these have grown already. */
function growth(walk: Walk, tree: SqlTree, from: number): number {
  if (Array.isArray(tree)) return Math.max(1, ...tree.map((entry) => growth(walk, entry, from)));
  if (!isNode(tree)) return 1;
  if (tree['class'] === 'SUBQUERY' && isNode(tree['subquery'])) {
    return Math.max(queryGrowth(walk, tree['subquery']['node']), growth(walk, tree['child'] ?? null, from));
  }
  const grown = callGrowth(walk, tree, from);
  if (from * grown > growthMax) {
    throw walk.source.error('not_allowed', `a text may grow to ${from * grown} times its length here, at most ${growthMax} are allowed`, { at: tree });
  }
  return grown;
}

function callGrowth(walk: Walk, node: Node, from: number): number {
  const name = textOf(node['function_name']).toLowerCase();
  const children = nodesOf(node['children']);
  const parts = children.map((child) => growth(walk, child, from));
  const place = inserting.get(name);
  if (place !== undefined) return (parts[0] ?? 1) * insertedLength(walk, name, children[place]);
  const wider = widening.get(name);
  if (wider !== undefined) return wider * Math.max(1, ...parts);
  if (joining.has(name) || node['type'] === 'ARRAY_CONSTRUCTOR') return Math.max(1, parts.reduce((sum, part) => sum + part, 0));
  const others = Object.entries(node).filter(([field]) => field !== 'children').map(([, tree]) => growth(walk, tree, from));
  return Math.max(1, ...parts, ...others);
}

function insertedLength(walk: Walk, name: string, inserted: Node | undefined): number {
  const text = constantText(inserted);
  if (text === null && inserted !== undefined) {
    throw walk.source.error('not_allowed', `${name}() needs a constant text to put in`, { at: inserted });
  }
  return Math.max(1, text?.length ?? 1) + (name === 'replace' ? 0 : 1);
}
