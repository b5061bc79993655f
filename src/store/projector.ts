import type { OtapBatch } from '../otap/batch.ts';
import { rootPayload } from '../otap/payload-type.ts';
import { projectChildren } from './child-tables.ts';
import { bytesOf, type ReadContext } from './field-readers.ts';
import type { HeldBatch } from './held-batch.ts';
import type { InputColumns } from './input-columns.ts';
import { type OnMismatch, readKey } from './key-columns.ts';
import type { LookupCache } from './lookup.ts';
import type { OwnerRows, PendingRows } from './owner-rows.ts';
import type { Slot } from './slot.ts';
import { fieldsOf } from './slot-plan.ts';
import { pick } from './pick.ts';
import { projectStars } from './star-tables.ts';
import type { ColumnData } from './table-writer.ts';

/** What all projections of a process share. */
export interface ProjectionTools {
  readonly lookups: LookupCache;
  readonly onMismatch: OnMismatch;
}

/** Rows of a batch that a slot takes: all of them, or those in `rows` (ascending). */
export interface SlotPart {
  readonly slot: Slot;
  readonly rows: Uint32Array | null;
}

/**
 * Copies of a batch the columns that its slots' plans ask for into their tables. Everything is read before anything is
 * written, so a batch with bad values leaves no trace in any slot. Throws what reading the columns throws.
 */
export function project(parts: readonly SlotPart[], batch: OtapBatch, held: HeldBatch, inputs: InputColumns, tools: ProjectionTools): void {
  const read = parts.flatMap((part) => readPart(part, batch, held, inputs, tools) ?? []);
  for (const part of read) writePart(part, held, inputs);
}

/** What a slot takes, read and not yet written. */
interface ReadPart extends SlotPart {
  readonly owner: OwnerRows;
  readonly columns: readonly ColumnData[];
  readonly more: readonly PendingRows[];
}

function readPart({ slot, rows }: SlotPart, batch: OtapBatch, held: HeldBatch, inputs: InputColumns, tools: ProjectionTools): ReadPart | null {
  const root = batch.table(rootPayload[batch.signal].name);
  const count = rows === null ? batch.rowCount : rows.length;
  if (root === null || count === 0) return null;
  const context: ReadContext = {
    batch, root, strings: slot.strings, lookups: tools.lookups, batchOrdinal: held.ordinal,
  };
  const owner: OwnerRows = { seqStart: slot.rows.rowCount, rows, count };
  const data = readColumns(slot, context, inputs, tools.onMismatch);
  return {
    slot, rows, owner,
    columns: data.map((column, index) => pick(column, rows, slot.rows.columns[index].type)),
    more: [...projectChildren(slot, context, owner, tools.onMismatch), ...projectStars(slot, context, owner)],
  };
}

function writePart({ slot, rows, owner, columns, more }: ReadPart, held: HeldBatch, inputs: InputColumns): void {
  slot.addRun(held, rows, owner.count);
  slot.rows.write(owner.count, columns);
  writeInputs(slot, inputs, rows, owner.seqStart);
  for (const { writer, count, data } of more) writer.write(count, data);
}

function readColumns(slot: Slot, context: ReadContext, inputs: InputColumns, onMismatch: OnMismatch): ColumnData[] {
  const { plan } = slot;
  const fields = fieldsOf(plan.signal);
  const data: ColumnData[] = [{ bytes: bytesOf(inputs.randomness), valid: null }];
  if (inputs.traceIds !== null) data.push({ bytes: bytesOf(inputs.traceIds), valid: null });
  for (const name of plan.fields) data.push(fields[name].read(context));
  for (const key of plan.keys) data.push(readKey(context, key, onMismatch));
  return data;
}

function writeInputs(slot: Slot, inputs: InputColumns, rows: Uint32Array | null, seqStart: number): void {
  const { sampled } = inputs;
  if (sampled === null) return;
  const seq: number[] = [];
  const from: number[] = [];
  const position = rows === null ? null : new Map(Array.from(rows, (row, index) => [row, index]));
  for (let i = 0; i < sampled.rows.length; i++) {
    const at = position === null ? sampled.rows[i] : position.get(sampled.rows[i]);
    if (at === undefined) continue;
    seq.push(seqStart + at);
    from.push(i);
  }
  slot.inputs.write(seq.length, [
    { bytes: bytesOf(Uint32Array.from(seq)), valid: null },
    { bytes: bytesOf(BigUint64Array.from(from, (i) => sampled.nIn[i])), valid: null },
    { bytes: bytesOf(Uint32Array.from(from, (i) => sampled.codes[i])), valid: null },
    { bytes: Uint8Array.from(from, (i) => sampled.unknown[i]), valid: null },
  ]);
}
