import { childFieldNames, childTextFields } from './child-tables.ts';
import type { KeyColumn } from './key-columns.ts';
import { keyColumnIn, type ReadKey, sameKey } from './same-key.ts';
import type { ChildPlan, SampledSignal, StarTable } from './slot-plan.ts';
import { groupedSpanColumns, logColumns, ofRoot, rootFields, spanColumns, traceColumns, type ViewColumn } from './view-columns.ts';
import { type SelectedColumn, selectWithTexts } from './slot-texts.ts';
import { nOne, type RowNeeds, windowRows, type WindowSlot } from './window-rows.ts';

/** The rows of one window, as its views are made of them. */
export interface Window {
  readonly signal: SampledSignal;
  readonly slots: readonly WindowSlot[];
  /** Number of its slot, by which policies look back; 0 where it is left out. */
  readonly number?: number;
  /** Windows of traces some of which are decided together: a table of trace_id, r and n_in of the group's leader, own_n_in. */
  readonly groups?: string;
  /** Windows of logs: SELECT of the view `kept_traces`. */
  readonly keptTraces?: string;
}

/** A key that a policy reads, under the field name that its compiled SQL uses. */
export interface KeyUse extends ReadKey {
  readonly field: string;
}

/** Columns and keys of a view that a policy reads. */
export interface ViewUse {
  readonly columns: readonly string[];
  readonly keys: readonly KeyUse[];
}

const service: ReadKey = { source: 'resource', key: 'service.name', type: 'VARCHAR' };

/** Row fields and keys that a view's use makes the slots project. */
export function needsOf(view: 'spans' | 'logs' | 'traces', use: ViewUse): { fields: string[]; keys: ReadKey[]; inputs: boolean } {
  const columns = use.columns.flatMap((name) => columnOf(view, name) ?? []);
  const fields = new Set(columns.flatMap((column) => column.fields));
  const keys: ReadKey[] = [...use.keys];
  if (columns.some((column) => column.service === true)) keys.push(service);
  if (view === 'traces' && (use.keys.length > 0)) rootFields.forEach((name) => fields.add(name));
  return { fields: [...fields], keys, inputs: view === 'traces' || columns.some((column) => column.inputs === true) };
}

const viewColumns = { spans: spanColumns, logs: logColumns, traces: traceColumns };

function columnOf(view: 'spans' | 'logs' | 'traces', name: string): ViewColumn | null {
  return viewColumns[view][name] ?? null;
}

/** A key with its name in a window's rows: that of the first slot's column. */
function keyColumn(window: Window, use: ReadKey): KeyColumn {
  const found = keyColumnIn(window.slots[0].slot.plan, use);
  if (found === null) throw new Error(`invariant broken: key ${use.source}['${use.key}'] is not projected`);
  return found;
}

function rowNeeds(window: Window, view: 'spans' | 'logs' | 'traces', use: ViewUse): RowNeeds {
  const needs = needsOf(view, use);
  const keys = needs.keys.map((key) => keyColumn(window, key));
  return { fields: needs.fields, keys: [...new Set(keys)], inputs: needs.inputs };
}

/** SELECT of view `spans` or `logs` with just the columns and keys used. */
export function rowViewSql(window: Window, view: 'spans' | 'logs', use: ViewUse): string {
  const isGrouped = view === 'spans' && window.groups !== undefined && use.columns.some((name) => groupedSpanColumns[name] !== undefined);
  const select = use.columns.flatMap((name) => {
    const column = isGrouped ? groupedSpanColumns[name] ?? columnOf(view, name) : columnOf(view, name);
    return column === null ? [] : [`${columnSql(window, column)} AS "${name}"`];
  });
  select.push(...structs(window, use, (column) => column));
  if (select.length === 0) select.push('1 AS one');
  const needs = rowNeeds(window, view, use);
  const rows = windowRows(window.slots, isGrouped ? { ...needs, inputs: true } : needs);
  return `SELECT ${select.join(', ')} FROM (${isGrouped ? withGroups(rows, window.groups) : rows})`;
}

/** Rows of spans with the randomness and p_in that their trace is decided on. */
function withGroups(rows: string, groups: string): string {
  return `SELECT b.*, coalesce(g.r, b.r) AS group_r, coalesce(g.n_in, b.n_in) AS group_n_in FROM (${rows}) b LEFT JOIN ${groups} g ON g.trace_id = b.trace_id`;
}

