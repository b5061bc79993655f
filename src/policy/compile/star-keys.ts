import { catalogStars } from '../catalog/stars.ts';
import type { StarName } from './compiled.ts';
import { columnParts, constantText, isNode, type Node, nodesOf, type SqlTree, textOf, visitNodes } from './sql-tree.ts';

const starNames: ReadonlyMap<string, StarName> = new Map(catalogStars.map(({ name }): [string, StarName] => [name, name]));

/** Keys that a reference to a star table is restricted to. */
type Keys = ReadonlySet<string> | null;

/** A reference to a star table in the FROM of one SELECT; `conditions` hold for every row of it that counts. */
interface StarReference {
  readonly star: StarName;
  readonly alias: string;
  readonly conditions: readonly SqlTree[];
}

/**
 * Keys that the policy reads of each star table: those that `key = 'x'` or `key IN (...)` restrict it to, in the WHERE of the
 * SELECT that names the table or in the ON of a join that drops other rows of it; 'all' where one reference is not restricted.
 * A FILTER clause does not restrict: rows with other keys still make groups.
 */
export function starKeys(statement: Node): ReadonlyMap<StarName, readonly string[] | 'all'> {
  const found = new Map<StarName, Set<string> | 'all'>();
  visitNodes(statement, (node) => {
    if (node['type'] !== 'SELECT_NODE') return;
    for (const reference of referencesOf(node)) {
      const keys = restriction(reference);
      const known = found.get(reference.star);
      if (keys === null || known === 'all') found.set(reference.star, 'all');
      else found.set(reference.star, new Set([...(known ?? []), ...keys]));
    }
  });
  return new Map([...found].map(([star, keys]) => [star, keys === 'all' ? keys : [...keys].sort()]));
}

function referencesOf(select: Node): readonly StarReference[] {
  return inTable(select['from_table'], [select['where_clause']]);
}

function inTable(table: SqlTree, conditions: readonly SqlTree[]): readonly StarReference[] {
  if (!isNode(table)) return [];
  if (table['type'] === 'BASE_TABLE') {
    const name = textOf(table['table_name']).toLowerCase();
    const star = starNames.get(name);
    return star === undefined ? [] : [{ star, alias: (textOf(table['alias']) || name).toLowerCase(), conditions }];
  }
  if (table['type'] !== 'JOIN') return [];
  const on = table['condition'];
  const drops = sidesDropped[textOf(table['join_type'])] ?? [];
  return (['left', 'right'] as const).flatMap((side) => inTable(table[side], drops.includes(side) ? [...conditions, on] : conditions));
}

/** Sides of a join whose rows count only where the ON condition holds. */
const sidesDropped: { readonly [joinType: string]: readonly ('left' | 'right')[] } = {
  INNER: ['left', 'right'],
  SEMI: ['left', 'right'],
  LEFT: ['right'],
  ANTI: ['right'],
  RIGHT: ['left'],
};

function restriction({ alias, conditions }: StarReference): Keys {
  return conditions.map((condition) => keysOf(condition, alias)).find((keys) => keys !== null) ?? null;
}

/** Keys for which `condition` can hold; null when it says nothing about the key. */
function keysOf(condition: SqlTree, alias: string): Keys {
  if (!isNode(condition)) return null;
  const children = nodesOf(condition['children']);
  switch (condition['type']) {
    case 'CONJUNCTION_AND':
      return children.map((child) => keysOf(child, alias)).find((keys) => keys !== null) ?? null;
    case 'CONJUNCTION_OR':
      return union(children.map((child) => keysOf(child, alias)));
    case 'COMPARE_EQUAL':
      return equalTo(condition['left'], condition['right'], alias) ?? equalTo(condition['right'], condition['left'], alias);
    case 'COMPARE_IN':
      return isKey(children[0], alias) ? union(children.slice(1).map((child) => single(child))) : null;
    default:
      return null;
  }
}

function union(parts: readonly Keys[]): Keys {
  const all = new Set<string>();
  for (const part of parts) {
    if (part === null) return null;
    part.forEach((key) => all.add(key));
  }
  return all;
}

function single(tree: SqlTree): Keys {
  const text = constantText(tree);
  return text === null ? null : new Set([text]);
}

function equalTo(left: SqlTree, right: SqlTree, alias: string): Keys {
  return isKey(left, alias) ? single(right) : null;
}

/** `alias.key`, or `key` alone: were another table's key in sight, DuckDB would call it ambiguous. */
function isKey(tree: SqlTree | undefined, alias: string): boolean {
  const parts = columnParts(tree)?.map((part) => part.toLowerCase()) ?? [];
  return parts.at(-1) === 'key' && (parts.length === 1 || (parts.length === 2 && parts[0] === alias));
}
