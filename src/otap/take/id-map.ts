import type { IdColumn } from '../batch.ts';
import { isValid } from '../decode/bits.ts';

const denseMax = 1 << 20;

/** From the ids of a source table to rows of the output table. Small ids, the usual ones, are looked up in an array. */
export class IdMap {
  #dense = new Int32Array(0);
  #sparse: Map<number, number> | null = null;

  set(id: number, row: number): void {
    if (id >= denseMax) {
      (this.#sparse ??= new Map()).set(id, row);
      return;
    }
    if (id >= this.#dense.length) {
      const larger = new Int32Array(Math.min(denseMax, Math.max(id + 1, this.#dense.length * 2, 256))).fill(-1);
      larger.set(this.#dense);
      this.#dense = larger;
    }
    this.#dense[id] = row;
  }

  /** The row, or -1 where the id was not taken. */
  get(id: number): number {
    if (id < this.#dense.length) return this.#dense[id];
    return this.#sparse?.get(id) ?? -1;
  }

  /**
   * Finds the rows of a child table whose parents were taken: writes their row numbers to `rows` and the output rows
   * of their parents to `parents`, and gives how many they are.
   */
  select(parentIds: IdColumn, rowCount: number, rows: Uint32Array, parents: Uint32Array): number {
    const { values, validity } = parentIds;
    if (validity === null && this.#sparse === null) return selectDense(this.#dense, values, rowCount, rows, parents);
    let count = 0;
    for (let row = 0; row < rowCount; row++) {
      const target = this.get(values[row]);
      if (target < 0 || !isValid(validity, row)) continue;
      rows[count] = row;
      parents[count++] = target;
    }
    return count;
  }

  /** Forgets everything; costs what the greatest small id was. */
  clear(): void {
    this.#dense.fill(-1);
    this.#sparse = null;
  }
}

/** `select` where nothing is null and all ids are small. Every row is written, and stays where it was taken: few are, and at random. */
function selectDense(dense: Int32Array, values: Uint32Array, rowCount: number, rows: Uint32Array, parents: Uint32Array): number {
  let count = 0;
  for (let row = 0; row < rowCount; row++) {
    const id = values[row];
    const target = id < dense.length ? dense[id] : -1;
    rows[count] = row;
    parents[count] = target;
    count += 1 + (target >> 31);
  }
  return count;
}
