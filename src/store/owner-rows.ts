import type { PayloadTable } from '../otap/batch.ts';
import { isValid } from '../otap/decode/bits.ts';
import { greatestId, RowById } from './row-by-id.ts';
import type { ColumnData, TableWriter } from './table-writer.ts';

/** Which rows of a slot's row table hold which rows of the batch that is being projected. */
export interface OwnerRows {
  readonly seqStart: number;
  /** Rows of the batch's root table, ascending; null for 0 to count - 1. */
  readonly rows: Uint32Array | null;
  readonly count: number;
}

/** Slot row number by the root table's `id`, or -1 for ids that this slot has not. */
export function seqById(root: PayloadTable, owner: OwnerRows): RowById {
  const ids = root.ids('id');
  if (ids === null) return new RowById(-1, 0);
  const seq = new RowById(greatestId(ids.values), ids.values.length);
  for (let i = 0; i < owner.count; i++) {
    const row = owner.rows === null ? i : owner.rows[i];
    if (isValid(ids.validity, row)) seq.set(ids.values[row], owner.seqStart + i);
  }
  return seq;
}

/** Rows of a child table whose parent is in this slot, and their parents' slot row numbers. */
export function ownedRows(
  parents: Uint32Array, rows: Uint32Array | null, seq: RowById,
): { readonly rows: Uint32Array; readonly owners: Uint32Array<ArrayBuffer> } {
  const count = parents.length;
  const kept = new Uint32Array(count);
  const owners = new Uint32Array(count);
  let n = 0;
  for (let i = 0; i < count; i++) {
    const owner = seq.get(parents[i]);
    if (owner < 0) continue;
    kept[n] = rows === null ? i : rows[i];
    owners[n++] = owner;
  }
  return { rows: kept.subarray(0, n), owners: owners.slice(0, n) };
}

/** Rows that have been read and wait to be written. */
export interface PendingRows {
  readonly writer: TableWriter;
  readonly count: number;
  readonly data: readonly ColumnData[];
}
