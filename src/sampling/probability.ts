import { assert } from '../base/assert.ts';
import { TWO_56_DOUBLE } from './word56.ts';

declare const probabilityBrand: unique symbol;

/** N: an inclusion probability p in units of 2^-56, a whole number in [0, 2^56]; p = N / 2^56 exactly. */
export type Probability = bigint & { readonly [probabilityBrand]: true };

/**
 * floor(p * 2^56), exactly: the product only changes the double's exponent. Throws RangeError where p is NaN or outside
 * [0, 1]: it is never clamped, since a count given as a probability must not pass (sampling.md, rule 5).
 */
export function probabilityOf(p: number): Probability {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`probability ${p} is not in [0, 1]`);
  return BigInt(Math.floor(p * TWO_56_DOUBLE)) as Probability;
}

/** The greatest double not above N / 2^56, so that probabilityOf of it is at most N (N below 2^53 come through exactly). */
export function probabilityAsDouble(n: Probability): number {
  const nearest = Number(n);
  if (BigInt(nearest) <= n) return nearest / TWO_56_DOUBLE;
  return Math.floor(nearest * (1 - 2 ** -53)) / TWO_56_DOUBLE;
}

/** 1 / p: how many originals an item stands for. Of N = 0 there is none. */
export function adjustedCountOf(n: Probability): number {
  assert(n > 0n, 'an adjusted count needs a probability above zero');
  return TWO_56_DOUBLE / Number(n);
}
