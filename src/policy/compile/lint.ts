import type { CompiledPolicy } from './compiled.ts';
import type { PolicySource } from './policy-source.ts';
import type { Reads } from './reads.ts';
import { columnParts, isNode, type Node, nodesOf, type SqlTree, textOf, visitNodes } from './sql-tree.ts';

/** What is allowed and yet likely not what was meant. */
export function lint(source: PolicySource, statement: Node, stars: CompiledPolicy['stars'], { complete, inverse }: { readonly complete: boolean; readonly inverse: boolean }): readonly string[] {
  const warnings: string[] = [];
  for (const { star, keys } of stars) {
    if (keys !== 'all') continue;
    warnings.push(`${star} is read with all its keys: compare its column key with constants (key = 'x', key IN ('x', 'y')) in WHERE or ON to project only those`);
  }
  const top = statement['node'];
  const limit = isNode(top) ? nodesOf(top['modifiers']).find((modifier) => String(modifier['type']).startsWith('LIMIT')) : undefined;
  if (limit !== undefined) {
    warnings.push(`${source.place(limit)}: LIMIT picks rows without a chance that is known, so their counts are wrong; bottom_k(item, k) picks k of them rightly`);
  }
  const count = topItems(top).find((item) => columnParts(item)?.at(-1)?.toLowerCase() === 'adjusted_count' && textOf(item['alias']) === '');
  if (count !== undefined && inverse) {
    warnings.push(`${source.place(count)}: adjusted_count as it came is returned as 1 / probability: every item is kept as it came; say which probability you mean`);
  }
  warnings.push(...wrongOwners(source, statement));
  if (!complete) warnings.push('all columns of the views are read: SELECT * is used where the number of columns matters; name them');
  return warnings;
}

/** Comparisons of an item's id with the parent_id of resource or scope attributes: never equal. */
function wrongOwners(source: PolicySource, statement: Node): readonly string[] {
  const owners = new Map<string, string>();
  visitNodes(statement, (node) => {
    const star = node['type'] === 'BASE_TABLE' ? textOf(node['table_name']) : '';
    if (star === 'resource_attrs' || star === 'scope_attrs') owners.set((textOf(node['alias']) || star).toLowerCase(), star.replace('attrs', 'id'));
  });
  const warnings: string[] = [];
  visitNodes(statement, (node) => {
    if (node['type'] !== 'COMPARE_EQUAL') return;
    const sides = [columnParts(node['left']) ?? [], columnParts(node['right']) ?? []].map((side) => side.map((part) => part.toLowerCase()));
    const parent = sides.find((side) => side.at(-1) === 'parent_id' && owners.has(side.at(-2) ?? ''));
    if (parent === undefined || !sides.some((side) => side.at(-1) === 'id')) return;
    warnings.push(`${source.place(node)}: ${parent.join('.')} is a ${owners.get(parent[0]) ?? 'resource_id'}, never an id: join on that column`);
  });
  return warnings;
}

/** Select list of the statement's own SELECT; empty for a UNION. */
function topItems(top: SqlTree): readonly Node[] {
  return isNode(top) ? nodesOf(top['select_list']) : [];
}

/** Refuses what names things that are no items. Throws PolicyError `shape` or `signal`. */
export function checkItems(source: PolicySource, signal: CompiledPolicy['signal'], keyKind: CompiledPolicy['keyKind'], reads: Reads): void {
  if (signal === 'logs' && keyKind === 'trace_id') {
    throw source.error('shape', 'a logs policy names records by id, not by trace_id', { hint: 'SELECT id FROM logs WHERE trace_id IN (...)' });
  }
  if (signal === 'logs' || keyKind === 'trace_id') return;
  const ofSpans = reads.get('spans')?.columns;
  const named = ofSpans?.has('id') === true || ofSpans?.has('item') === true;
  const referred = ['span_events', 'span_links', 'span_attrs'].some((table) => reads.get(table)?.columns.has('parent_id') === true);
  if (!named && !referred) throw source.error('shape', 'the id returned is not that of a span', { hint: 'return trace_id, or parent_id of events and links' });
}
