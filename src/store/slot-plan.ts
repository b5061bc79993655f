import { type KeyColumn, keyStorage } from './key-columns.ts';
import { type FieldSet, logFields, spanFields } from './signal-fields.ts';
import type { ColumnDefinition } from './table-writer.ts';

/** Signals whose items are held in windows and sampled. */
export type SampledSignal = 'traces' | 'logs';

/** Attribute rows kept as rows, for policies that read the star tables: some keys, or all of them. */
export interface StarPlan {
  readonly star: StarTable;
  readonly keys: readonly string[] | 'all';
}

export type StarTable =
  | 'span_attrs' | 'log_attrs' | 'resource_attrs' | 'scope_attrs' | 'span_event_attrs' | 'span_link_attrs';

/** A table of a span's events or links, when some policy reads them. */
export interface ChildPlan {
  readonly child: 'span_events' | 'span_links';
  readonly keys: readonly KeyColumn[];
}

/**
 * What is projected of every batch of a signal: the union of what the loaded policies read. Slots are created with
 * a plan and never altered; another plan takes over with a new slot.
 */
export interface SlotPlan {
  readonly signal: SampledSignal;
  /** Names in spanFields or logFields. */
  readonly fields: readonly string[];
  readonly keys: readonly KeyColumn[];
  readonly children: readonly ChildPlan[];
  readonly stars: readonly StarPlan[];
}

/** Readers of the row table's optional fields. */
export function fieldsOf(signal: SampledSignal): FieldSet {
  return signal === 'traces' ? spanFields : logFields;
}

/**
 * Columns that every row table has: its randomness, its trace (spans). A row's number in its slot is DuckDB's rowid, which counts from 0 in
 * a table that is only appended to.
 */
export const fixedColumns: { readonly [signal in SampledSignal]: readonly ColumnDefinition[] } = {
  traces: [
    { name: 'r', type: 'UBIGINT' },
    { name: 'trace_id', type: 'UUID' },
  ],
  logs: [{ name: 'r', type: 'UBIGINT' }],
};

/** All columns of the row table under a plan, in order: fixed, fields, keys. */
export function rowColumns(plan: SlotPlan): readonly ColumnDefinition[] {
  const fields = fieldsOf(plan.signal);
  return [
    ...fixedColumns[plan.signal],
    ...plan.fields.map((name) => ({ name, type: fields[name].type })),
    ...plan.keys.map((key) => ({ name: key.column, type: keyStorage(key.type) })),
  ];
}

/**
 * Items whose input says other than "unsampled": N of the input probability, its short code within ids, and whether
 * the probability is unknown (N is then 2^56).
 */
export const inputColumns: readonly ColumnDefinition[] = [
  { name: 'seq', type: 'UINTEGER' },
  { name: 'n_in', type: 'UBIGINT' },
  { name: 'pcode', type: 'UINTEGER' },
  { name: 'is_unknown', type: 'BOOLEAN' },
];
