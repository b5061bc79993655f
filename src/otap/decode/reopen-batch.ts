import type { BatchLayout, OtapBatch } from '../batch.ts';
import { type BufferSource, freshBuffers } from '../ipc/buffer-source.ts';
import { decodeBatchArrowRecords } from '../proto/batch-arrow-records.ts';
import { BatchTaking } from './batch-taking.ts';
import { DecodedBatch } from './decoded-batch.ts';
import { StreamLayout } from './layout.ts';
import type { DecodeLimits } from './limits.ts';

/** The batch was within its stream's limits when it came. */
const unlimited: DecodeLimits = {
  batchBytesMax: Infinity,
  rowsMax: Infinity,
  payloadsMax: Infinity,
  dictionaryEntriesMax: Infinity,
  dictionaryBytesMax: Infinity,
};

/**
 * Opens `bar` again by the layout that its batch had; gives a batch equal to that. `isChecked`: these very bytes have passed a
 * BatchValidator with this layout, and values are not checked again. Throws OtapDecodeError.
 */
export function reopenBatch(layout: BatchLayout, bar: Uint8Array, source: BufferSource = freshBuffers, isChecked = false): OtapBatch {
  if (!(layout instanceof StreamLayout)) throw new TypeError('layout of another decoder');
  const records = decodeBatchArrowRecords(bar);
  const taking = new BatchTaking(records.batchId, unlimited, source, isChecked);
  const view = new DataView(bar.buffer, bar.byteOffset, bar.length);
  records.payloads.forEach((payload, index) => {
    const payloadLayout = layout.payloads[index] ?? null;
    if (payloadLayout !== null) taking.reopen(payloadLayout, payload, view);
  });
  if (taking.failure !== null) throw taking.failure;
  return new DecodedBatch(records.batchId, layout, taking.tables);
}
