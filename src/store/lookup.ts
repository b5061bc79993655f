import type { Column, DictionaryStore } from '../otap/column.ts';
import { isValid } from '../otap/decode/bits.ts';

/** Numbers of dictionary entries as typed arrays, kept by dictionary and extended by its deltas. */
export class LookupCache {
  readonly #numbers = new WeakMap<DictionaryStore, Float64Array>();
  readonly #wides = new WeakMap<DictionaryStore, BigInt64Array>();
  readonly #numbersFilled = new WeakMap<DictionaryStore, number>();
  readonly #widesFilled = new WeakMap<DictionaryStore, number>();

  /** number(code) of every entry below `size`. */
  numbers(store: DictionaryStore, size: number): Float64Array {
    const filled = this.#numbersFilled.get(store) ?? 0;
    let table = this.#numbers.get(store) ?? new Float64Array(0);
    if (filled >= size) return table;
    if (table.length < size) {
      const grown = new Float64Array(Math.max(size, table.length * 2));
      grown.set(table);
      table = grown;
      this.#numbers.set(store, table);
    }
    for (let code = filled; code < size; code++) table[code] = store.isNull(code) ? NaN : store.number(code);
    this.#numbersFilled.set(store, size);
    return table;
  }

  /** bigint(code) of every entry below `size`; 0 for null entries. */
  wides(store: DictionaryStore, size: number): BigInt64Array {
    const filled = this.#widesFilled.get(store) ?? 0;
    let table = this.#wides.get(store) ?? new BigInt64Array(0);
    if (filled >= size) return table;
    if (table.length < size) {
      const grown = new BigInt64Array(Math.max(size, table.length * 2));
      grown.set(table);
      table = grown;
      this.#wides.set(store, table);
    }
    for (let code = filled; code < size; code++) {
      table[code] = store.isNull(code) ? 0n : BigInt.asIntN(64, store.bigint(code));
    }
    this.#widesFilled.set(store, size);
    return table;
  }
}

/** One byte a row, 1 = valid, from an Arrow bitmap; null where every row is valid. */
export function validRows(column: Column): Uint8Array | null {
  const { validity, length } = column;
  if (validity === null) return null;
  const valid = new Uint8Array(length);
  for (let row = 0; row < length; row++) valid[row] = (validity[row >> 3] >> (row & 7)) & 1;
  return valid;
}

/** 64-bit values of a timestamp, duration or integer column, native or dictionary; null rows hold 0. */
export function readWide(column: Column, cache: LookupCache): BigInt64Array<ArrayBuffer> {
  const out = new BigInt64Array(column.length);
  if (column.kind === 'wide') {
    const { values, validity } = column;
    out.set(new BigInt64Array(values.buffer, values.byteOffset, values.length));
    if (validity !== null) zeroNulls(out, validity);
  } else if (column.kind === 'dictionary') {
    copyWides(out, cache.wides(column.dictionary.store, column.dictionary.size), column.codes, column.validity);
  } else {
    throw new Error(`invariant broken: ${column.type} column holds no 64-bit integers`);
  }
  return out;
}

/** What lies under a null is not defined in Arrow. */
function zeroNulls(out: BigInt64Array<ArrayBuffer>, validity: Uint8Array): void {
  const words = new Uint32Array(out.buffer);
  for (let row = 0; row < out.length; row++) if (!isValid(validity, row)) words[row * 2] = words[row * 2 + 1] = 0;
}

/** out[row] = table[codes[row]] by halves of 32 bits: 64-bit loads would make a bigint a row. */
function copyWides(
  out: BigInt64Array<ArrayBuffer>,
  table: BigInt64Array,
  codes: Uint8Array | Uint16Array | Uint32Array,
  validity: Uint8Array | null,
): void {
  const to = new Uint32Array(out.buffer);
  const from = new Uint32Array(table.buffer, table.byteOffset, table.length * 2);
  for (let row = 0; row < out.length; row++) {
    if (!isValid(validity, row)) continue;
    const code = codes[row] * 2;
    to[row * 2] = from[code];
    to[row * 2 + 1] = from[code + 1];
  }
}

/** Numbers of a u8, u16, u32, i32 or f64 column, native or dictionary, into `out`; null rows hold 0. */
export function readNumbers<T extends Uint8Array | Uint8ClampedArray | Uint32Array | Int32Array | Float64Array>(
  column: Column,
  cache: LookupCache,
  out: T,
): T {
  if (column.kind === 'fixed') {
    const { values, validity } = column;
    for (let row = 0; row < out.length; row++) if (isValid(validity, row)) out[row] = values[row];
  } else if (column.kind === 'dictionary') {
    const table = cache.numbers(column.dictionary.store, column.dictionary.size);
    const { codes, validity } = column;
    for (let row = 0; row < out.length; row++) if (isValid(validity, row)) out[row] = table[codes[row]];
  } else {
    throw new Error(`invariant broken: ${column.type} column holds no numbers`);
  }
  return out;
}
