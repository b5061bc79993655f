import { capWords } from '../sampling/cap-input.ts';
import type { PartialCause } from '../sampling/partial.ts';
import { TWO_56 } from '../sampling/word56.ts';
import { type HeldBatch, rowsOfRun, runIndexOf } from '../store/held-batch.ts';
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
  /** N of the ceiling of each row that may be kept by a hash of its own; null where none has one. */
  readonly nCeiling: Uint32Array | null;
  /** Why each row is kept, a code of KeepReasons; null where nobody asks. */
  readonly reasons: Uint32Array | null;
  /** N of what each row came with by the word of its trace's root, two words a row, 0 = none; left out where no root was heard. */
  readonly rootN?: Uint32Array | null;
  /** Whether each row is still to be held against its own randomness; else it was decided, for traces on the trace's. */
  readonly isUndecided: boolean;
  /** Set where all of them were decided on partial evidence. */
  readonly partial?: PartialCause | null;
  /** N that stress relief takes all of them to have come with at most; left out where it had no part. */
  readonly nMax?: bigint;
}

/** Rows of a window that are kept, as KeptRows has those of a batch. */
export interface KeptOfWindow extends Pick<KeptRows, 'n' | 'nSplit' | 'nCeiling' | 'reasons' | 'partial' | 'rootN'> {
  /** Numbers in the window, ascending. */
  readonly wseq: Uint32Array;
}

/** Turns window row numbers into rows of the batches that they came with; where `nMax` is given, the rows do not leave by what the slots are limited to, but by that. */
export function keptRows(slots: readonly WindowSlot[], kept: KeptOfWindow, nMax: bigint | null = null): KeptRows[] {
  const { wseq, partial = null } = kept;
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
      out.push(capped({ batch: run.batch, rows, ...partOf(kept, from, at), isUndecided: false, partial }, nMax ?? slot.nMax));
    }
  }
  return out;
}

function partOf({ n, nSplit, nCeiling, reasons, rootN = null }: KeptOfWindow, from: number, to: number): Pick<KeptRows, 'n' | 'nSplit' | 'nCeiling' | 'reasons' | 'rootN'> {
  return {
    n: n.subarray(from * 2, to * 2), nSplit: nSplit?.subarray(from * 2, to * 2) ?? null,
    nCeiling: nCeiling?.subarray(from * 2, to * 2) ?? null, reasons: reasons?.subarray(from, to) ?? null,
    ...(rootN === null ? {} : { rootN: rootN.subarray(from * 2, to * 2) }),
  };
}

/** Rows as they leave a slot whose rows are taken to have come with at most `nMax`. */
function capped(kept: KeptRows, nMax: bigint): KeptRows {
  if (nMax === TWO_56) return kept;
  const nCeiling = kept.nSplit === null ? null : kept.nCeiling ?? new Uint32Array(new BigUint64Array(kept.rows.length).fill(nMax).buffer);
  return { ...kept, n: capWords(kept.n, nMax), nCeiling: nCeiling === null ? null : capWords(nCeiling, nMax), nMax };
}

/** All rows of a slot as candidates at one N, kept for one reason; whoever reads them checks each against its randomness. */
export function allRows(slot: Slot, n: bigint, reason: number | null): KeptRows[] {
  return slot.runs.map((run) => capped(candidatesAt(run.batch, rowsOfRun(run), n, reason), slot.nMax));
}

/** Rows of a batch (ascending) as candidates at one N, kept for one reason. */
export function candidatesAt(batch: HeldBatch, rows: ArrayLike<number>, n: bigint, reason: number | null): KeptRows {
  return rowsAt(batch, rows, { nOf: () => n, reasonOf: reason === null ? null : () => reason, isUndecided: true });
}

/** Rows of a window that was decided before it was due say why, where they say nothing else. */
export function markedEarly(kept: readonly KeptRows[], cause: PartialCause | null): readonly KeptRows[] {
  return cause === null ? kept : kept.map((part) => ({ ...part, partial: part.partial ?? cause }));
}

/** How rows of a batch leave. */
export interface RowsLeave {
  readonly nOf: (row: number) => bigint;
  readonly reasonOf: ((row: number) => number) | null;
  readonly isUndecided: boolean;
}

/** Rows of a batch (ascending), each at its N. */
export function rowsAt(batch: HeldBatch, rows: ArrayLike<number>, { nOf, reasonOf, isUndecided }: RowsLeave): KeptRows {
  const n = new BigUint64Array(rows.length);
  for (let i = 0; i < rows.length; i++) n[i] = nOf(rows[i]);
  const reasons = reasonOf === null ? null : Uint32Array.from({ length: rows.length }, (_, i) => reasonOf(rows[i]));
  return { batch, rows: Uint32Array.from(rows), n: new Uint32Array(n.buffer), nSplit: null, nCeiling: null, reasons, isUndecided };
}
