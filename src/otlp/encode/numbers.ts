/** Low half of the 64-bit sum of two numbers given by their halves. */
export function sumLow(low: number, otherLow: number): number {
  return (low + otherLow) >>> 0;
}

/** High half of that sum; it wraps, as 64 bits do. */
export function sumHigh(low: number, high: number, otherLow: number, otherHigh: number): number {
  return (high + otherHigh + (low + otherLow > 0xffffffff ? 1 : 0)) >>> 0;
}

/** A signed number of 32 bits as sint32 is written: 0, -1, 1, -2 are 0, 1, 2, 3 (protobuf's ZigZag). */
export function zigzag(word: number): number {
  return ((word << 1) ^ (word >> 31)) >>> 0;
}

/**
 * A number of 64 bits in decimal, from its halves. Long division of four digits of base 65,536 by 10,000, which costs less than a
 * BigInt.
 */
export function decimalOf(low: number, high: number, signed: boolean): string {
  if (signed && high > 0x7fffffff) return `-${decimalOf(-low >>> 0, (low === 0 ? -high : ~high) >>> 0, false)}`;
  if (high === 0) return String(low);
  let [a, b, c, d] = [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff];
  let text = '';
  while ((a | b | c) !== 0) {
    let rest = a;
    a = Math.trunc(rest / 10_000);
    rest = (rest % 10_000) * 65_536 + b;
    b = Math.trunc(rest / 10_000);
    rest = (rest % 10_000) * 65_536 + c;
    c = Math.trunc(rest / 10_000);
    rest = (rest % 10_000) * 65_536 + d;
    d = Math.trunc(rest / 10_000);
    text = String(rest % 10_000).padStart(4, '0') + text;
  }
  return d === 0 ? text.replace(/^0+/, '') : String(d) + text;
}

/** A double as proto3's JSON has it: the shortest text that reads back the same, and words where JSON has no number. */
export function jsonDouble(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"';
}

const doubles = new Float64Array(1);
const halves = new Uint32Array(doubles.buffer);

/** The double of two halves. */
export function doubleOf(low: number, high: number): number {
  halves[0] = low;
  halves[1] = high;
  return doubles[0];
}
