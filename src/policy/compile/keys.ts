import { catalogViews } from '../catalog/views.ts';
import type { KeyRead } from './compiled.ts';
import type { Header } from './header.ts';
import { checkComparison, type KeyUse, typeOfKey } from './key-types.ts';
import type { PolicySource } from './policy-source.ts';
import { type Ancestors, columnParts, constantText, isNode, type Node, nodesOf, stringsOf, textOf, visitNodes } from './sql-tree.ts';

type Source = KeyRead['source'];

/** Names, lower case, that stand for `attributes` or `resource` in this policy. */
type Bags = ReadonlyMap<string, Source>;

const catalogColumns: ReadonlySet<string> = new Set(catalogViews.flatMap(({ columns }) => columns.map(({ name }) => name)));

/**
 * Finds `attributes['k']` and `resource['k']`, whatever CTEs and subqueries pass the column on, types each key and puts the
 * generated field in its place: DuckDB's field names ignore case, OpenTelemetry's keys do not. Any other use of the two
 * is refused. Throws PolicyError `not_allowed` or `key_type`.
 */
export function rewriteKeys(source: PolicySource, header: Header, statement: Node): readonly KeyRead[] {
  const bags = bagNames(source, statement);
  const top = statement['node'];
  const uses: KeyUse[] = [];
  visitNodes(statement, (node, ancestors) => {
    const use = useOf(source, bags, node, ancestors, top);
    if (use !== null) uses.push(use);
  });
  const keys: KeyRead[] = [];
  for (const use of uses) {
    let read = keys.find((known) => known.source === use.source && known.key === use.key);
    if (read === undefined) {
      const type = typeOfKey(source, header, uses.filter((other) => other.source === use.source && other.key === use.key));
      read = { source: use.source, key: use.key, type, field: `k${keys.length}` };
      keys.push(read);
    }
    checkComparison(source, header, use, read.type);
    setField(use.subscript, read.field);
  }
  visitNodes(statement, (node) => excludeWhatIs(node, keys));
  return keys;
}

/** `* EXCLUDE (attributes)`: a bag of which no key is read is not there to be left out. */
function excludeWhatIs(node: Node, keys: readonly KeyRead[]): void {
  const excluded = node['exclude_list'];
  if (!Array.isArray(excluded)) return;
  const isMissing = (name: string): boolean => ['attributes', 'resource'].includes(name) && !keys.some(({ source }) => source === name);
  node['exclude_list'] = excluded.filter((name) => typeof name !== 'string' || !isMissing(name.toLowerCase()));
}

function setField(subscript: Node, field: string): void {
  const constant = nodesOf(subscript['children'])[1]['value'];
  if (isNode(constant)) constant['value'] = field;
}

/** Names of the two bags, renamings included. Throws where such a name stands for something else too. */
function bagNames(source: PolicySource, statement: Node): Bags {
  const bags = new Map<string, Source>([['attributes', 'attributes'], ['resource', 'resource']]);
  let size = 0;
  while (size !== bags.size) {
    size = bags.size;
    visitNodes(statement, (node) => renamings(source, bags, node));
  }
  visitNodes(statement, (node, ancestors) => refuseOtherMeanings(source, bags, node, ancestors));
  return bags;
}

function bagOf(bags: Bags, node: Node | undefined): Source | null {
  return bags.get(columnParts(node)?.at(-1)?.toLowerCase() ?? '') ?? null;
}

function renamings(source: PolicySource, bags: Map<string, Source>, node: Node): void {
  const add = (name: string, bag: Source, at: Node): void => {
    const known = bags.get(name.toLowerCase());
    if (known !== undefined && known !== bag) throw twoMeanings(source, name, at);
    if (known === undefined && catalogColumns.has(name.toLowerCase())) throw twoMeanings(source, name, at);
    bags.set(name.toLowerCase(), bag);
  };
  for (const item of nodesOf(node['select_list'])) {
    const bag = bagOf(bags, item);
    if (bag !== null && textOf(item['alias']) !== '') add(textOf(item['alias']), bag, item);
  }
  const renamed = columnAliases(node);
  if (renamed === null) return;
  const list = nodesOf(renamed.select['select_list']);
  const from = renamed.select['from_table'];
  if (isNode(from) && from['type'] === 'EXPRESSION_LIST') return;
  if (list.some((item) => item['class'] === 'STAR')) {
    throw source.error('not_allowed', 'a column list over SELECT * is refused', { at: node, hint: 'name the columns in the SELECT' });
  }
  renamed.names.forEach((name, index) => {
    const bag = bagOf(bags, list[index]);
    if (bag !== null) add(name, bag, list[index]);
  });
}

/** A CTE's or a subquery's column list and the SELECT whose columns it names. */
function columnAliases(node: Node): { readonly names: readonly string[]; readonly select: Node } | null {
  const names = [...stringsOf(node['aliases']), ...stringsOf(node['column_name_alias'])];
  const query = node['query'] ?? node['subquery'];
  if (names.length === 0 || !isNode(query)) return null;
  let select = query['node'];
  while (isNode(select) && isNode(select['left'])) select = select['left'];
  return isNode(select) ? { names, select } : null;
}

