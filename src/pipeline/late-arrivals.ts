import type { HeldBatch } from '../store/held-batch.ts';
import type { KeptRows } from './kept-rows.ts';
import { keptOfLate, type LateRows } from './late-rows.ts';
import type { Lateness } from './lateness.ts';

/** Rows of one batch that came after the decision on their traces. */
export interface LateArrivals {
  readonly batch: HeldBatch;
  readonly kept: readonly KeptRows[];
  readonly droppedCount: number;
  /** All of them, ascending. */
  readonly arrived: Uint32Array;
  readonly lateness: readonly Lateness[];
}

export function lateArrivals(batch: HeldBatch, late: LateRows): LateArrivals {
  return { batch, kept: keptOfLate(late, batch), droppedCount: late.droppedCount, arrived: late.arrived, lateness: late.lateness };
}
