import type { DecisionCache } from '../policy/decision-cache.ts';
import { traceIdWords } from '../policy/trace-id-table.ts';
import type { HeldBatch } from '../store/held-batch.ts';
import type { RowsOfBatch } from './dropped-rows.ts';
import { candidatesAt, type KeptRows } from './kept-rows.ts';
import { followDecisions, keptOfLate } from './late-rows.ts';
import { rowNumbers, type SlotRows } from './slot-rows.ts';
import type { RowIds } from './trace-id-runs.ts';

/** Rows that came while their traces were being decided. */
interface FollowingRows {
  readonly batch: HeldBatch;
  /** Ascending. */
  readonly rows: Uint32Array;
  /** Four words a row of `rows`. */
  readonly traceIds: Uint32Array;
}

/** What came of the rows that waited for one slot. */
export interface SettledFollowers {
  readonly kept: readonly KeptRows[];
  readonly arrived: readonly RowsOfBatch[];
  /** Their trace ids. */
  ids(): RowIds[];
  release(): void;
}

/** Rows that come while the window of their trace is being decided wait here, and leave by what it decides. Their batches are held. */
export class Followers {
  readonly #bySlot = new Map<number, FollowingRows[]>();

  /** `traceIds` holds four words for every row of the batch. */
  add(part: SlotRows, batch: HeldBatch, traceIds: Uint32Array): void {
    const rows = rowNumbers(part, batch.rowCount);
    const own = new Uint32Array(rows.length * traceIdWords);
    rows.forEach((row, index) => own.set(traceIds.subarray(row * traceIdWords, (row + 1) * traceIdWords), index * traceIdWords));
    batch.hold();
    const waiting = this.#bySlot.get(part.slot) ?? [];
    this.#bySlot.set(part.slot, waiting);
    waiting.push({ batch, rows, traceIds: own });
  }

  /** Rows that wait for a slot, batch by batch. */
  of(slot: number): readonly RowsOfBatch[] {
    return this.#bySlot.get(slot) ?? [];
  }

  /**
   * Rows that leave with the decisions on a slot's traces, which `cache` has by now. (One whose trace it has forgotten already, which
   * takes a window of more traces than it remembers, goes by the fallback's N.) `arrived` are all that waited, kept or not. `release` lets go of their batches.
   */
  settle(slot: number, cache: DecisionCache, fallbackN: bigint, fallbackReason: number | null): SettledFollowers {
    const waiting = this.#bySlot.get(slot) ?? [];
    this.#bySlot.delete(slot);
    const kept = waiting.flatMap(({ batch, rows, traceIds }) => {
      const followed = followDecisions(cache, traceIds, Uint32Array.from(rows.keys()));
      const { forgotten } = followed;
      const decided = keptOfLate(followed, batch, (index) => rows[index]);
      return forgotten.length === 0 ? decided : [...decided, candidatesAt(batch, forgotten.map((index) => rows[index]), fallbackN, fallbackReason)];
    });
    return {
      kept: kept.filter(({ rows }) => rows.length > 0),
      arrived: waiting,
      ids: () => waiting.map(({ traceIds }) => ({ rows: Uint32Array.from({ length: traceIds.length / traceIdWords }, (_, row) => row), traceIds })),
      release: () => waiting.forEach(({ batch }) => batch.release()),
    };
  }
}
