import { TWO_56 } from './word56.ts';

/**
 * The input probability of a log record or a span as 32 bits of its id (R << 64 | code << 32 | ordinal): a float of 6 bits exponent e and 26
 * bits mantissa m, N = 2^e * (1 + m / 2^26), rounded up. Exact for powers of two and for N below 2^27, else high by less than 1.5e-8
 * of itself. sql/functions/input_probability_of.sql reads it, and says why rounding up does not bias.
 */

const mantissaBits = 26;
const mantissaValues = 2 ** mantissaBits;

/** Code of a probability of 1. */
export const CODE_ALWAYS = 56 * mantissaValues;

/** Code of N in [1, 2^56]. Greater N never have smaller codes. */
export function encodeInputProbability(nIn: bigint): number {
  if (nIn < 1n || nIn > TWO_56) throw new RangeError(`N = ${nIn} is not in [1, 2^56]`);
  const exponent = nIn.toString(2).length - 1;
  const shift = BigInt(Math.max(0, exponent - mantissaBits));
  const raised = nIn + (1n << shift) - 1n;
  return codeOf(Number(raised >> shift), exponent);
}

/** The same for N in [1, 2^56] in two words, without a bigint. */
export function encodeInputProbabilityWords(low: number, high: number): number {
  const exponent = high === 0 ? 31 - Math.clz32(low) : 63 - Math.clz32(high);
  const shift = Math.max(0, exponent - mantissaBits);
  const isInexact = (low & (2 ** shift - 1)) !== 0;
  return codeOf(high * 2 ** (32 - shift) + (low >>> shift) + (isInexact ? 1 : 0), exponent);
}

/** `significant` holds N's leading bits, 27 of them (or all, where N has less); rounding up may have made it 2^27. */
function codeOf(significant: number, exponent: number): number {
  const scaled = exponent < mantissaBits ? significant * 2 ** (mantissaBits - exponent) : significant;
  return exponent * mantissaValues + (scaled - mantissaValues);
}

/** N of a code. */
export function decodeInputProbability(code: number): bigint {
  const exponent = Math.floor(code / mantissaValues);
  const significant = BigInt(mantissaValues + (code % mantissaValues));
  return exponent >= mantissaBits ? significant << BigInt(exponent - mantissaBits) : significant >> BigInt(mantissaBits - exponent);
}

/** The same as a double: exact, since a code has 27 significant bits. */
export function decodeInputProbabilityDouble(code: number): number {
  const exponent = Math.floor(code / mantissaValues);
  return Math.floor((mantissaValues + (code % mantissaValues)) * 2 ** (exponent - mantissaBits));
}
