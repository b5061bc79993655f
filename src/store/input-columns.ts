import type { OtapBatch } from '../otap/batch.ts';
import { rootPayload } from '../otap/payload-type.ts';
import { visitFixedBytes, writeUuid } from './field-readers.ts';
import type { LookupCache } from './lookup.ts';

/** How input that says nothing of sampling is understood (sampling.md, rule 4), and what keys the hashes. */
export interface InputOptions {
  readonly withoutThreshold: 'unsampled' | 'unknown';
  readonly hashKey: Uint8Array;
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
export function readInputs(batch: OtapBatch, _ordinal: number, _options: InputOptions, _lookups: LookupCache): InputColumns {
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
