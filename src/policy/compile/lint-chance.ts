import type { KeyRead } from './compiled.ts';
import { type Finding, finding } from './finding.ts';
import type { PolicySource } from './policy-source.ts';
import { type Ancestors, columnParts, constantText, isNode, type Node, nodesOf, textOf, visitNodes } from './sql-tree.ts';

const chanceHint = 'leave the choice to the engine, which keeps what is named by its probability; bottom_k(item, k) for a fixed number';
const idHint = 'ids are for =, IN, GROUP BY and count; name items by what they hold, and leave the choice to their probability';

/** Rows and probabilities that depend on an item's own randomness, or on ids whose bits it is (sampling.md, rules 5, 8 and 9). */
export function lintChance(source: PolicySource, statement: Node, keys: readonly KeyRead[], macros: ReadonlySet<string>): readonly Finding[] {
  const chance = aliasesOf(statement, new Set(['randomness']));
  const ids = aliasesOf(statement, new Set(['trace_id', 'id', 'parent_id', 'linked_trace_id']));
  const randomnessFields = new Set(keys.filter(({ key }) => key === 'sampling.randomness').map(({ field }) => field));
  const found: Finding[] = [];
  visitNodes(statement, (node, ancestors) => {
    const parts = columnParts(node)?.map((part) => part.toLowerCase());
    const name = parts?.at(-1) ?? '';
    const isOfItem = ['r', 'n_in'].includes(name) && parts?.at(-2) === 'item';
    if ((chance.has(name) || isOfItem || isFieldOfItem(node) || isField(node, randomnessFields)) && !isPassedOn(node, ancestors)) {
      found.push(finding(source, 'reads_randomness', node, 'this depends on the item\'s own randomness, which then decides a second time whether it is kept', chanceHint));
    } else if (ids.has(name) && !isWhole(node, ancestors, macros)) {
      found.push(finding(source, 'reads_id_bits', node, `this depends on the bits of ${name}, which are the item's randomness`, idHint));
    }
  });
  return found;
}

/** Names that select lists give to plain columns of these names; aliases of aliases too. */
function aliasesOf(statement: Node, start: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set(start);
  let size = 0;
  while (size !== names.size) {
    size = names.size;
    visitNodes(statement, (node) => {
      for (const item of nodesOf(node['select_list'])) {
        const alias = textOf(item['alias']).toLowerCase();
        if (alias !== '' && names.has(columnParts(item)?.at(-1)?.toLowerCase() ?? '')) names.add(alias);
      }
    });
  }
  return names;
}

/** `(item).r`, `item['n_in']`. */
function isFieldOfItem(node: Node): boolean {
  const [value, field] = nodesOf(node['children']);
  const isExtract = ['ARRAY_EXTRACT', 'STRUCT_EXTRACT'].includes(textOf(node['type'])) || textOf(node['function_name']).startsWith('struct_extract');
  return isExtract && columnParts(value)?.at(-1)?.toLowerCase() === 'item' && constantText(field)?.toLowerCase() !== 'key';
}

function isField(node: Node, fields: ReadonlySet<string>): boolean {
  return node['type'] === 'ARRAY_EXTRACT' && fields.has(constantText(nodesOf(node['children'])[1]) ?? '');
}

/** A column of a select list, as it is. */
function isPassedOn(node: Node, ancestors: Ancestors): boolean {
  return ancestors !== null && nodesOf(ancestors.node['select_list']).includes(node);
}

const wholeTypes: ReadonlySet<string> = new Set([
  'COMPARE_EQUAL', 'COMPARE_NOTEQUAL', 'COMPARE_DISTINCT_FROM', 'COMPARE_NOT_DISTINCT_FROM', 'COMPARE_IN', 'COMPARE_NOT_IN', 'OPERATOR_IS_NULL',
  'OPERATOR_IS_NOT_NULL', 'DISTINCT_MODIFIER', 'SUBQUERY', 'SELECT_NODE', 'ARRAY_CONSTRUCTOR',
]);

const wholeFunctions: ReadonlySet<string> = new Set([
  'count', 'approx_count_distinct', 'any_value', 'arbitrary', 'first', 'last', 'list', 'array_agg', 'struct_pack', 'row', 'list_value', 'unnest', 'list_contains',
  'list_has', 'array_contains', 'array_has', 'list_has_any', 'array_has_any', 'list_has_all', 'array_has_all', 'list_distinct', 'ifnull', 'nullif',
]);

/** Functions whose first argument is given back as it is. */
const givesFirst: ReadonlySet<string> = new Set(['arg_min', 'arg_max', 'argmin', 'argmax', 'min_by', 'max_by', 'arg_min_null', 'arg_max_null']);

/** Whether an id is used as a whole: compared for equality, grouped by, counted, passed on. */
function isWhole(node: Node, ancestors: Ancestors, macros: ReadonlySet<string>): boolean {
  const parent = ancestors?.node;
  if (parent === undefined || ancestors === null) return true;
  const type = textOf(parent['type']);
  const name = textOf(parent['function_name']).toLowerCase();
  if (parent['expression'] === node) return isHarmlessOrder(ancestors.up);
  if (parent['class'] === 'WINDOW') return nodesOf(parent['partitions']).includes(node) || (wholeFunctions.has(name) && nodesOf(parent['children']).includes(node));
  if (wholeTypes.has(type) || wholeFunctions.has(name) || macros.has(name)) return true;
  if (givesFirst.has(name)) return nodesOf(parent['children'])[0] === node;
  if (type === 'OPERATOR_CAST' || type === 'OPERATOR_COALESCE' || parent['class'] === 'CASE' || isDashless(parent)) return isWhole(parent, ancestors.up, macros);
  return isNode(parent['when_expr']) || isNode(parent['then_expr']) ? parent['when_expr'] !== node && isWhole(parent, ancestors.up, macros) : false;
}

/** hex(trace_id), as it was translated. */
function isDashless(node: Node): boolean {
  const [, from, to] = nodesOf(node['children']);
  return textOf(node['function_name']) === 'replace' && constantText(from) === '-' && constantText(to) === '';
}

/** ORDER BY an id: harmless in an aggregate's arguments and where nothing is cut off after it. */
function isHarmlessOrder(owner: Ancestors): boolean {
  if (owner === null) return true;
  if (owner.node['class'] === 'WINDOW') return false;
  const query = owner.up?.node;
  return query === undefined || !nodesOf(query['modifiers']).some((modifier) => textOf(modifier['type']).startsWith('LIMIT'));
}
