import { catalogStars } from '../catalog/stars.ts';
import { become, columnParts, constantOf, isNode, type Node, nodesOf, textOf, visitNodes } from './sql-tree.ts';

/** Other engines' names of functions that DuckDB has under another one. */
const renamed: ReadonlyMap<string, string> = new Map([
  ['approx_distinct', 'approx_count_distinct'],
  ['array_size', 'len'],
  ['every', 'bool_and'],
  ['some', 'bool_or'],
]);

const starNames: ReadonlyMap<string, string> = new Map(
  catalogStars.flatMap(({ name, aliases }) => aliases.map((alias): [string, string] => [alias, name])),
);

/**
 * Puts harmless spellings of other engines into DuckDB's, in place: `STRUCT(a, b)` (a struct by position, named after the
 * columns where it can be), `nvl`, `hex(trace_id)`, a few function names; and other names of star tables into the catalog's.
 */
export function translateForeign(statement: Node): void {
  visitNodes(statement, (node) => {
    if (node['class'] === 'FUNCTION') translateCall(node);
    if (node['type'] === 'BASE_TABLE') translateTable(node);
  });
}

function translateCall(node: Node): void {
  const name = textOf(node['function_name']).toLowerCase();
  if (name === 'struct') return translateStruct(node);
  if (name === 'hex') translateHex(node);
  if (name === 'nvl') {
    const { alias, query_location, children } = node;
    return become(node, { class: 'OPERATOR', type: 'OPERATOR_COALESCE', alias, query_location, children });
  }
  node['function_name'] = renamed.get(name) ?? node['function_name'];
}

function translateStruct(node: Node): void {
  const children = nodesOf(node['children']);
  const names = children.map((child) => textOf(child['alias']) || (columnParts(child)?.at(-1) ?? ''));
  const distinct = new Set(names.map((name) => name.toLowerCase()));
  if (names.length === 0 || names.includes('') || distinct.size < names.length) {
    node['function_name'] = 'row';
    return;
  }
  node['function_name'] = 'struct_pack';
  children.forEach((child, index) => {
    child['alias'] = names[index];
  });
}

/** DuckDB's hex() takes no UUID: of a trace id it is the UUID's text without its dashes. */
function translateHex(node: Node): void {
  const [argument] = nodesOf(node['children']);
  const column = columnParts(argument)?.at(-1)?.toLowerCase();
  if (column !== 'trace_id' && column !== 'linked_trace_id') return;
  const { query_location } = node;
  const type: Node = { id: 'VARCHAR', type_info: null };
  const constant = (value: string): Node => (
    { class: 'CONSTANT', type: 'VALUE_CONSTANT', alias: '', query_location, value: { type, is_null: false, value } });
  const text: Node = { class: 'CAST', type: 'OPERATOR_CAST', alias: '', query_location, child: argument, cast_type: type, try_cast: false };
  become(node, { ...node, function_name: 'replace', children: [text, constant('-'), constant('')] });
}

function translateTable(node: Node): void {
  const name = textOf(node['table_name']);
  const star = starNames.get(name.toLowerCase());
  if (star === undefined || !isNode(node)) return;
  node['table_name'] = star;
  if (textOf(node['alias']) === '') node['alias'] = name;
}

/**
 * Writes DOUBLE constants as casts of text, in place: DuckDB prints 1e9 as 1000000000.0 and reads that as a DECIMAL.
 */
export function pinDoubles(statement: Node): void {
  visitNodes(statement, (node) => {
    const constant = constantOf(node);
    if (constant?.type !== 'DOUBLE') return;
    const { alias, query_location } = node;
    const value: Node = { type: { id: 'VARCHAR', type_info: null }, is_null: false, value: String(constant.value) };
    const child: Node = { class: 'CONSTANT', type: 'VALUE_CONSTANT', alias: '', query_location, value };
    become(node, { class: 'CAST', type: 'OPERATOR_CAST', alias, query_location, child, cast_type: { id: 'DOUBLE', type_info: null }, try_cast: false });
  });
}
