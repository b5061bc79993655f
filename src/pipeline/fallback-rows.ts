import type { DecisionCache } from '../policy/decision-cache.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { isKeptAt } from '../sampling/threshold.ts';
import { type RowRun, rowsOfRun } from '../store/held-batch.ts';
import { type InputColumns, inputSource, readInputs } from '../store/input-columns.ts';
import type { Slot } from '../store/slot.ts';
import { candidatesAt, type KeptRows } from './kept-rows.ts';

/** Rows of a slot of spans that go by the fallback. */
export interface FallbackRows {
  readonly kept: readonly KeptRows[];
  /** Rows that the fallback decided. */
  readonly items: number;
}

/**
 * Decides a slot of spans without a query, at N of one probability, off the batches themselves. Decisions are remembered, so that late
 * spans follow them. `reason`: why the kept ones are, null where nobody asks.
 */
export function fallbackRows(slot: Slot, n: bigint, reason: number | null, cache: DecisionCache, hash: KeyedHash): FallbackRows {
  const kept = slot.runs.map((run) => {
    const rows = rowsOfRun(run);
    const inputs = inputsOf(run, hash);
    if (inputs !== null) remember(inputs, rows, n, reason, cache);
    return candidatesAt(run.batch, rows, n, reason);
  });
  return { kept, items: kept.reduce((sum, { rows }) => sum + rows.length, 0) };
}

/** Null where the batch cannot be read: whoever reads the rows will say so. */
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

function remember(inputs: InputColumns, rows: Uint32Array, n: bigint, reason: number | null, cache: DecisionCache): void {
  const low = Number(n & 0xffffffffn);
  const high = Number(n >> 32n);
  const { randomness } = inputs;
  for (const row of rows) {
    const isKept = isKeptAt(randomness[row * 2], randomness[row * 2 + 1], low, high);
    cache.put(idsOf(inputs), row * 4, isKept ? n : 0n, reason ?? 0);
  }
}
