import { type HeldBatch, rowsOfRun } from '../store/held-batch.ts';
import type { Slot } from '../store/slot.ts';

/** Rows of one batch: numbers in its root table. */
export interface RowsOfBatch {
  readonly batch: HeldBatch;
  readonly rows: Uint32Array;
}

/** Marks rows that went out as kept, or were lost as such, so that all others can be told. */
export class KeptMarks {
  readonly #marks = new Map<HeldBatch, Uint8Array>();

  add(batch: HeldBatch, rows: Uint32Array): void {
    let marks = this.#marks.get(batch);
    if (marks === undefined) this.#marks.set(batch, (marks = new Uint8Array(batch.rowCount)));
    for (const row of rows) marks[row] = 1;
  }

  /** The rows that are not marked, batch by batch as they are asked for; none of a batch whose rows are all marked. */
  *othersOf(arrived: Iterable<RowsOfBatch>): Generator<RowsOfBatch> {
    for (const { batch, rows } of arrived) {
      const marks = this.#marks.get(batch);
      const left = marks === undefined ? rows : rows.filter((row) => marks[row] === 0);
      if (left.length > 0) yield { batch, rows: left };
    }
  }
}

/** All rows of a slot (none where it is gone) and of those that followed its traces, batch by batch as they are asked for. */
export function* arrivedRows(slot: Slot | null, followers: readonly RowsOfBatch[]): Generator<RowsOfBatch> {
  for (const run of slot?.runs ?? []) yield { batch: run.batch, rows: rowsOfRun(run) };
  yield* followers;
}
