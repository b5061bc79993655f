import { freshBuffers } from '../base/buffer-source.ts';
import type { DecisionCache } from '../policy/decision-cache.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { isKeptAt } from '../sampling/threshold.ts';
import { highOf56, lowOf56 } from '../sampling/word56.ts';
import { type RowRun, rowsOfRun } from '../store/held-batch.ts';
import { type InputColumns, inputSource, readInputs } from '../store/input-columns.ts';
import type { Slot } from '../store/slot.ts';
import { BodyReader, type PartWithBody } from './body-reader.ts';
import { type EarlyOfSlot, earlyRows } from './early-decisions.ts';
import { candidatesAt, type KeptRows, rowsAt } from './kept-rows.ts';
import type { RowIds } from './trace-id-runs.ts';

/** Rows of a slot of spans that go by the fallback. */
export interface FallbackRows {
  readonly kept: readonly KeptRows[];
  /** Rows that the fallback decided. */
  readonly items: number;
  /** Trace ids of the runs whose batches could be read; none where nobody logs them. */
  readonly ids: readonly RowIds[];
}

/** How rows leave that the fallback decides: N of its probability, and why the kept ones are, null where nobody asks. */
export interface FallbackBy {
  readonly n: bigint;
  readonly reason: number | null;
  /** Whether the trace ids of all rows are asked for. */
  readonly isLogged: boolean;
}

/**
 * Decides a slot of spans without a query, at N of one probability, off the batches themselves. Decisions are remembered, so that late
 * spans follow them. `early`: what was decided of the slot before; it stays so.
 */
export async function fallbackRows(slot: Slot, { n, reason, isLogged }: FallbackBy, cache: DecisionCache, hash: KeyedHash, early: EarlyOfSlot | null = null): Promise<FallbackRows> {
  const earlyOf = early === null ? null : earlyRows(early);
  let items = 0;
  const kept: KeptRows[] = [];
  const ids: RowIds[] = [];
  const bodies = new BodyReader(slot.runs);
  for (let next = bodies.next(); next !== null; next = bodies.next()) {
    const run = next.part;
    const inputs = await inputsOf(next, hash);
    if (inputs !== null && isLogged) ids.push({ rows: rowsOfRun(run), traceIds: idsOf(inputs) });
    const { rows, leaving } = inputs === null || earlyOf === null ? { rows: rowsOfRun(run), leaving: [] } : apart(run, idsOf(inputs), earlyOf);
    items += rows.length;
    if (inputs !== null) remember(inputs, rows, n, reason, cache);
    kept.push(...leaving, candidatesAt(run.batch, rows, n, reason));
  }
  return { kept, items, ids };
}

/** Rows of a run that were not decided early, and those that were, are kept, and have not left. */
function apart(run: RowRun, ids: Uint32Array, earlyOf: ReturnType<typeof earlyRows>): { readonly rows: Uint32Array; readonly leaving: readonly KeptRows[] } {
  const rows: number[] = [];
  const leaving: KeptRows[] = [];
  rowsOfRun(run).forEach((row, index) => {
    const early = earlyOf(ids, row * 4);
    if (early === null) rows.push(row);
    else if (early.n > 0n && run.seqStart + index >= early.bound) {
      leaving.push({ ...rowsAt(run.batch, [row], { nOf: () => early.n, reasonOf: early.reason === 0 ? null : () => early.reason, isUndecided: false }), partial: early.partial });
    }
  });
  return { rows: Uint32Array.from(rows), leaving };
}

/** Null where the batch cannot be read: whoever reads the rows will say so. */
async function inputsOf({ part: { batch }, bytes }: PartWithBody<RowRun>, hash: KeyedHash): Promise<InputColumns | null> {
  try {
    return readInputs(batch.open(freshBuffers, null, await bytes), inputSource(batch), hash);
  } catch {
    return null;
  }
}

function idsOf({ traceIds }: InputColumns): Uint32Array {
  if (traceIds === null) throw new Error('invariant broken: a batch of spans has trace ids');
  return traceIds;
}

function remember(inputs: InputColumns, rows: Uint32Array, n: bigint, reason: number | null, cache: DecisionCache): void {
  const low = lowOf56(n);
  const high = highOf56(n);
  const { randomness } = inputs;
  for (const row of rows) {
    const isKept = isKeptAt(randomness[row * 2], randomness[row * 2 + 1], low, high);
    cache.put(idsOf(inputs), row * 4, isKept ? n : 0n, reason ?? 0);
  }
}
