import type { OtapBatch } from '../otap/batch.ts';
import type { ItemStamps } from '../otap/take/item-stamps.ts';
import { inputOptions, readInputs } from '../store/input-columns.ts';
import { LookupCache } from '../store/lookup.ts';
import type { KeptRows } from './kept-rows.ts';

/** What was written on kept rows. */
export interface StampCounts {
  kept: number;
  /** Sum of adjusted counts; an item of unknown probability counts one. */
  estimate: number;
  unknown: number;
  /** Items whose incoming threshold contradicted their randomness (sampling.md, rule 2). */
  contradicted: number;
}

export interface StampedRows {
  readonly rows: Uint32Array;
  readonly stamps: ItemStamps;
  readonly counts: StampCounts;
}

/** Works out what sampling writes on each kept row of a batch. */
export function stampRows(batch: OtapBatch, kept: KeptRows, hashKey: Uint8Array): StampedRows {
  void readInputs(batch, inputOptions(kept.batch, hashKey), new LookupCache());
  const count = kept.rows.length;
  const adjustedCount = new Float64Array(count);
  let estimate = 0;
  for (let i = 0; i < count; i++) {
    adjustedCount[i] = 2 ** 56 / (kept.n[i * 2] + kept.n[i * 2 + 1] * 2 ** 32);
    estimate += adjustedCount[i];
  }
  return {
    rows: kept.rows,
    stamps: { adjustedCount, traceState: null, threshold: null, randomness: null },
    counts: { kept: count, estimate, unknown: 0, contradicted: 0 },
  };
}
