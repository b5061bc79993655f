import type { DecisionCache } from '../policy/decision-cache.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { isKeptAt } from '../sampling/threshold.ts';
import type { RowRun } from '../store/held-batch.ts';
import { type InputColumns, inputSource, readInputs } from '../store/input-columns.ts';
import type { Slot } from '../store/slot.ts';
import { candidatesAt, type KeptRows, rowsAt } from './kept-rows.ts';

/** Rows of a slot of spans that go by the fallback, and those that follow a decision on their trace. */
export interface FallbackRows {
  readonly kept: readonly KeptRows[];
  /** Rows that the fallback decided. */
  readonly items: number;
}

/**
 * Decides a slot of spans without a query, at N of one probability, off the batches themselves. Traces that an earlier window
 * decided are left as they are: of their rows, the first `seen` of the slot were decided with that window, later ones follow it.
 * Decisions are remembered, so that late spans follow them. `reason`: why the kept ones are, null where nobody asks.
 */
export function fallbackRows(slot: Slot, seen: number, n: bigint, reason: number | null, cache: DecisionCache, hash: KeyedHash): FallbackRows {
  const parts = slot.runs.map((run) => splitRun(run, seen, cache, hash));
  for (const { inputs, undecided } of parts) if (inputs !== null) remember(inputs, undecided, n, reason, cache);
  const kept = parts.flatMap(({ run, inputs, undecided, followers }) => {
    const fresh = candidatesAt(run.batch, undecided, n, reason);
    return inputs === null ? [fresh] : [fresh, followersAt(run, inputs, followers, cache)];
  });
  return { kept, items: parts.reduce((sum, { undecided }) => sum + undecided.length, 0) };
}

function followersAt({ batch }: RowRun, inputs: InputColumns, rows: readonly number[], cache: DecisionCache): KeptRows {
  const ids = idsOf(inputs);
  return rowsAt(batch, rows, {
    nOf: (row) => cache.get(ids, row * 4), reasonOf: cache.hasReasons ? (row) => cache.reason(ids, row * 4) : null, isUndecided: false,
  });
}

interface SplitRun {
  readonly run: RowRun;
  /** Null where the batch cannot be read: whoever reads the rows will say so. */
  readonly inputs: InputColumns | null;
  readonly undecided: readonly number[];
  readonly followers: readonly number[];
}

function splitRun(run: RowRun, seen: number, cache: DecisionCache, hash: KeyedHash): SplitRun {
  const inputs = inputsOf(run, hash);
  const undecided: number[] = [];
  const followers: number[] = [];
  for (let i = 0; i < run.count; i++) {
    const row = run.rows === null ? i : run.rows[i];
    const outcome = inputs === null ? 'unknown' : cache.outcome(idsOf(inputs), row * 4);
    if (outcome === 'unknown') undecided.push(row);
    else if (outcome === 'kept' && run.seqStart + i >= seen) followers.push(row);
  }
  return { run, inputs, undecided, followers };
}

function inputsOf({ batch }: RowRun, hash: KeyedHash): InputColumns | null {
  try {
    return readInputs(batch.open(), inputSource(batch), hash);
  } catch {
    return null;
  }
}

function idsOf({ traceIds }: InputColumns): Uint32Array {
  if (traceIds === null) throw new Error('invariant broken: a batch of spans has trace ids');
  return traceIds;
}

function remember(inputs: InputColumns, rows: readonly number[], n: bigint, reason: number | null, cache: DecisionCache): void {
  const low = Number(n & 0xffffffffn);
  const high = Number(n >> 32n);
  const { randomness } = inputs;
  for (const row of rows) {
    const isKept = isKeptAt(randomness[row * 2], randomness[row * 2 + 1], low, high);
    cache.put(idsOf(inputs), row * 4, isKept ? n : 0n, reason ?? 0);
  }
}
