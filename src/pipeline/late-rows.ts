import type { DecisionCache } from '../policy/decision-cache.ts';
import { traceIdWords } from '../policy/trace-id-table.ts';
import type { PartialCause } from '../sampling/partial.ts';
import { highOf56, lowOf56 } from '../sampling/word56.ts';
import type { HeldBatch } from '../store/held-batch.ts';
import type { KeptRows } from './kept-rows.ts';
import type { Lateness } from './lateness.ts';
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
  /** Of each of the kept: why its trace was decided on part of the evidence, else null; null altogether where none was. */
  readonly partials: readonly (PartialCause | null)[] | null;
  /** N that the roots of the kept rows' traces say these came with, two words a row; null where none was heard. */
  readonly rootN: Uint32Array | null;
  readonly droppedCount: number;
  /** How long after their traces' decisions they came. */
  readonly lateness: readonly Lateness[];
  /** Rows of traces that are not remembered. */
  readonly forgotten: Uint32Array;
}

/** What rows (ascending) leave by that follow the decision on their trace (sampling.md, rule 17). `traceIds` holds four words for every row of the batch. */
export function followDecisions(cache: DecisionCache, traceIds: Uint32Array, rows: Uint32Array): LateRows {
  const kept: number[] = [];
  const forgotten: number[] = [];
  const lateness: Lateness[] = [];
  const partials: (PartialCause | null)[] = [];
  for (let from = 0; from < rows.length; ) {
    let to = from + 1;
    while (to < rows.length && isSameTrace(traceIds, rows[to], rows[from])) to++;
    const at = rows[from] * traceIdWords;
    const outcome = cache.outcome(traceIds, at);
    if (outcome !== 'unknown') lateness.push({ outcome, ageMs: cache.ageMs(traceIds, at), rows: to - from });
    const partial = outcome === 'kept' ? cache.partial(traceIds, at) : null;
    for (; from < to; from++) {
      if (outcome === 'kept') {
        kept.push(rows[from]);
        partials.push(partial);
      } else if (outcome === 'unknown') forgotten.push(rows[from]);
    }
  }
  return {
    arrived: rows, kept: Uint32Array.from(kept), n: wordsOfN(kept, (row) => cache.get(traceIds, row * traceIdWords)),
    rootN: cache.hasRoots ? wordsOfN(kept, (row) => cache.rootN(traceIds, row * traceIdWords)) : null,
    reasons: cache.hasReasons ? Uint32Array.from(kept, (row) => cache.reason(traceIds, row * traceIdWords)) : null,
    partials: partials.some((partial) => partial !== null) ? partials : null,
    droppedCount: rows.length - kept.length - forgotten.length,
    lateness,
    forgotten: Uint32Array.from(forgotten),
  };
}

function wordsOfN(rows: readonly number[], nOf: (row: number) => bigint): Uint32Array {
  const n = new Uint32Array(rows.length * 2);
  rows.forEach((row, index) => {
    const value = nOf(row);
    n[index * 2] = lowOf56(value);
    n[index * 2 + 1] = highOf56(value);
  });
  return n;
}

/** Rows that follow decisions, as they leave: apart by what is to be said of the evidence. `rowOf` gives a row of `batch` for one of `kept`. */
export function keptOfLate({ kept, n, rootN, reasons, partials }: LateRows, batch: HeldBatch, rowOf: (row: number) => number = (row) => row): KeptRows[] {
  const all: KeptRows = { batch, rows: kept.map((row) => rowOf(row)), n, nSplit: null, nCeiling: null, reasons, isUndecided: false, partial: null, rootN };
  if (partials === null) return [all];
  return [...new Set(partials)].map((partial) => {
    const picked = Array.from(kept.keys()).filter((index) => partials[index] === partial);
    return {
      ...all, rows: Uint32Array.from(picked, (index) => all.rows[index]), n: pairsOf(n, picked), rootN: rootN === null ? null : pairsOf(rootN, picked),
      reasons: reasons === null ? null : Uint32Array.from(picked, (index) => reasons[index]), partial,
    };
  });
}

function pairsOf(words: Uint32Array, picked: readonly number[]): Uint32Array {
  return Uint32Array.from(picked.flatMap((index) => [words[index * 2], words[index * 2 + 1]]));
}
