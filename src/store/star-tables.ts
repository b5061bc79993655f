import type { PayloadTable } from '../otap/batch.ts';
import type { PayloadName } from '../otap/payload-type.ts';
import { isValid } from '../otap/decode/bits.ts';
import { bytesOf, type ReadContext, textCodes } from './field-readers.ts';
import { readNumbers, readWide, validRows } from './lookup.ts';
import { ownedRows, type OwnerRows, type PendingRows, seqById } from './owner-rows.ts';
import { pick } from './pick.ts';
import { greatestId, RowById } from './row-by-id.ts';
import type { Slot } from './slot.ts';
import type { StarPlan, StarTable } from './slot-plan.ts';
import type { ColumnData, ColumnDefinition } from './table-writer.ts';

const payloads: { readonly [star in StarTable]: PayloadName } = {
  span_attrs: 'SPAN_ATTRS',
  log_attrs: 'LOG_ATTRS',
  resource_attrs: 'RESOURCE_ATTRS',
  scope_attrs: 'SCOPE_ATTRS',
  span_event_attrs: 'SPAN_EVENT_ATTRS',
  span_link_attrs: 'SPAN_LINK_ATTRS',
};

/** Columns of a star table: `owner` is a slot row number, or a resource's or scope's id that is unique in the process. */
export const starColumns: readonly ColumnDefinition[] = [
  { name: 'owner', type: 'UBIGINT' },
  { name: 'key', type: 'UINTEGER' },
  { name: 'type', type: 'UTINYINT' },
  { name: 'str', type: 'UINTEGER' },
  { name: 'int', type: 'BIGINT' },
  { name: 'double', type: 'DOUBLE' },
  { name: 'bool', type: 'BOOLEAN' },
  { name: 'bytes', type: 'BLOB' },
  { name: 'ser', type: 'BLOB' },
];

/** Reads the attribute rows that the slot's plan asks for, of the items that the slot takes. */
export function projectStars(slot: Slot, context: ReadContext, owner: OwnerRows): PendingRows[] {
  return slot.plan.stars.flatMap((plan) => {
    const table = context.batch.table(payloads[plan.star]);
    if (table === null) return [];
    const { rows, parents } = wantedRows(table, plan);
    const owned = owners(plan.star, slot, context, owner, rows, parents);
    return owned.rows.length === 0 ? [] : [starRows(slot, plan, context, table, owned)];
  });
}

interface AttributeRows {
  readonly rows: Uint32Array;
  readonly parents: Uint32Array;
}

function wantedRows(table: PayloadTable, plan: StarPlan): AttributeRows {
  if (plan.keys === 'all') {
    const ids = table.ids('parent_id');
    const parents = ids === null ? new Uint32Array(0) : ids.values;
    return { rows: Uint32Array.from(parents, (_, row) => row), parents };
  }
  const parts = plan.keys.map((key) => table.rowsOfKey(key));
  return { rows: concat(parts.map((part) => part.rows)), parents: concat(parts.map((part) => part.parents)) };
}

