import type { Column } from '../column.ts';
import { bit, isValid } from './bits.ts';

/**
 * Clears same[row] for the rows in [from, to) whose value in `column` is not that of the row before; `from` >= 1.
 * Values of dictionaries are compared by code, as both known writers do; doubles by their bits. `nullsEqual`: whether
 * a null equals a null; it never equals a value.
 */
export function clearDifferent(column: Column, same: Uint8Array, from: number, to: number, nullsEqual: boolean): void {
  if (column.validity !== null) clearByValidity(column.validity, same, from, to, nullsEqual);
  switch (column.kind) {
    case 'dictionary':
      clearNumbers(column.codes, column.validity, same, from, to);
      return;
    case 'fixed':
      if (column.values instanceof Float64Array) clearWords(wordsOf(column.values), column.validity, same, from, to);
      else clearNumbers(column.values, column.validity, same, from, to);
      return;
    case 'wide':
      clearWords(wordsOf(column.values), column.validity, same, from, to);
      return;
    case 'bool':
      for (let row = from; row < to; row++) {
        if (bit(column.bits, row) !== bit(column.bits, row - 1) && isValid(column.validity, row)) same[row] = 0;
      }
      return;
    case 'bytes': {
      const { offsets, data, validity } = column;
      for (let row = from; row < to; row++) {
        if (same[row] === 0 || !isValid(validity, row)) continue;
        if (!equalBytes(data, offsets[row - 1], offsets[row], offsets[row + 1])) same[row] = 0;
      }
      return;
    }
    case 'fixed_binary': {
      const { width, data, validity } = column;
      for (let row = from; row < to; row++) {
        if (same[row] === 0 || !isValid(validity, row)) continue;
        if (!equalBytes(data, (row - 1) * width, row * width, (row + 1) * width)) same[row] = 0;
      }
      return;
    }
    case 'list':
      same.fill(0, from, to);
  }
}

/** Null beside value differs; what is under a null is not looked at. */
function clearByValidity(validity: Uint8Array, same: Uint8Array, from: number, to: number, nullsEqual: boolean): void {
  let before = bit(validity, from - 1);
  for (let row = from; row < to; row++) {
    if (before && (row & 7) === 0 && validity[row >>> 3] === 0xff && row + 8 <= to) {
      row += 7;
      continue;
    }
    const now = bit(validity, row);
    if (now !== before || (!now && !nullsEqual)) same[row] = 0;
    before = now;
  }
}

type Numbers = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/** One loop for each width: V8 is several times slower on a loop that meets more than one. */
function clearNumbers(values: Numbers, validity: Uint8Array | null, same: Uint8Array, from: number, to: number): void {
  if (values instanceof Uint8Array) clearU8(values, validity, same, from, to);
  else if (values instanceof Uint16Array) clearU16(values, validity, same, from, to);
  else clear32(values instanceof Uint32Array ? values : new Uint32Array(values.buffer, values.byteOffset, values.length), validity, same, from, to);
}

function clearU8(values: Uint8Array, validity: Uint8Array | null, same: Uint8Array, from: number, to: number): void {
  let before = values[from - 1];
  for (let row = from; row < to; row++) {
    const value = values[row];
    if (value !== before && isValid(validity, row)) same[row] = 0;
    before = value;
  }
}

function clearU16(values: Uint16Array, validity: Uint8Array | null, same: Uint8Array, from: number, to: number): void {
  let before = values[from - 1];
  for (let row = from; row < to; row++) {
    const value = values[row];
    if (value !== before && isValid(validity, row)) same[row] = 0;
    before = value;
  }
}

function clear32(values: Uint32Array, validity: Uint8Array | null, same: Uint8Array, from: number, to: number): void {
  let before = values[from - 1];
  for (let row = from; row < to; row++) {
    const value = values[row];
    if (value !== before && isValid(validity, row)) same[row] = 0;
    before = value;
  }
}

function wordsOf(values: Float64Array | BigInt64Array | BigUint64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
}

function clearWords(words: Uint32Array, validity: Uint8Array | null, same: Uint8Array, from: number, to: number): void {
  for (let row = from; row < to; row++) {
    const differ = words[row * 2] !== words[row * 2 - 2] || words[row * 2 + 1] !== words[row * 2 - 1];
    if (differ && isValid(validity, row)) same[row] = 0;
  }
}

/** data[before, start) equals data[start, end). */
function equalBytes(data: Uint8Array, before: number, start: number, end: number): boolean {
  const length = end - start;
  if (start - before !== length) return false;
  for (let index = 0; index < length; index++) {
    if (data[before + index] !== data[start + index]) return false;
  }
  return true;
}
