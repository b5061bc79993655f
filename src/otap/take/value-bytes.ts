import { unreachable } from '../../base/assert.ts';
import type { DictionaryStore, PlainColumn } from '../column.ts';
import type { ValueType } from '../schema.ts';
import type { Words } from './output-batch.ts';

/** Bytes of one value; 1 for bool, 0 where values have no fixed width. */
export function widthOf(type: ValueType): number {
  switch (type) {
    case 'u8':
    case 'bool':
      return 1;
    case 'u16':
      return 2;
    case 'u32':
    case 'i32':
      return 4;
    case 'u64':
    case 'i64':
    case 'f64':
    case 'fixed8':
    case 'timestamp':
    case 'duration':
      return 8;
    case 'fixed16':
      return 16;
    case 'utf8':
    case 'binary':
    case 'list_u64':
    case 'list_f64':
    case 'list_quantile':
      return 0;
    default:
      return unreachable(type);
  }
}

/** Zeroed words; `length` counts words of the size that RawColumn says for this type. */
export function newWords(type: ValueType, length: number): Words {
  const width = widthOf(type);
  return width === 1 ? new Uint8Array(length) : width === 2 ? new Uint16Array(length) : new Uint32Array(length);
}

/** The values of a fixed-width column as words, without a copy where they are aligned. */
export function wordsOf(source: PlainColumn, type: ValueType): Words {
  const bytes = bytesOf(source);
  const width = widthOf(type);
  const wordBytes = width === 1 ? 1 : width === 2 ? 2 : 4;
  const aligned = bytes.byteOffset % wordBytes === 0 ? bytes : bytes.slice();
  const length = Math.floor(aligned.byteLength / wordBytes);
  if (wordBytes === 1) return aligned;
  return wordBytes === 2
    ? new Uint16Array(aligned.buffer, aligned.byteOffset, length)
    : new Uint32Array(aligned.buffer, aligned.byteOffset, length);
}

/** The values of a fixed-width column as bytes. */
export function bytesOf(source: PlainColumn): Uint8Array {
  switch (source.kind) {
    case 'fixed':
    case 'wide':
      return new Uint8Array(source.values.buffer, source.values.byteOffset, source.values.byteLength);
    case 'fixed_binary':
    case 'bytes':
      return source.data;
    case 'bool':
      return source.bits;
    default:
      return unreachable(source);
  }
}

/** target value at + i = source value rows[i], for i in [0, count). */
export function copyWords(source: Words, rows: Uint32Array, count: number, wordsPerValue: number, target: Words, at: number): void {
  if (source instanceof Uint32Array && target instanceof Uint32Array) copyWords32(source, rows, count, wordsPerValue, target, at);
  else for (let index = 0; index < count; index++) target[at + index] = source[rows[index]];
}

/** A loop of its own: V8 is several times slower on one that meets words of several widths. Narrower values have one word. */
function copyWords32(source: Uint32Array, rows: Uint32Array, count: number, wordsPerValue: number, target: Uint32Array, at: number): void {
  switch (wordsPerValue) {
    case 1:
      for (let index = 0; index < count; index++) target[at + index] = source[rows[index]];
      return;
    case 2:
      for (let index = 0, to = at * 2; index < count; index++, to += 2) {
        const from = rows[index] * 2;
        target[to] = source[from];
        target[to + 1] = source[from + 1];
      }
      return;
    default:
      for (let index = 0, to = at * wordsPerValue; index < count; index++, to += wordsPerValue) {
        const from = rows[index] * wordsPerValue;
        for (let word = 0; word < wordsPerValue; word++) target[to + word] = source[from + word];
      }
  }
}

/** target[at + i] = bit rows[i] as 0 or 1. */
export function gatherBits(bits: Uint8Array, rows: Uint32Array, count: number, target: Words, at: number): void {
  for (let index = 0; index < count; index++) {
    const row = rows[index];
    target[at + index] = (bits[row >>> 3] >>> (row & 7)) & 1;
  }
}

/** Writes an entry of a dictionary as value `at` of the words. */
export type EntryWriter = (store: DictionaryStore, code: number, at: number) => void;

/** The writer for values of a fixed-width type into `target`, which `newWords` made. */
export function entryWriter(type: ValueType, target: Words): EntryWriter {
  const { buffer } = target;
  if (type === 'fixed8' || type === 'fixed16') {
    const bytes = new Uint8Array(buffer);
    const width = widthOf(type);
    return (store, code, at) => bytes.set(store.bytes(code), at * width);
  }
  if (type === 'f64') return numberWriter(new Float64Array(buffer));
  if (type === 'i32') return numberWriter(new Int32Array(buffer));
  if (widthOf(type) < 8) return numberWriter(target);
  const wide = new BigInt64Array(buffer);
  return (store, code, at) => {
    wide[at] = store.bigint(code);
  };
}

function numberWriter(values: { [index: number]: number }): EntryWriter {
  return (store, code, at) => {
    values[at] = store.number(code);
  };
}
