/**
 * Numbers of 56 bits as two words, the low 32 bits and the high 24: what hot loops work on, since a bigint is an
 * allocation. A column of them is a Uint32Array of two words a row, low word first (a little-endian uint64).
 */

/** 2^56, the number of values of R, as a bigint and as a double. */
export const TWO_56 = 72057594037927936n;
export const TWO_56_DOUBLE = 2 ** 56;

const TWO_32 = 2 ** 32;

/** -1, 0 or 1 as a < b, a = b or a > b. */
export function compare56(aLow: number, aHigh: number, bLow: number, bHigh: number): number {
  if (aHigh !== bHigh) return aHigh < bHigh ? -1 : 1;
  return aLow === bLow ? 0 : aLow < bLow ? -1 : 1;
}

/** Low word of 2^56 - x, for x in [0, 2^56]. */
export function complementLow(low: number): number {
  return low === 0 ? 0 : TWO_32 - low;
}

/** High word of 2^56 - x, for x in [0, 2^56]; 2^24 where x = 0. */
export function complementHigh(low: number, high: number): number {
  return 0x1000000 - high - (low === 0 ? 0 : 1);
}

/** The nearest double; exact up to 2^53. */
export function doubleOf56(low: number, high: number): number {
  return high * TWO_32 + low;
}

/** The value at `row` of a column, as a bigint. */
export function bigintOf56(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Low word of a value. */
export function lowOf56(value: bigint): number {
  return Number(value & 0xffffffffn);
}

/** High word of a value, 2^24 for 2^56. */
export function highOf56(value: bigint): number {
  return Number(value >> 32n);
}

const hexPattern = /^[0-9a-f]{1,14}$/;

/** Whether the text is 1 to 14 lowercase hexadecimal digits. */
export function isHex56(text: string): boolean {
  return hexPattern.test(text);
}

/** Low word of hexadecimal digits, padded with zeros on the right to 14: `isHex56` holds. */
export function lowOfHex(digits: string): number {
  return Number.parseInt(digits.padEnd(14, '0').slice(6), 16);
}

/** High word, likewise. */
export function highOfHex(digits: string): number {
  return Number.parseInt(digits.padEnd(14, '0').slice(0, 6), 16);
}

/** Exactly 14 hexadecimal digits. */
export function hexOf56(low: number, high: number): string {
  return high.toString(16).padStart(6, '0') + low.toString(16).padStart(8, '0');
}
