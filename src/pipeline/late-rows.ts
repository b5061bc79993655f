import type { DecisionCache } from '../policy/decision-cache.ts';
import { isSameTrace } from './trace-routes.ts';

/** Rows of a batch by what is already known of their traces. */
export interface SplitRows {
  /** Undecided rows, ascending; null where that is all rows. */
  readonly fresh: Uint32Array | null;
  /** Rows of kept traces, with N of the trace's threshold in two words a row. */
  readonly kept: Uint32Array;
  readonly n: Uint32Array;
  /** Why each of the kept is, by the decision on its trace; null where the cache has no reasons. */
  readonly reasons: Uint32Array | null;
  readonly droppedCount: number;
}

const none = new Uint32Array(0);

/**
 * Splits the rows of a batch of spans: those of traces that were decided already follow that decision
 * (sampling.md, rule 17). `traceIds` holds four words a row; writers sort by trace, so runs are looked up once.
 */
export function splitLateRows(cache: DecisionCache, traceIds: Uint32Array, rowCount: number): SplitRows {
  if (cache.size === 0) return { fresh: null, kept: none, n: none, reasons: null, droppedCount: 0 };
  const outcomes = outcomesOf(cache, traceIds, rowCount);
  if (outcomes === null) return { fresh: null, kept: none, n: none, reasons: null, droppedCount: 0 };
  const fresh: number[] = [];
  const kept: number[] = [];
  for (let row = 0; row < rowCount; row++) {
    if (outcomes[row] === undecided) fresh.push(row);
    else if (outcomes[row] === keptTrace) kept.push(row);
  }
  const n = new Uint32Array(kept.length * 2);
  kept.forEach((row, index) => {
    const value = cache.get(traceIds, row * 4);
    n[index * 2] = Number(value & 0xffffffffn);
    n[index * 2 + 1] = Number(value >> 32n);
  });
  const reasons = cache.hasReasons ? Uint32Array.from(kept, (row) => cache.reason(traceIds, row * 4)) : null;
  return { fresh: Uint32Array.from(fresh), kept: Uint32Array.from(kept), n, reasons, droppedCount: rowCount - fresh.length - kept.length };
}

const undecided = 0;
const keptTrace = 1;
const droppedTrace = 2;

/** One outcome a row; null where no row's trace was decided. */
function outcomesOf(cache: DecisionCache, traceIds: Uint32Array, rowCount: number): Uint8Array | null {
  let outcomes: Uint8Array | null = null;
  let last = undecided;
  for (let row = 0; row < rowCount; row++) {
    if (row === 0 || !isSameTrace(traceIds, row, row - 1)) {
      const outcome = cache.outcome(traceIds, row * 4);
      last = outcome === 'unknown' ? undecided : outcome === 'kept' ? keptTrace : droppedTrace;
    }
    if (last === undecided) continue;
    outcomes ??= new Uint8Array(rowCount);
    outcomes[row] = last;
  }
  return outcomes;
}
