import type { CompiledPolicy, KeyRead } from './compiled.ts';
import { type Finding, finding } from './finding.ts';
import { lintChance } from './lint-chance.ts';
import { lintLimits } from './lint-limits.ts';
import { lintOrder } from './lint-order.ts';
import { lintOutcomes } from './lint-outcomes.ts';
import type { PolicySource } from './policy-source.ts';
import type { Reads } from './reads.ts';
import { columnParts, findNode, isNode, type Node, nodesOf, type SqlTree, textOf, visitNodes } from './sql-tree.ts';

/** What the lints that need no database look at. */
export interface LintInput {
  readonly source: PolicySource;
  readonly statement: Node;
  readonly stars: CompiledPolicy['stars'];
  readonly keys: readonly KeyRead[];
  /** All sampling functions. */
  readonly macros: ReadonlySet<string>;
  /** Whether less than all columns of the views are projected. */
  readonly complete: boolean;
  /** Whether the chance is returned as adjusted_count. */
  readonly inverse: boolean;
  /** Whether a policy for traces names spans, by id. */
  readonly namesSpans: boolean;
}

/** What is allowed and yet likely not what was meant. */
export function lint(input: LintInput): readonly Finding[] {
  const { source, statement, macros } = input;
  return [
    ...lintReads(input),
    ...lintCounts(input),
    ...lintSpans(input),
    ...lintChance(source, statement, input.keys, macros),
    ...lintOutcomes(source, statement, macros),
    ...lintLimits(source, statement),
    ...lintOrder(source, statement),
  ];
}

/** What is read without need, or never found. */
function lintReads({ source, statement, stars, complete }: LintInput): readonly Finding[] {
  const wide = stars.filter(({ keys }) => keys === 'all').map(({ star }) => {
    const at = tableOf(statement, star);
    return finding(source, 'all_keys', at, `${star} is read with all its keys`, "compare its column key with constants (key = 'x', key IN ('x', 'y')) in WHERE or ON to project only those");
  });
  const all = complete ? [] : [finding(source, 'all_columns', undefined, 'all columns of the views are read: SELECT * is used where the number of columns matters', 'name them')];
  return [...wide, ...wrongOwners(source, statement), ...all];
}

function tableOf(statement: Node, name: string): Node | undefined {
  return findNode(statement, (node) => node['type'] === 'BASE_TABLE' && textOf(node['table_name']).toLowerCase() === name);
}

/** `adjusted_count` where a chance belongs. */
function lintCounts({ source, statement, inverse }: LintInput): readonly Finding[] {
  return topItems(statement['node'] ?? null).flatMap((item) => {
    if (columnParts(item)?.at(-1)?.toLowerCase() !== 'adjusted_count') return [];
    const alias = textOf(item['alias']).toLowerCase();
    if (alias === '' && inverse) {
      return [finding(source, 'adjusted_count_returned', item, 'adjusted_count as it came is returned as 1 / probability: every item is kept as it came', 'say which probability you mean')];
    }
    return alias === 'probability'
      ? [finding(source, 'count_as_probability', item, 'adjusted_count is a count, 1 / probability', 'write 1.0 AS probability to keep all that is named, proportional(f) for a share of what came')]
      : [];
  });
}

/** Spans by id, or by parent_id of what belongs to them: they stand for their traces. */
function lintSpans({ source, statement, namesSpans }: LintInput): readonly Finding[] {
  if (!namesSpans) return [];
  const items = topItems(statement['node'] ?? null);
  const at = items.find((item) => ['id', 'parent_id'].includes(columnParts(item)?.at(-1)?.toLowerCase() ?? '')) ?? items.at(0);
  return [finding(source, 'span_names_trace', at, 'spans are named by id here: each stands for its trace, which is kept or dropped whole', 'return trace_id to say so')];
}

/** Comparisons of an item's id with the parent_id of resource or scope attributes: never equal. */
function wrongOwners(source: PolicySource, statement: Node): readonly Finding[] {
  const owners = new Map<string, string>();
  visitNodes(statement, (node) => {
    const star = node['type'] === 'BASE_TABLE' ? textOf(node['table_name']) : '';
    if (star === 'resource_attrs' || star === 'scope_attrs') owners.set((textOf(node['alias']) || star).toLowerCase(), star.replace('attrs', 'id'));
  });
  const found: Finding[] = [];
  visitNodes(statement, (node) => {
    if (node['type'] !== 'COMPARE_EQUAL') return;
    const sides = [columnParts(node['left']) ?? [], columnParts(node['right']) ?? []].map((side) => side.map((part) => part.toLowerCase()));
    const parent = sides.find((side) => side.at(-1) === 'parent_id' && owners.has(side.at(-2) ?? ''));
    if (parent === undefined || !sides.some((side) => side.at(-1) === 'id')) return;
    found.push(finding(source, 'wrong_owner', node, `${parent.join('.')} is a ${owners.get(parent[0]) ?? 'resource_id'}, never an id`, 'join on that column'));
  });
  return found;
}

/** Select lists of the statement's own SELECTs. */
function topItems(top: SqlTree): readonly Node[] {
  if (!isNode(top)) return [];
  const branches = [top['left'] ?? null, top['right'] ?? null, ...nodesOf(top['children'])];
  return top['type'] === 'SET_OPERATION_NODE' ? branches.flatMap(topItems) : nodesOf(top['select_list']);
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
