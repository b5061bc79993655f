import { minus, nine, point, zero } from './characters.ts';

/** Ranges of integers; `signed` in two's complement. */
export interface IntegerRange {
  readonly bits: 32 | 64;
  readonly signed: boolean;
}

/** What became of reading a number. */
export const outcomes = { ok: 0, notANumber: 1, outOfRange: 2 } as const;

export type Outcome = (typeof outcomes)[keyof typeof outcomes];

/** A number of JSON; in strings also with leading zeros and a plus, as Go's strconv reads them. */
const decimal = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
const special = /^([+-]?)(?:(nan)|inf(?:inity)?)$/i;
/** Digits that an integer of 64 bits has at most. */
const digitsMax = 20;
/** Digits that a double holds, all of them, whatever they are. */
const exactDigits = 15;
const powersOfTen: readonly number[] = Array.from({ length: exactDigits + 1 }, (_, exponent) => 10 ** exponent);
const latin1 = new TextDecoder('latin1');

/**
 * Reads text[start, end) as an integer, exactly: words[0] low, words[1] high, sign-extended. Fractions of zero and exponents are allowed where the
 * value is whole (proto3's JSON). Takes time linear in the digits, however many.
 */
export function readInteger(text: Uint8Array, start: number, end: number, range: IntegerRange, words: Uint32Array): Outcome {
  const isNegative = text[start] === minus;
  const from = isNegative ? start + 1 : start;
  if (from === end) return outcomes.notANumber;
  if (end - from > digitsMax) return readLongInteger(text, start, end, range, words);
  // upper * 10^9 + lower: of 20 digits, upper is below 2^37, and 16 bits of it times 10^9 below 2^53.
  const split = Math.max(from, end - 9);
  let upper = 0;
  let lower = 0;
  let at = from;
  for (; at < split; at++) {
    const byte = text[at];
    if (byte < zero || byte > nine) return readLongInteger(text, start, end, range, words);
    upper = upper * 10 + (byte - zero);
  }
  for (; at < end; at++) {
    const byte = text[at];
    if (byte < zero || byte > nine) return readLongInteger(text, start, end, range, words);
    lower = lower * 10 + (byte - zero);
  }
  const upperHigh = Math.floor(upper / 0x10000);
  const first = (upper - upperHigh * 0x10000) * 1e9 + lower;
  const firstHigh = Math.floor(first / 0x10000);
  const second = upperHigh * 1e9 + firstHigh;
  const high = Math.floor(second / 0x10000);
  if (high > 0xffffffff) return outcomes.outOfRange;
  const low = ((second - high * 0x10000) * 0x10000 + (first - firstHigh * 0x10000)) >>> 0;
  return inRange(low, high, isNegative, range, words);
}

/** Numbers with more than digits, or with many of them: brought to the form that has digits alone. */
function readLongInteger(text: Uint8Array, start: number, end: number, range: IntegerRange, words: Uint32Array): Outcome {
  const parts = decimal.exec(latin1.decode(text.subarray(start, end)));
  if (parts === null) return outcomes.notANumber;
  const [, sign, whole, fraction = '', exponent = '0'] = parts;
  const first = (whole + fraction).search(/[^0]/);
  if (first < 0) return inRange(0, 0, false, range, words);
  const digits = withoutEndingZeros(whole + fraction).slice(first);
  const wholeDigits = whole.length - first + Number(exponent);
  if (digits.length > wholeDigits || wholeDigits > digitsMax) return outcomes.outOfRange;
  const plain = Buffer.from((sign === '-' ? '-' : '') + digits.padEnd(wholeDigits, '0'), 'latin1');
  return readInteger(plain, 0, plain.length, range, words);
}

function withoutEndingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === zero) end--;
  return digits.slice(0, end);
}

/** Sets `words` to a magnitude with its sign. */
function inRange(low: number, high: number, isNegative: boolean, { bits, signed }: IntegerRange, words: Uint32Array): Outcome {
  if (isNegative && !signed) {
    if ((low | high) !== 0) return outcomes.outOfRange;
  } else if (bits === 32) {
    if (high !== 0 || (signed && low > (isNegative ? 0x80000000 : 0x7fffffff))) return outcomes.outOfRange;
  } else if (signed && high > 0x7fffffff && !(isNegative && high === 0x80000000 && low === 0)) return outcomes.outOfRange;
  words[0] = isNegative ? -low : low;
  words[1] = isNegative ? (low === 0 ? -high : ~high) : high;
  return outcomes.ok;
}

/**
 * Reads text[start, end) as a double, rounded to the nearest, into doubles[0]. `words`: NaN and Infinity may be spelled out, in any case. Beyond the
 * greatest double is out of range.
 */
export function readDouble(text: Uint8Array, start: number, end: number, words: boolean, doubles: Float64Array): Outcome {
  const isNegative = text[start] === minus;
  const from = isNegative ? start + 1 : start;
  if (end - from > exactDigits + 1 || from === end) return readAnyDouble(text, start, end, words, doubles);
  let mantissa = 0;
  let pointAt = end;
  for (let at = from; at < end; at++) {
    const byte = text[at];
    if (byte >= zero && byte <= nine) mantissa = mantissa * 10 + (byte - zero);
    else if (byte === point && pointAt === end && at > from) pointAt = at;
    else return readAnyDouble(text, start, end, words, doubles);
  }
  const fractionDigits = pointAt === end ? 0 : end - pointAt - 1;
  if (end - from - (pointAt === end ? 0 : 1) > exactDigits) return readAnyDouble(text, start, end, words, doubles);
  // Both are exact, so their quotient is rounded once (Clinger 1990).
  const value = fractionDigits === 0 ? mantissa : mantissa / powersOfTen[fractionDigits];
  doubles[0] = isNegative ? -value : value;
  return outcomes.ok;
}

function readAnyDouble(text: Uint8Array, start: number, end: number, words: boolean, doubles: Float64Array): Outcome {
  const spelled = latin1.decode(text.subarray(start, end));
  if (decimal.test(spelled)) {
    doubles[0] = Number(spelled);
    return Number.isFinite(doubles[0]) ? outcomes.ok : outcomes.outOfRange;
  }
  const parts = words ? special.exec(spelled) : null;
  if (parts === null) return outcomes.notANumber;
  doubles[0] = parts[2] !== undefined ? NaN : parts[1] === '-' ? -Infinity : Infinity;
  return outcomes.ok;
}
