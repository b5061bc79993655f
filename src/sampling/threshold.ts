import type { Probability } from './probability.ts';
import type { Randomness } from './randomness.ts';
import { TWO_56, bigintOf56, compare56, complementHigh, complementLow, highOfHex, isHex56, lowOfHex } from './word56.ts';

declare const thresholdBrand: unique symbol;

/** T: the rejection threshold, a whole number in [0, 2^56). An item is kept when R >= T. */
export type Threshold = bigint & { readonly [thresholdBrand]: true };

/** T = 2^56 - N. Throws RangeError for N = 0: nothing that is kept has that threshold. */
export function thresholdOf(n: Probability): Threshold {
  if (n <= 0n || n > TWO_56) throw new RangeError(`no threshold for N = ${n}`);
  return (TWO_56 - n) as Threshold;
}

/** N = 2^56 - T. */
export function probabilityOfThreshold(t: Threshold): Probability {
  return (TWO_56 - t) as Probability;
}

/** R >= T. */
export function isKept(r: Randomness, t: Threshold): boolean {
  return r >= t;
}

/** R >= T in words. */
export function isKeptWords(rLow: number, rHigh: number, tLow: number, tHigh: number): boolean {
  return compare56(rLow, rHigh, tLow, tHigh) >= 0;
}

/** The threshold of two stages in a row: the greater. Raising is all that a later stage may do (OpenTelemetry, downstream samplers). */
export function combine(tIn: Threshold, t: Threshold): Threshold {
  return t > tIn ? t : tIn;
}

/** Sets a threshold after another. Throws RangeError where that would lower it. */
export function raise(tIn: Threshold, t: Threshold): Threshold {
  if (t < tIn) throw new RangeError(`threshold ${formatThreshold(tIn)} cannot be lowered to ${formatThreshold(t)}`);
  return t;
}

/** R >= 2^56 - N in words: whether an item of randomness R is kept at probability N. */
export function isKeptAt(rLow: number, rHigh: number, nLow: number, nHigh: number): boolean {
  return isKeptWords(rLow, rHigh, complementLow(nLow), complementHigh(nLow, nHigh));
}

/** T of a `th` of 1 to 14 hexadecimal digits, padded with zeros on the right; null where the text is none. */
export function parseThreshold(text: string): Threshold | null {
  return isHex56(text) ? (bigintOf56(lowOfHex(text), highOfHex(text)) as Threshold) : null;
}

/** T as `th`: 14 hexadecimal digits without trailing zeros, "0" for T = 0. */
export function formatThreshold(t: Threshold): string {
  return trimZeros(t.toString(16).padStart(14, '0'));
}

/** The same for words. */
export function formatThresholdWords(low: number, high: number): string {
  return trimZeros(high.toString(16).padStart(6, '0') + low.toString(16).padStart(8, '0'));
}

function trimZeros(digits: string): string {
  let end = digits.length;
  while (end > 1 && digits.charCodeAt(end - 1) === 48) end--;
  return digits.slice(0, end);
}

/**
 * T rounded to `digits` significant hexadecimal digits after its leading f's, half up, as SDKs write thresholds of
 * configured rates (OpenTelemetry, "Converting floating-point probability to threshold value"). At most 2^56 - 1 by digits.
 */
export function roundThreshold(t: Threshold, digits: number): Threshold {
  const leading = leadingFs(TWO_56 - t);
  const unit = 1n << BigInt(4 * Math.max(0, 14 - leading - digits));
  const rounded = ((t + unit / 2n) / unit) * unit;
  return (rounded >= TWO_56 ? TWO_56 - unit : rounded) as Threshold;
}

/** How many leading f digits a threshold of 2^56 - n has, as the specification counts: by the exponent of p = n / 2^56. */
function leadingFs(n: bigint): number {
  const bitsBelowOne = 56 - n.toString(2).length;
  return Math.floor(bitsBelowOne / 4);
}
