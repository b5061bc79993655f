import type { Column, DictionaryColumn, DictionaryStore, PlainColumn } from '../column.ts';
import type { ValueType } from '../schema.ts';
import { isValid } from '../decode/bits.ts';
import type { PoolColumn } from './output-batch.ts';
import { bytesOf, type EntryWriter, entryWriter, newWords, widthOf } from './value-bytes.ts';
import { grown, ValuePool } from './value-pool.ts';

const unmapped = -2;
const nullCode = -1;

/**
 * Values that repeat, as codes of a pool. A source dictionary is mapped entry by entry when a row first uses the entry,
 * and the map is kept with the store, so that a value costs its bytes once for each dictionary, not once for each row.
 */
export class PoolBuilder {
  readonly type: ValueType;
  readonly #required: boolean;
  readonly #hashSeed: number;
  readonly #entry: Uint8Array;
  readonly #writeEntry: EntryWriter;
  #pool: ValuePool;
  #maps = new WeakMap<DictionaryStore, Int32Array>();
  #codes = new Int32Array(0);
  #length = 0;
  #any = false;

  constructor(type: ValueType, required: boolean, hashSeed: number) {
    this.type = type;
    this.#required = required;
    this.#hashSeed = hashSeed;
    const words = newWords(type, Math.max(1, widthOf(type) / 4));
    this.#entry = new Uint8Array(words.buffer);
    this.#writeEntry = entryWriter(type, words);
    this.#pool = this.#newPool();
  }

  get pool(): ValuePool {
    return this.#pool;
  }

  /** Code of a row that was written. */
  code(row: number): number {
    return row < this.#length ? this.#codes[row] : this.#nullCode();
  }

  /** Code of a row that was written, -1 for the empty text too, which means the same in fields that are no attributes. */
  textCode(row: number): number {
    const code = this.code(row);
    return code < 0 || this.#pool.offsets[code] === this.#pool.offsets[code + 1] ? nullCode : code;
  }

  /** The codes written so far; a view until the next gather. */
  get codes(): Int32Array {
    return this.#codes;
  }

  /** Writes a code of this pool, or -1 for null, to a row that is the next one or was written before. */
  set(row: number, code: number): void {
    this.reserve(row, row + 1);
    this.#codes[row] = code < 0 ? this.#nullCode() : code;
  }

  /** Writes the type's zero value: the empty text, the number 0. */
  setZero(row: number): void {
    this.set(row, this.#zeroCode());
  }

  gather(source: Column, rows: Uint32Array, count: number, base: number): void {
    this.reserve(base, base + count);
    if (source.kind === 'dictionary') this.#gatherCodes(source, rows, count, base);
    else if (source.kind !== 'list' && source.kind !== 'bool') this.#gatherPlain(source, rows, count, base);
  }

  /** Makes rows [base, end) writable; rows between the last written one and `base` become null. */
  reserve(base: number, end: number): void {
    if (end > this.#codes.length) this.#codes = grown(this.#codes, end);
    if (base > this.#length) this.#codes.fill(this.#nullCode(), this.#length, base);
    this.#length = Math.max(this.#length, end);
    this.#any = true;
  }

  /** Takes back rows from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
    if (length === 0) this.#any = false;
  }

  build(rowCount: number): PoolColumn | null {
    if (!this.#any && !this.#required) return null;
    this.reserve(rowCount, rowCount);
    const codes = this.#codes.subarray(0, rowCount);
    this.#codes = new Int32Array(this.#codes.length);
    this.#length = 0;
    this.#any = false;
    const pool = this.#pool;
    if (pool.isFull) {
      this.#pool = this.#newPool();
      this.#maps = new WeakMap();
    }
    return isAllNull(codes) ? null : { kind: 'pool', type: this.type, codes, pool };
  }

  #newPool(): ValuePool {
    return new ValuePool(this.type === 'utf8', this.#hashSeed);
  }

  /** What stands for null: -1, or in a required column the code of the type's zero value. */
  #nullCode(): number {
    return this.#required ? this.#zeroCode() : nullCode;
  }

  #zeroCode(): number {
    return this.#pool.intern(new Uint8Array(widthOf(this.type)), 0, widthOf(this.type));
  }

  #gatherCodes(source: DictionaryColumn, rows: Uint32Array, count: number, base: number): void {
    const { codes, validity } = source;
    const { store, size } = source.dictionary;
    const map = this.#mapOf(store, size);
    const target = this.#codes;
    const ofNull = validity === null ? nullCode : this.#nullCode();
    for (let index = 0; index < count; index++) {
      const row = rows[index];
      if (!isValid(validity, row)) {
        target[base + index] = ofNull;
        continue;
      }
      const entry = codes[row];
      let code = map[entry];
      if (code === unmapped) map[entry] = code = this.#mapEntry(store, entry);
      target[base + index] = code;
    }
  }

  #mapOf(store: DictionaryStore, size: number): Int32Array {
    const known = this.#maps.get(store);
    if (known !== undefined && known.length >= size) return known;
    const map = known === undefined ? new Int32Array(Math.max(size, 16)) : grown(known, size);
    map.fill(unmapped, known === undefined ? 0 : known.length);
    this.#maps.set(store, map);
    return map;
  }

  #mapEntry(store: DictionaryStore, entry: number): number {
    if (store.isNull(entry)) return this.#nullCode();
    if (widthOf(this.type) === 0 || this.type === 'fixed8' || this.type === 'fixed16') {
      const bytes = store.bytes(entry);
      return this.#pool.intern(bytes, 0, bytes.length);
    }
    this.#writeEntry(store, entry, 0);
    return this.#pool.intern(this.#entry, 0, this.#entry.length);
  }

  #gatherPlain(source: PlainColumn, rows: Uint32Array, count: number, base: number): void {
    const data = bytesOf(source);
    const offsets = source.kind === 'bytes' ? source.offsets : null;
    const width = widthOf(this.type);
    const target = this.#codes;
    for (let index = 0; index < count; index++) {
      const row = rows[index];
      if (!isValid(source.validity, row)) target[base + index] = this.#nullCode();
      else if (offsets === null) target[base + index] = this.#pool.intern(data, row * width, (row + 1) * width);
      else target[base + index] = this.#pool.intern(data, offsets[row], offsets[row + 1]);
    }
  }
}

function isAllNull(codes: Int32Array): boolean {
  for (let row = 0; row < codes.length; row++) if (codes[row] >= 0) return false;
  return true;
}
