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
