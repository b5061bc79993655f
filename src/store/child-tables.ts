import type { PayloadTable } from '../otap/batch.ts';
import { bytesOf, countField, type FieldReader, type ReadContext, spanIdField, textField, timeField, traceIdField } from './field-readers.ts';
import { keyStorage, type OnMismatch, readKeyOf } from './key-columns.ts';
import { ownedRows, type OwnerRows, type PendingRows, seqById } from './owner-rows.ts';
import { pick } from './pick.ts';
import type { RowById } from './row-by-id.ts';
import type { Slot } from './slot.ts';
import type { ChildPlan } from './slot-plan.ts';
import type { ColumnData, ColumnDefinition } from './table-writer.ts';

/** Columns of events and links beside `child_seq` (number in the slot) and `seq` (the span's). */
const childFields: { readonly [child in ChildPlan['child']]: readonly { readonly name: string; readonly reader: FieldReader }[] } = {
  span_events: [
    { name: 'name', reader: textField('name') },
    { name: 'time_ns', reader: timeField('time_unix_nano', 'zero') },
    { name: 'dropped_attributes_count', reader: countField('dropped_attributes_count') },
  ],
  span_links: [
    { name: 'linked_trace_id', reader: traceIdField('trace_id') },
    { name: 'linked_span_id', reader: spanIdField('span_id') },
    { name: 'trace_state', reader: textField('trace_state') },
    { name: 'flags', reader: countField('flags') },
    { name: 'dropped_attributes_count', reader: countField('dropped_attributes_count') },
  ],
};

const payloads = {
  span_events: { rows: 'SPAN_EVENTS', attributes: 'SPAN_EVENT_ATTRS' },
  span_links: { rows: 'SPAN_LINKS', attributes: 'SPAN_LINK_ATTRS' },
} as const;

/** Columns of a child's table under its plan. */
export function childColumns(plan: ChildPlan): readonly ColumnDefinition[] {
  return [
    { name: 'child_seq', type: 'UINTEGER' },
    { name: 'seq', type: 'UINTEGER' },
    ...childFields[plan.child].map(({ name, reader }) => ({ name, type: reader.type })),
    ...plan.keys.map((key) => ({ name: key.column, type: keyStorage(key.type) })),
  ];
}

/** Names of child fields that hold codes of the slot's string table. */
export const childTextFields: ReadonlySet<string> = new Set(['name', 'trace_state']);

/** Names of a child's own fields. */
export function childFieldNames(child: ChildPlan['child']): readonly string[] {
  return childFields[child].map(({ name }) => name);
}

/** Reads the events and links of the spans that the slot takes. */
export function projectChildren(slot: Slot, context: ReadContext, owner: OwnerRows, onMismatch: OnMismatch): PendingRows[] {
  return slot.plan.children.flatMap((plan) => {
    const table = context.batch.table(payloads[plan.child].rows);
    return table === null ? [] : projectChild(slot, { ...context, root: table }, plan, seqById(context.root, owner), onMismatch);
  });
}

function projectChild(slot: Slot, context: ReadContext, plan: ChildPlan, seq: RowById, onMismatch: OnMismatch): PendingRows[] {
  const table: PayloadTable = context.root;
  const parents = table.ids('parent_id');
  if (parents === null) return [];
  const { rows, owners } = ownedRows(parents.values, null, seq);
  if (rows.length === 0) return [];
  const writer = slot.table(plan.child);
  const first = writer.rowCount;
  const childSeq = Uint32Array.from({ length: rows.length }, (_, index) => first + index);
  const owned = { table, idPath: 'id', attributes: context.batch.table(payloads[plan.child].attributes) };
  const data: ColumnData[] = [
    ...childFields[plan.child].map(({ reader }) => reader.read(context)),
    ...plan.keys.map((key) => readKeyOf(context, owned, key, onMismatch)),
  ];
  const columns = data.map((column, index) => pick(column, rows, writer.columns[index + 2].type));
  return [{
    writer, count: rows.length,
    data: [{ bytes: bytesOf(childSeq), valid: null }, { bytes: bytesOf(owners), valid: null }, ...columns],
  }];
}
