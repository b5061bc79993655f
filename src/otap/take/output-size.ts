import type { OutputBatch, OutputColumn } from './output-batch.ts';

/** Bytes of memory that a batch's columns take. Value pools are shared by batches, but for those that are full: later batches do without them. */
export function outputBytes(batch: OutputBatch): number {
  let bytes = batch.resourceOf.byteLength + batch.scopeOf.byteLength;
  for (const table of batch.tables.values()) {
    bytes += table.parents?.byteLength ?? 0;
    for (const column of table.columns.values()) bytes += columnBytes(column);
  }
  return bytes;
}

function columnBytes(column: OutputColumn): number {
  if (column.kind === 'pool') return column.codes.byteLength + (column.pool.isFull ? column.pool.byteLength : 0);
  if (column.kind === 'raw') return column.words.byteLength;
  return column.offsets.byteLength + column.children.reduce((sum, child) => sum + child.byteLength, 0);
}
