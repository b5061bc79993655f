/**
 * The syntax tree as DuckDB's json_serialize_sql writes it. A number that JavaScript would write in another way (beyond 2^53, or 1.0)
 * is kept as the node {"$number": text}, so that a tree that is printed again says what was read.
 */
export type SqlTree = null | boolean | number | string | readonly SqlTree[] | Node;

/** An object of the tree; the passes of the compiler change nodes in place. */
export interface Node {
  [field: string]: SqlTree;
}

const numberField = '$number';
const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
const keptNumber = /\{"\$number":"([^"]+)"\}/g;

/** Reads a tree. */
export function parseTree(json: string): SqlTree {
  const safe = json.replace(token, (text) => (text[0] === '"' || String(Number(text)) === text ? text : `{"${numberField}":"${text}"}`));
  const tree: SqlTree = JSON.parse(safe);
  return tree;
}

/** Writes a tree. A string of the tree cannot be taken for a kept number: its quotes are escaped. */
export function printTree(tree: SqlTree): string {
  return JSON.stringify(tree).replace(keptNumber, '$1');
}

export function isNode(tree: SqlTree | undefined): tree is Node {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree);
}

/** The nodes among a list's entries; empty for anything else. */
export function nodesOf(tree: SqlTree | undefined): readonly Node[] {
  return Array.isArray(tree) ? tree.filter(isNode) : [];
}

/** The strings among a list's entries; empty for anything else. */
export function stringsOf(tree: SqlTree | undefined): readonly string[] {
  return Array.isArray(tree) ? tree.filter((entry) => typeof entry === 'string') : [];
}

/** A string field, '' where it is absent. */
export function textOf(tree: SqlTree | undefined): string {
  return typeof tree === 'string' ? tree : '';
}

/** Calls `visit` for every object at or below `tree`, parents first; `ancestors` has the nearest first. */
export function visitNodes(tree: SqlTree, visit: (node: Node, ancestors: Ancestors) => void, ancestors: Ancestors = null): void {
  if (Array.isArray(tree)) {
    for (const entry of tree) visitNodes(entry, visit, ancestors);
  } else if (isNode(tree)) {
    visit(tree, ancestors);
    const below = { node: tree, up: ancestors };
    for (const child of Object.values(tree)) {
      if (typeof child === 'object' && child !== null) visitNodes(child, visit, below);
    }
  }
}

/** The first object at or below `tree` that matches, parents first. */
export function findNode(tree: SqlTree | undefined, matches: (node: Node) => boolean): Node | undefined {
  if (isNode(tree) && matches(tree)) return tree;
  for (const child of typeof tree === 'object' && tree !== null ? Object.values(tree) : []) {
    const found = findNode(child, matches);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Names of all views and CTEs that a FROM names, lower case. */
export function tablesOf(statement: Node): ReadonlySet<string> {
  const names = new Set<string>();
  visitNodes(statement, (node) => {
    if (node['type'] === 'BASE_TABLE') names.add(textOf(node['table_name']).toLowerCase());
  });
  return names;
}

/** The way from a node up to the root. */
export type Ancestors = { readonly node: Node; readonly up: Ancestors } | null;

/** Makes `node` what `other` is, in place. */
export function become(node: Node, other: Node): void {
  const copy = { ...other };
  for (const field of Object.keys(node)) delete node[field];
  Object.assign(node, copy);
}

/** The CTEs that a query declares itself, each with `key`, its name, and `value`. */
export function ctesOf(query: Node): readonly Node[] {
  const map = query['cte_map'];
  return isNode(map) ? nodesOf(map['map']) : [];
}

/** Name of a column reference, its parts in order; null for anything else. */
export function columnParts(tree: SqlTree | undefined): readonly string[] | null {
  return isNode(tree) && tree['class'] === 'COLUMN_REF' ? stringsOf(tree['column_names']) : null;
}

/** Value of a constant that is text, a number (as near as JavaScript has it) or a boolean; null for anything else. */
export function constantOf(tree: SqlTree | undefined): { readonly type: string; readonly value: string | number | boolean } | null {
  if (!isNode(tree) || tree['class'] !== 'CONSTANT') return null;
  const value = tree['value'];
  if (!isNode(value) || value['is_null'] === true) return null;
  const type = isNode(value['type']) ? textOf(value['type']['id']) : '';
  const held = value['value'];
  const content = isNode(held) && typeof held[numberField] === 'string' ? Number(held[numberField]) : held;
  return typeof content === 'string' || typeof content === 'number' || typeof content === 'boolean' ? { type, value: content } : null;
}

/** Text of a VARCHAR constant, null for anything else. */
export function constantText(tree: SqlTree | undefined): string | null {
  const constant = constantOf(tree);
  return constant !== null && constant.type === 'VARCHAR' && typeof constant.value === 'string' ? constant.value : null;
}
