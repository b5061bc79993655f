/**
 * Doubles that readers compare differently, in columns that a quasi-delta encoding looks at: Go takes NaN for unequal to itself and
 * -0 for equal to 0, Rust compares bits. An encoder that both read alike never puts two such values of one key side by side.
 * All functions take doubles as pairs of 32-bit words, low word first.
 */
const signBit = 0x80000000;
const quietBit = 0x80000;

export function isNaNAt(words: ArrayLike<number>, row: number): boolean {
  const high = words[row * 2 + 1] & 0x7fffffff;
  return high > 0x7ff00000 || (high === 0x7ff00000 && words[row * 2] !== 0);
}

export function isNegativeZeroAt(words: ArrayLike<number>, row: number): boolean {
  return words[row * 2] === 0 && words[row * 2 + 1] === signBit;
}

export function isPositiveZeroAt(words: ArrayLike<number>, row: number): boolean {
  return words[row * 2] === 0 && words[row * 2 + 1] === 0;
}

/** Gives a NaN another payload, which nothing in telemetry means anything by, so that it differs from its neighbour in bits too. */
export function changePayload(words: { [index: number]: number }, row: number): void {
  words[row * 2] ^= 1;
  words[row * 2 + 1] |= quietBit;
}

export function clearSign(words: { [index: number]: number }, row: number): void {
  words[row * 2 + 1] &= ~signBit;
}
