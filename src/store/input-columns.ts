import type { OtapBatch } from '../otap/batch.ts';
import { rootPayload } from '../otap/payload-type.ts';
import { visitFixedBytes, writeUuid } from './field-readers.ts';
import type { HeldBatch } from './held-batch.ts';
import type { LookupCache } from './lookup.ts';
import type { WithoutThreshold } from './retained-batch.ts';

/** What reading a batch's input needs to know beside the batch. */
export interface InputOptions {
  readonly withoutThreshold: WithoutThreshold;
  /** 16 bytes; keys the hashes of items without usable randomness (sampling.md, rules 1, 3, 4). */
  readonly hashKey: Uint8Array;
  /** Number of the batch: with the row's number it stands for items without a trace id. */
  readonly batchOrdinal: number;
}

export function inputOptions(held: HeldBatch, hashKey: Uint8Array): InputOptions {
  return { withoutThreshold: held.withoutThreshold, batchOrdinal: held.ordinal, hashKey };
}

/** What the items of a batch bring for sampling, one a root row. */
export interface InputColumns {
  /** R, 56 bits, as two words (low, high) a row. */
  readonly randomness: Uint32Array<ArrayBuffer>;
  /** Trace ids as DuckDB's UUIDs, four words a row; null for logs. A span without a trace id gets one that no other row has. */
  readonly traceIds: Uint32Array<ArrayBuffer> | null;
  /** Rows whose N of the input probability is not 2^56; null where there are none. */
  readonly sampled: { readonly rows: Uint32Array; readonly nIn: BigUint64Array; readonly codes: Uint32Array } | null;
  /** What the batch stands for: the sum over rows of the input's adjusted counts. */
  readonly adjustedCount: number;
}

/** Reads what a batch's rows bring for sampling. */
export function readInputs(batch: OtapBatch, _options: InputOptions, _lookups: LookupCache): InputColumns {
  const root = batch.table(rootPayload[batch.signal].name);
  const count = batch.rowCount;
  const ids = new Uint32Array(count * 4);
  const randomness = new Uint32Array(count * 2);
  const column = root?.column('trace_id') ?? null;
  if (column !== null) visitFixedBytes(column, (row, data, offset) => writeUuid(ids, row * 4, data, offset));
  for (let row = 0; row < count; row++) {
    randomness[row * 2] = ids[row * 4];
    randomness[row * 2 + 1] = ids[row * 4 + 1] & 0xffffff;
  }
  return { randomness, traceIds: batch.signal === 'traces' ? ids : null, sampled: null, adjustedCount: count };
}