function concat(parts: readonly Uint32Array[]): Uint32Array {
  const out = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function owners(
  star: StarTable, slot: Slot, context: ReadContext, owner: OwnerRows, rows: Uint32Array, parents: Uint32Array,
): { readonly rows: Uint32Array; readonly owners: BigUint64Array<ArrayBuffer> } {
  if (star === 'resource_attrs' || star === 'scope_attrs') {
    const base = BigInt(context.batchOrdinal) << 16n;
    return { rows, owners: BigUint64Array.from(parents, (parent) => base | BigInt(parent)) };
  }
  const seq = star === 'span_event_attrs' || star === 'span_link_attrs'
    ? childSeqById(star, slot, context, owner)
    : seqById(context.root, owner);
  const owned = ownedRows(parents, rows, seq);
  return { rows: owned.rows, owners: BigUint64Array.from(owned.owners, (value) => BigInt(value)) };
}

/** Child row numbers in the slot by the child's `id`; the child's rows will be written next, in order of the batch. */
function childSeqById(star: 'span_event_attrs' | 'span_link_attrs', slot: Slot, context: ReadContext, owner: OwnerRows): RowById {
  const child = star === 'span_event_attrs' ? 'span_events' : 'span_links';
  const table = context.batch.table(star === 'span_event_attrs' ? 'SPAN_EVENTS' : 'SPAN_LINKS');
  const parents = table?.ids('parent_id') ?? null;
  const ids = table?.ids('id') ?? null;
  if (parents === null || ids === null) return new RowById(-1, 0);
  const owned = ownedRows(parents.values, null, seqById(context.root, owner));
  const first = slot.table(child).rowCount;
  const seq = new RowById(greatestId(ids.values), owned.rows.length);
  owned.rows.forEach((row, index) => {
    if (isValid(ids.validity, row)) seq.set(ids.values[row], first + index);
  });
  return seq;
}

function starRows(
  slot: Slot, plan: StarPlan, context: ReadContext, table: PayloadTable,
  owned: { readonly rows: Uint32Array; readonly owners: BigUint64Array<ArrayBuffer> },
): PendingRows {
  const data: ColumnData[] = [
    textOrNull(context, table, 'key'),
    { bytes: numbers(context, table, 'type', new Uint8Array(table.rowCount)), valid: null },
    textOrNull(context, table, 'str'),
    wideOrNull(context, table, 'int'),
    doubleOrNull(context, table),
    boolOrNull(table),
    blobs(table, 'bytes'),
    blobs(table, 'ser'),
  ];
  const columns = data.map((column, index) => pick(column, owned.rows, starColumns[index + 1].type));
  return { writer: slot.table(plan.star), count: owned.rows.length, data: [{ bytes: bytesOf(owned.owners), valid: null }, ...columns] };
}

function textOrNull({ strings }: ReadContext, table: PayloadTable, path: string): ColumnData {
  const column = table.column(path);
  return column === null ? nulls(table.rowCount, 4) : textCodes(column, strings);
}

function wideOrNull({ lookups }: ReadContext, table: PayloadTable, path: string): ColumnData {
  const column = table.column(path);
  return column === null ? nulls(table.rowCount, 8) : { bytes: bytesOf(readWide(column, lookups)), valid: validRows(column) };
}

function doubleOrNull(context: ReadContext, table: PayloadTable): ColumnData {
  const column = table.column('double');
  if (column === null) return nulls(table.rowCount, 8);
  return { bytes: numbers(context, table, 'double', new Float64Array(table.rowCount)), valid: validRows(column) };
}

function boolOrNull(table: PayloadTable): ColumnData {
  const column = table.column('bool');
  if (column === null || column.kind !== 'bool') return nulls(table.rowCount, 1);
  const bits = column.bits;
  return { bytes: Uint8Array.from({ length: table.rowCount }, (_, row) => (isValid(bits, row) ? 1 : 0)), valid: validRows(column) };
}

function numbers<T extends Uint8Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
  { lookups }: ReadContext, table: PayloadTable, path: string, out: T,
): Uint8Array {
  const column = table.column(path);
  return bytesOf(column === null ? out : readNumbers(column, lookups, out));
}

function nulls(rowCount: number, width: number): ColumnData {
  return { bytes: new Uint8Array(rowCount * width), valid: new Uint8Array(rowCount) };
}

function blobs(table: PayloadTable, path: string): ColumnData {
  const column = table.column(path);
  const texts = new Array<Uint8Array | null>(table.rowCount).fill(null);
  if (column === null) return { texts };
  for (let row = 0; row < texts.length; row++) {
    if (!isValid(column.validity, row)) continue;
    if (column.kind === 'dictionary') texts[row] = column.dictionary.store.bytes(column.codes[row]).slice();
    else if (column.kind === 'bytes') texts[row] = column.data.slice(column.offsets[row], column.offsets[row + 1]);
  }
  return { texts };
}