function columnSql(window: Window, column: ViewColumn): string {
  return column.service === true ? column.sql.replaceAll(/\bservice\b/g, keyColumn(window, service).column) : column.sql;
}

/** `attributes` and `resource` as structs of the keys used. */
function structs(window: Window, use: ViewUse, value: (column: string) => string): string[] {
  return (['attributes', 'resource'] as const).flatMap((source) => {
    const keys = use.keys.filter((key) => key.source === source);
    if (keys.length === 0) return [];
    const entries = keys.map((key) => `${key.field} := ${value(keyColumn(window, key).column)}`);
    return [`struct_pack(${entries.join(', ')}) AS ${source}`];
  });
}

/**
 * SELECT that rolls the window's spans up into traces: `trace_id`, `r`, `n_in`, `evidence_rows` (spans that count), and the columns and keys used; keys
 * appear as columns of their own (`traceKeyColumn`), structs are made by `traceViewSql`.
 * Texts of roots are looked up a trace, not a span, where the window has one slot. Where spans of a trace came with different probabilities, only those of the greatest count (sampling.md, rule 11), and spans of
 * unknown probability only where there are no others.
 */
export function tracesSql(window: Window, use: ViewUse): string {
  const select: SelectedColumn[] = [
    { sql: 'trace_id', isText: false, as: 'trace_id' }, { sql: 'any_value(r)', isText: false, as: 'r' },
    { sql: 'max(n_in)', isText: false, as: 'n_in' }, { sql: 'count(*)', isText: false, as: 'evidence_rows' },
  ];
  for (const name of use.columns) {
    const column = columnOf('traces', name);
    if (column !== null) select.push({ sql: columnSql(window, column), isText: rootTexts.has(name), as: name });
  }
  for (const { column, type } of new Set(use.keys.map((key) => keyColumn(window, key)))) select.push({ sql: ofRoot(column), isText: type === 'VARCHAR', as: `root_${column}` });
  const codes = window.slots.length === 1 && select.some(({ isText }) => isText) && !use.columns.some((name) => serviceLists.has(name));
  const mixed = window.slots.some(({ slot }) => slot.inputs.rowCount > 0);
  const rows = windowRows(window.slots, { ...rowNeeds(window, 'traces', use), codes });
  const known = 'CASE WHEN is_unknown THEN 0::UBIGINT ELSE n_in END';
  const evidence = mixed ? `SELECT * FROM (${rows}) QUALIFY ${known} = max(${known}) OVER (PARTITION BY trace_id)` : rows;
  const traces = `SELECT ${select.map(({ sql, as }) => `${sql} AS "${as}"`).join(', ')} FROM (${evidence}) GROUP BY trace_id`;
  if (!codes) return traces;
  return selectWithTexts(`(${traces}) t`, window.slots[0].slot.strings, select.map(({ isText, as }) => ({ sql: `t."${as}"`, isText, as })));
}

/** Columns of `traces` that are a text of the root span, and those that look into the texts of all its spans. */
const rootTexts: ReadonlySet<string> = new Set(['root_service', 'root_name']);
const serviceLists: ReadonlySet<string> = new Set(['services', 'service_count']);

/** SELECT of view `traces` over a table made by `tracesSql`. */
export function traceViewSql(window: Window, table: string, use: ViewUse): string {
  const derived: { readonly [name: string]: string } = {
    trace_id: 'trace_id',
    item: 'struct_pack("key" := trace_id, r := r, n_in := n_in)',
    randomness: 'r',
    adjusted_count: `${nOne}.0::DOUBLE / ${window.groups === undefined ? 'n_in' : 'coalesce(own_n_in, n_in)'}`,
  };
  const select = use.columns.flatMap((name) => {
    if (name === 'attributes' || name === 'resource') return [];
    return [`${derived[name] ?? `"${name}"`} AS "${name}"`];
  });
  select.push(...structs(window, use, (column) => `root_${column}`));
  if (select.length === 0) select.push('1 AS one');
  const own = window.groups === undefined ? '' : ` t LEFT JOIN (SELECT trace_id AS member, own_n_in FROM ${window.groups}) g ON g.member = t.trace_id`;
  return `SELECT ${select.join(', ')} FROM ${table}${own}`;
}

const idOf = (prefix: string): string => `((${prefix}r::UHUGEINT << 64) | (${prefix}pcode::UHUGEINT << 32) | ${prefix}wseq::UHUGEINT)`;

