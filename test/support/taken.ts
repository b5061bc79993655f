import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../src/otap/take/output-batch.ts';
import { allRows } from '../../src/otap/take/split.ts';
import { captureOf, readCapture } from './captures.ts';

/** Everything of a recorded stream, in output batches of at least `rowsMin` rows (the last one may have fewer). */
export function takenBatches(name: string, rowsMin = 1): OutputBatch[] {
  const { signal } = captureOf(name);
  const decoder = new OtapStreamDecoder(signal);
  const builder = new OutputBatchBuilder(signal);
  const batches: OutputBatch[] = [];
  for (const bar of readCapture(name)) {
    const batch = decoder.decode(bar);
    builder.append(batch, allRows(batch), null);
    if (builder.rowCount >= rowsMin) batches.push(builder.finish());
  }
  if (builder.rowCount > 0) batches.push(builder.finish());
  return batches;
}
