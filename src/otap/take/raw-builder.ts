import type { Column, DictionaryColumn } from '../column.ts';
import type { ValueType } from '../schema.ts';
import { isValid } from '../decode/bits.ts';
import { countNulls } from './bitmap.ts';
import type { RawColumn, Words } from './output-batch.ts';
import { ValidityBuilder } from './row-validity.ts';
import { copyWords, entryWriter, gatherBits, newWords, widthOf, wordsOf } from './value-bytes.ts';

/** Fixed-width values, copied word by word. */
export class RawBuilder {
  readonly type: ValueType;
  readonly #required: boolean;
  readonly #wordsPerValue: number;
  readonly #validity = new ValidityBuilder();
  #words: Words;
  #length = 0;
  #any = false;

  constructor(type: ValueType, required: boolean) {
    this.type = type;
    this.#required = required;
    this.#wordsPerValue = Math.max(1, widthOf(type) / 4);
    this.#words = newWords(type, 0);
  }

  /** The words written so far; see RawColumn. A view until the next gather. */
  get words(): Words {
    return this.#words;
  }

  /** The low word of a row; 0 where it is null. */
  word(row: number): number {
    return row < this.#length ? this.#words[row * this.#wordsPerValue] : 0;
  }

  gather(source: Column, rows: Uint32Array, count: number, base: number): void {
    const nulls = countNulls(source.validity, rows, count);
    if (nulls === count && !this.#required) {
      this.skip(base, base + count);
      return;
    }
    this.reserve(base, base + count);
    if (source.kind === 'dictionary') this.#gatherCodes(source, rows, count, base);
    else if (source.kind === 'bool') gatherBits(source.bits, rows, count, this.#words, base);
    else if (source.kind !== 'list') copyWords(wordsOf(source, this.type), rows, count, this.#wordsPerValue, this.#words, base);
    if (nulls > 0) this.#clearNulls(source, rows, count, base);
  }

  /** Rows [from, to) are null; nothing is allocated while no value was written. */
  skip(from: number, to: number): void {
    if (this.#any) {
      this.reserve(from, to);
      this.#words.fill(0, from * this.#wordsPerValue, to * this.#wordsPerValue);
      if (!this.#required) this.#validity.mark(from, to, false);
    }
  }

  /** Makes rows [base, end) writable and valid; rows between the last written one and `base` become null. */
  reserve(base: number, end: number): void {
    const need = end * this.#wordsPerValue;
    if (need > this.#words.length) {
      const larger = newWords(this.type, Math.max(need, this.#words.length * 2));
      larger.set(this.#words);
      this.#words = larger;
    }
    if (base > this.#length) {
      this.#words.fill(0, this.#length * this.#wordsPerValue, base * this.#wordsPerValue);
      if (!this.#required) this.#validity.mark(this.#length, base, false);
    }
    if (!this.#required) this.#validity.mark(base, end, true);
    this.#length = Math.max(this.#length, end);
    this.#any = true;
  }

  /** Makes a row valid; it is zero where it was null. */
  revalidate(row: number): void {
    if (row < this.#length) this.#validity.markValid(row);
    else {
      this.reserve(row, row + 1);
      this.#clearWords(row);
    }
  }

  /** Takes back rows from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
    if (length === 0) this.#any = false;
  }

  build(rowCount: number): RawColumn | null {
    if (!this.#any && !this.#required) return null;
    this.#any = true;
    if (this.#length < rowCount) this.skip(this.#length, rowCount);
    const column: RawColumn = {
      kind: 'raw',
      type: this.type,
      words: this.#words.subarray(0, rowCount * this.#wordsPerValue),
      wordsPerValue: this.#wordsPerValue,
      validity: this.#validity.build(rowCount),
    };
    this.#words = newWords(this.type, this.#words.length);
    this.#length = 0;
    this.#any = false;
    return column;
  }

  #gatherCodes(source: DictionaryColumn, rows: Uint32Array, count: number, base: number): void {
    const { codes, validity } = source;
    const { store } = source.dictionary;
    const write = entryWriter(this.type, this.#words);
    for (let index = 0; index < count; index++) {
      const row = rows[index];
      if (!isValid(validity, row)) continue;
      if (store.isNull(codes[row])) this.#clear(base + index);
      else write(store, codes[row], base + index);
    }
  }

  #clearNulls(source: Column, rows: Uint32Array, count: number, base: number): void {
    const { validity } = source;
    const words = this.#words;
    const wordsPerValue = this.#wordsPerValue;
    const valid = this.#required ? null : this.#validity.bytes(base + count);
    for (let index = 0; index < count; index++) {
      if (isValid(validity, rows[index])) continue;
      for (let word = 0; word < wordsPerValue; word++) words[(base + index) * wordsPerValue + word] = 0;
      if (valid !== null) valid[base + index] = 0;
    }
  }

  #clearWords(row: number): void {
    const start = row * this.#wordsPerValue;
    for (let word = 0; word < this.#wordsPerValue; word++) this.#words[start + word] = 0;
  }

  #clear(row: number): void {
    this.#clearWords(row);
    if (!this.#required) this.#validity.markNull(row);
  }
}