/** SELECT of view `span_events` or `span_links`, all columns, with the keys used. */
export function childViewSql(window: Window, child: ChildPlan['child'], use: ViewUse): string {
  return window.slots.map((part, index) => childOfSlot(part, index, child, use)).join('\nUNION ALL\n');
}

function childOfSlot(part: WindowSlot, index: number, child: ChildPlan['child'], use: ViewUse): string {
  const { slot } = part;
  const plan = slot.plan.children.find((candidate) => candidate.child === child);
  if (plan === undefined) throw new Error(`invariant broken: ${child} is not projected`);
  const owner = windowRows([part], { fields: [], keys: [], inputs: true });
  const missing = use.keys.find((used) => keyColumnIn(plan, used) === null);
  if (missing !== undefined) throw new Error(`invariant broken: attributes['${missing.key}'] of ${child} is not projected`);
  const keys = plan.keys.filter((key) => use.keys.some((used) => sameKey(key, used)));
  const rows = selectWithTexts(`${slot.table(child).table} t`, slot.strings, [
    { sql: 't.child_seq', isText: false, as: 'child_seq' },
    { sql: 't.seq', isText: false, as: 'seq' },
    ...childFieldNames(child).map((name) => ({ sql: `t.${name}`, isText: childTextFields.has(name), as: name })),
    ...keys.map(({ column, type }) => ({ sql: `t.${column}`, isText: type === 'VARCHAR', as: column })),
  ]);
  const select = [
    `((${index}::UHUGEINT << 32) | c.child_seq::UHUGEINT) AS id`, `${idOf('o.')} AS parent_id`, 'o.trace_id AS trace_id',
    ...childSelect(child),
  ];
  const fields = use.keys.flatMap((used) => keys.filter((key) => sameKey(key, used)).map(({ column }) => `${used.field} := c.${column}`));
  if (fields.length > 0) select.push(`struct_pack(${fields.join(', ')}) AS attributes`);
  return `SELECT ${select.join(', ')} FROM (${rows}) c JOIN (${owner}) o ON o.wseq = c.seq + ${part.offset}`;
}

function childSelect(child: ChildPlan['child']): string[] {
  if (child === 'span_events') {
    return ['c.name AS name', 'make_timestamp_ns(c.time_ns) AS time', 'c.time_ns AS time_unix_nano', 'c.dropped_attributes_count AS dropped_attributes_count'];
  }
  return [
    'c.linked_trace_id AS linked_trace_id', "lpad(lower(to_hex(c.linked_span_id)), 16, '0') AS linked_span_id",
    'c.trace_state AS trace_state', 'c.flags AS flags', 'c.dropped_attributes_count AS dropped_attributes_count',
  ];
}

/** SELECT of a star table: parent_id, key, type, str, int, double, bool, bytes, ser. */
export function starViewSql(window: Window, star: StarTable): string {
  const shared = star === 'resource_attrs' || star === 'scope_attrs';
  const parts = window.slots.map((part, index) => starOfSlot(part, index, star, shared));
  return parts.join(shared ? '\nUNION\n' : '\nUNION ALL\n');
}

const starTexts = new Set(['key', 'str']);

function starOfSlot(part: WindowSlot, index: number, star: StarTable, shared: boolean): string {
  const { slot } = part;
  const rows = selectWithTexts(`${slot.table(star).table} t`, slot.strings,
    ['owner', 'key', 'type', 'str', 'int', 'double', 'bool', 'bytes', 'ser'].map((name) => ({ sql: `t."${name}"`, isText: starTexts.has(name), as: name })));
  const columns = 'a.key AS key, a.type AS type, a.str AS str, a.int AS int, a.double AS double, a.bool AS bool, a.bytes AS bytes, a.ser AS ser';
  if (shared) return `SELECT a.owner AS parent_id, ${columns} FROM (${rows}) a`;
  if (star === 'span_event_attrs' || star === 'span_link_attrs') {
    return `SELECT ((${index}::UHUGEINT << 32) | a.owner::UHUGEINT) AS parent_id, ${columns} FROM (${rows}) a`;
  }
  const owner = windowRows([part], { fields: [], keys: [], inputs: true });
  return `SELECT ${idOf('o.')} AS parent_id, ${columns} FROM (${rows}) a JOIN (${owner}) o ON o.wseq = a.owner + ${part.offset}`;
}
