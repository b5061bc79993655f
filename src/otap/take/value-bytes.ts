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

/** Writes a dictionary's entry as little-endian bytes at `at`. */
export function writeEntry(type: ValueType, store: DictionaryStore, code: number, target: Uint8Array, at: number): void {
  if (type === 'fixed8' || type === 'fixed16') {
    target.set(store.bytes(code), at);
    return;
  }
  const view = new DataView(target.buffer, target.byteOffset + at, widthOf(type));
  if (type === 'f64') view.setFloat64(0, store.number(code), true);
  else if (type === 'u32' || type === 'u16' || type === 'u8') writeUnsigned(view, store.number(code));
  else if (type === 'i32') view.setInt32(0, store.number(code), true);
  else view.setBigInt64(0, store.bigint(code), true);
}

function writeUnsigned(view: DataView, value: number): void {
  if (view.byteLength === 4) view.setUint32(0, value, true);
  else if (view.byteLength === 2) view.setUint16(0, value, true);
  else view.setUint8(0, value);
}
