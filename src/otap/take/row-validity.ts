import type { RowValidity } from './output-batch.ts';
import { grown } from './value-pool.ts';

/** One byte a row, allocated at the first null. Rows that were written before that count as valid. */
export class ValidityBuilder {
  #bytes: Uint8Array | null = null;

  /** Marks rows [from, to) valid or null. */
  mark(from: number, to: number, valid: boolean): void {
    if (this.#bytes === null && valid) return;
    this.#room(to).fill(valid ? 1 : 0, from, to);
  }

  markNull(row: number): void {
    this.#room(row + 1)[row] = 0;
  }

  markValid(row: number): void {
    if (this.#bytes !== null && row < this.#bytes.length) this.#bytes[row] = 1;
  }

  /** The bytes of at least `rowCount` rows; a view until the next call. */
  bytes(rowCount: number): Uint8Array {
    return this.#room(rowCount);
  }

  build(rowCount: number): RowValidity {
    if (this.#bytes === null) return null;
    const bytes = this.#room(rowCount).subarray(0, rowCount);
    this.#bytes = null;
    return bytes;
  }

  #room(length: number): Uint8Array {
    let bytes = this.#bytes;
    if (bytes === null) bytes = new Uint8Array(Math.max(length, 64)).fill(1);
    else if (bytes.length < length) bytes = grown(bytes, length).fill(1, bytes.length);
    this.#bytes = bytes;
    return bytes;
  }
}
