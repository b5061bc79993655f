import { type HeldBatch, runIndexOf } from '../store/held-batch.ts';
import type { Slot } from '../store/slot.ts';
import type { WindowSlot } from '../store/window-rows.ts';

/** Rows of one batch that are kept, each with N = 2^56 - T of its item's threshold. */
export interface KeptRows {
  readonly batch: HeldBatch;
  /** Row numbers in the batch's root table, ascending. */
  readonly rows: Uint32Array;
  /** Low and high 32 bits of N, two words a row. */
  readonly n: Uint32Array;
  /** The same of the N that a hash of the row's own is held against (sampling.md, rule 14); null where there is none. */
  readonly nSplit: Uint32Array | null;
  /** Whether each row is still to be held against its own randomness; else it was decided, for traces on the trace's. */
  readonly isUndecided: boolean;
}

/**
 * Turns window row numbers, ascending, into rows of the batches that they came with. `n` holds two 32-bit words
 * (low, high) a row.
 */
export function keptRows(slots: readonly WindowSlot[], wseq: Uint32Array, n: Uint32Array, nSplit: Uint32Array | null): KeptRows[] {
  const out: KeptRows[] = [];
  let at = 0;
  for (let s = 0; s < slots.length && at < wseq.length; s++) {
    const { slot, offset } = slots[s];
    const end = offset + slot.rows.rowCount;
    while (at < wseq.length && wseq[at] < end) {
      const run = slot.runs[runIndexOf(slot.runs, wseq[at] - offset)];
      const first = offset + run.seqStart;
      const from = at;
      while (at < wseq.length && wseq[at] < first + run.count) at++;
      const rows = Uint32Array.from({ length: at - from }, (_, i) => {
        const row = wseq[from + i] - first;
        return run.rows === null ? row : run.rows[row];
      });
      out.push({ batch: run.batch, rows, n: n.subarray(from * 2, at * 2), nSplit: nSplit === null ? null : nSplit.subarray(from * 2, at * 2), isUndecided: false });
    }
  }
  return out;
}

/** All rows of a slot as candidates at one N; whoever reads them checks each against its randomness. */
export function allRows(slot: Slot, n: bigint): KeptRows[] {
  return slot.runs.map((run) => rowsAt(run.batch, run.rows ?? Array.from({ length: run.count }, (_, row) => row), () => n, true));
}

/** Rows of a batch (ascending), each at its N. */
export function rowsAt(batch: HeldBatch, rows: ArrayLike<number>, nOf: (row: number) => bigint, isUndecided: boolean): KeptRows {
  const n = new BigUint64Array(rows.length);
  for (let i = 0; i < rows.length; i++) n[i] = nOf(rows[i]);
  return { batch, rows: Uint32Array.from(rows), n: new Uint32Array(n.buffer), nSplit: null, isUndecided };
}
