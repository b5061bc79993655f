import type { DecisionCache } from '../policy/decision-cache.ts';
import { traceIdWords } from '../policy/trace-id-table.ts';
import { isSameTrace } from './trace-id-runs.ts';

/** Rows of a batch whose traces are decided. */
export interface LateRows {
  /** All of them, ascending. */
  readonly arrived: Uint32Array;
  /** Rows of kept traces, ascending, with N of the trace's threshold in two words a row. */
  readonly kept: Uint32Array;
  readonly n: Uint32Array;
  /** Why each of the kept is, by the decision on its trace; null where the cache has no reasons. */
  readonly reasons: Uint32Array | null;
  readonly droppedCount: number;
  /** Rows of traces that are not remembered. */
  readonly forgotten: Uint32Array;
}

/** What rows (ascending) leave by that follow the decision on their trace (sampling.md, rule 17). `traceIds` holds four words for every row of the batch. */
export function followDecisions(cache: DecisionCache, traceIds: Uint32Array, rows: Uint32Array): LateRows {
  const kept: number[] = [];
  const forgotten: number[] = [];
  let outcome: ReturnType<DecisionCache['outcome']> = 'unknown';
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    if (index === 0 || !isSameTrace(traceIds, row, rows[index - 1])) outcome = cache.outcome(traceIds, row * traceIdWords);
    if (outcome === 'kept') kept.push(row);
    else if (outcome === 'unknown') forgotten.push(row);
  }
  const n = new Uint32Array(kept.length * 2);
  kept.forEach((row, index) => {
    const value = cache.get(traceIds, row * traceIdWords);
    n[index * 2] = Number(value & 0xffffffffn);
    n[index * 2 + 1] = Number(value >> 32n);
  });
  return {
    arrived: rows, kept: Uint32Array.from(kept), n,
    reasons: cache.hasReasons ? Uint32Array.from(kept, (row) => cache.reason(traceIds, row * traceIdWords)) : null,
    droppedCount: rows.length - kept.length - forgotten.length,
    forgotten: Uint32Array.from(forgotten),
  };
}