function twoMeanings(source: PolicySource, name: string, at: Node): Error {
  return source.error('not_allowed', `${name} would stand for attributes or resource and for something else`, { at, hint: 'give it a name of its own' });
}

function refuseOtherMeanings(source: PolicySource, bags: Bags, node: Node, ancestors: Ancestors): void {
  const isTable = node['type'] === 'BASE_TABLE' || node['type'] === 'SUBQUERY' || node['type'] === 'TABLE_FUNCTION';
  const alias = textOf(node['alias']).toLowerCase();
  const bag = bags.get(alias);
  const named = node['class'] === 'FUNCTION' && ancestors?.node['function_name'] === 'struct_pack';
  if (bag !== undefined && !named && (isTable || bagOf(bags, node) !== bag)) throw twoMeanings(source, alias, node);
  if (typeof node['key'] === 'string' && bags.has(node['key'].toLowerCase())) throw twoMeanings(source, node['key'], node);
  refuseRenamedOthers(source, bags, node);
  if (node['type'] === 'BASE_TABLE' && stringsOf(node['column_name_alias']).length > 0) {
    throw source.error('not_allowed', 'a view takes no column list', { at: node, hint: 'name the columns in a SELECT' });
  }
  if (stringsOf(node['using_columns']).some((name) => bags.has(name.toLowerCase()))) {
    throw source.error('not_allowed', 'attributes and resource are not to be joined on', { at: node, hint: "join on attributes['key']" });
  }
  if (nodesOf(node['rename_list']).length > 0) throw source.error('not_allowed', '* RENAME is refused', { at: node, hint: 'name the columns' });
}

/** A column list must not give a bag's name to another column. */
function refuseRenamedOthers(source: PolicySource, bags: Bags, node: Node): void {
  const list = nodesOf(columnAliases(node)?.select['select_list']);
  [...stringsOf(node['aliases']), ...stringsOf(node['column_name_alias'])].forEach((name, index) => {
    const bag = bags.get(name.toLowerCase());
    if (bag !== undefined && bagOf(bags, list[index]) !== bag) throw twoMeanings(source, name, node);
  });
}

/** The use of a key that `node` is, null where it is none. */
function useOf(source: PolicySource, bags: Bags, node: Node, ancestors: Ancestors, top: unknown): KeyUse | null {
  refuseFieldAccess(source, bags, node);
  const bag = bagOf(bags, node);
  if (bag === null || ancestors === null) return null;
  const parent = ancestors.node;
  const children = nodesOf(parent['children']);
  if (parent['type'] === 'ARRAY_EXTRACT' && children[0] === node) {
    const key = constantText(children[1]);
    if (key === null) throw computedKey(source, bag, parent);
    return { source: bag, key, subscript: parent, ancestors: ancestors.up };
  }
  if (nodesOf(parent['select_list']).includes(node) && !isTopSelect(parent, ancestors.up, top)) return null;
  const hint = `read one key: ${bag}['key']; all keys are rows of the star tables (span_attrs, log_attrs, resource_attrs)`;
  throw source.error('not_allowed', `${bag} is no value of its own`, { at: node, hint });
}

/** Whether a SELECT gives rows of the policy itself: the statement's, or a branch of its UNION. */
function isTopSelect(select: Node, ancestors: Ancestors, top: unknown): boolean {
  if (select === top) return true;
  const parent = ancestors?.node;
  return parent !== undefined && (parent['left'] === select || parent['right'] === select) && isTopSelect(parent, ancestors?.up ?? null, top);
}

function computedKey(source: PolicySource, bag: Source, at: Node): Error {
  const star = bag === 'resource' ? 'resource_attrs' : 'span_attrs, log_attrs';
  const hint = `join the star table (${star}) on parent_id and compare its column key`;
  return source.error('not_allowed', `${bag}[...] takes a constant key`, { at, hint });
}

function refuseFieldAccess(source: PolicySource, bags: Bags, node: Node): void {
  const inner = columnParts(node)?.slice(0, -1) ?? [];
  const bag = inner.find((part) => bags.has(part.toLowerCase()));
  if (bag !== undefined) {
    throw source.error('not_allowed', `${bag}.${columnParts(node)?.at(-1)} is refused: keys have case and dots`, { at: node, hint: `write ${bag}['key']` });
  }
  const children = nodesOf(node['children']);
  const extracts = node['type'] === 'ARRAY_EXTRACT' || node['type'] === 'STRUCT_EXTRACT' || node['function_name'] === 'struct_extract';
  const field = constantText(children[1]);
  if (extracts && field !== null && bags.has(field.toLowerCase()) && bagOf(bags, children[0]) === null) {
    throw source.error('not_allowed', `${field} is to be named as a column, not taken out of a row`, { at: node });
  }
}
