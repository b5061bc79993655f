import type { OtapBatch } from '../batch.ts';
import type { OutputBatchBuilder } from './builder.ts';
import { type ItemStamps, sliceStamps } from './item-stamps.ts';
import type { OutputBatch } from './output-batch.ts';

/** Appends all rows, calling `full` with each batch that the builder has no more room for. */
export function appendSplit(
  builder: OutputBatchBuilder,
  batch: OtapBatch,
  rows: Uint32Array,
  stamps: ItemStamps | null,
  full: (batch: OutputBatch) => void,
): void {
  for (let start = 0; start < rows.length; ) {
    if (builder.room === 0) full(builder.finish());
    const end = Math.min(rows.length, start + builder.room);
    builder.append(batch, rows.subarray(start, end), stamps === null ? null : sliceStamps(stamps, start, end));
    start = end;
  }
}

/** The numbers of all root rows of a batch. */
export function allRows(batch: OtapBatch): Uint32Array {
  return Uint32Array.from({ length: batch.rowCount }, (_, row) => row);
}
