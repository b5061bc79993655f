import type { KeyRead } from './compiled.ts';
import type { PolicySource } from './policy-source.ts';
import type { Reads } from './reads.ts';
import { type Ancestors, columnParts, isNode, type Node, nodesOf, stringsOf, textOf, visitNodes } from './sql-tree.ts';

const hint = 'a ceiling drawn on the same chance as the sample is biased (0.60 of the truth): drop by what the items hold';

/** Columns that say or hold an item's randomness. */
const ofChance: ReadonlySet<string> = new Set(['randomness', 'item', 'trace_state']);

/** Views that say what was kept, by the same randomness that the items have. */
const ofOutcomes: ReadonlySet<string> = new Set(['kept_traces']);

/** Columns whose bits are an item's randomness, though they may name it. */
const ofIdentity: readonly string[] = ['trace_id', 'linked_trace_id', 'id', 'parent_id'];

/**
 * Refuses a drop policy whose rows or ceilings could depend on chance (sampling.md, rule 8): sampling functions, the randomness in
 * all its spellings, outcomes, LIMIT, and the bits of ids. Ids may be returned, passed on, compared with other ids, grouped by and counted.
 * Throws PolicyError `not_allowed`.
 */
export function checkCeilingText(source: PolicySource, statement: Node, macros: ReadonlySet<string>): void {
  const names = identityNames(source, statement);
  visitNodes(statement, (node, ancestors) => {
    const call = textOf(node['function_name']).toLowerCase();
    if (macros.has(call)) throw refusal(source, node, `calls ${call}`);
    if (node['type'] === 'BASE_TABLE' && ofOutcomes.has(textOf(node['table_name']).toLowerCase())) throw refusal(source, node, `reads ${textOf(node['table_name'])}`);
    if (textOf(node['type']).startsWith('LIMIT')) throw source.error('not_allowed', 'a drop policy has a LIMIT, which picks by the order of ids', { hint });
    const name = columnParts(node)?.at(-1)?.toLowerCase();
    if (name === undefined) return;
    if (ofChance.has(name)) throw refusal(source, node, `reads ${name}`);
    if (names.has(name) && !isAsWhole(node, ancestors, names)) throw refusal(source, node, `reads the bits of ${name}`);
  });
}

/** The same of what the text does not show: whole rows that hold such columns, and the attribute that says R. */
export function checkCeilingReads(source: PolicySource, reads: Reads, keys: readonly KeyRead[]): void {
  for (const [table, { columns }] of reads) {
    const found = [...columns].find((column) => ofChance.has(column));
    if (found !== undefined) throw refusal(source, undefined, `reads ${found} of ${table}`);
  }
  const key = keys.find((read) => read.key === 'sampling.randomness');
  if (key !== undefined) throw refusal(source, undefined, `reads ${key.source}['${key.key}']`);
}

function refusal(source: PolicySource, at: Node | undefined, what: string): Error {
  return source.error('not_allowed', `a drop policy ${what}`, { at, hint });
}

/** Names that ids go by in this text: their own, and those that select lists give them. */
function identityNames(source: PolicySource, statement: Node): ReadonlySet<string> {
  const names = new Set<string>(ofIdentity);
  let size = 0;
  while (size !== names.size) {
    size = names.size;
    visitNodes(statement, (node) => {
      if ([...stringsOf(node['aliases']), ...stringsOf(node['column_name_alias'])].length > 0) throw source.error('not_allowed', 'a drop policy renames columns in a list', { at: node, hint: 'name them with AS in the SELECT' });
      const column = columnParts(node)?.at(-1)?.toLowerCase();
      const alias = textOf(node['alias']).toLowerCase();
      if (column !== undefined && alias !== '' && names.has(column)) names.add(alias);
    });
  }
  return names;
}

const comparisons: ReadonlySet<string> = new Set(['COMPARE_EQUAL', 'COMPARE_NOTEQUAL', 'COMPARE_NOT_DISTINCT_FROM', 'COMPARE_DISTINCT_FROM']);
const tests: ReadonlySet<string> = new Set(['OPERATOR_IS_NULL', 'OPERATOR_IS_NOT_NULL']);
const counting: ReadonlySet<string> = new Set(['count', 'approx_count_distinct']);

/** Whether an id is used as a whole, where only its equality with other ids matters. */
function isAsWhole(node: Node, ancestors: Ancestors, names: ReadonlySet<string>): boolean {
  const parent = ancestors?.node;
  if (parent === undefined) return false;
  if (parent['type'] === 'SELECT_NODE') return isIn(parent['select_list'], node) || isIn(parent['group_expressions'], node);
  const type = textOf(parent['type']);
  if (comparisons.has(type)) return isId(parent['left'], names) && isId(parent['right'], names);
  if (tests.has(type)) return true;
  if (type === 'SUBQUERY' || parent['class'] === 'SUBQUERY') return true;
  if (type === 'COMPARE_IN' || type === 'COMPARE_NOT_IN') return nodesOf(parent['children']).every((child) => isId(child, names));
  return counting.has(textOf(parent['function_name']).toLowerCase()) || isIn(parent['partitions'], node);
}

function isIn(list: Node[string] | undefined, node: Node): boolean {
  return Array.isArray(list) && list.includes(node);
}

function isId(tree: Node[string] | undefined, names: ReadonlySet<string>): boolean {
  const name = isNode(tree) ? columnParts(tree)?.at(-1)?.toLowerCase() : undefined;
  return name !== undefined && names.has(name);
}
