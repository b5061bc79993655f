import { type BufferSource, freshBuffers } from '../base/buffer-source.ts';
import { drawnWithin } from './draw-within.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { isRandomnessText, isZeroTraceId, traceIdHigh, traceIdLow } from './randomness.ts';
import { inputFlags, type InputStates, leaves, type SamplingInput } from './sampling-input.ts';
import { readTracestate, type SamplingState } from './tracestate.ts';
import { TWO_56_DOUBLE, compare56, complementHigh, complementLow, doubleOf56, highOfHex, isHex56, lowOfHex } from './word56.ts';

export { inputFlags, leaves } from './sampling-input.ts';
export type { InputStates, SamplingInput } from './sampling-input.ts';

/**
 * Works out R, p_in and the way out of every row, or of `rows` alone: others hold nothing then (sampling.md, rules 1 to 4). Bad values are
 * flagged, never thrown. The states lie in memory of `source`.
 */
export function inputStates(
  input: SamplingInput, withoutThreshold: 'unsampled' | 'unknown', hash: KeyedHash, rows: Uint32Array | null = null, source: BufferSource = freshBuffers,
): InputStates {
  const reader = new StateReader(input, withoutThreshold, hash, source);
  if (rows === null) for (let row = 0; row < input.rowCount; row++) reader.read(row);
  else for (const row of rows) reader.read(row);
  return reader.out;
}

function zeros32(source: BufferSource, length: number): Uint32Array<ArrayBuffer> {
  const { buffer, byteOffset } = source.take(length * 4);
  return new Uint32Array(buffer, byteOffset, length).fill(0);
}

function ones(source: BufferSource, length: number): Float64Array {
  const { buffer, byteOffset } = source.take(length * 8);
  return new Float64Array(buffer, byteOffset, length).fill(1);
}

/** High word of 2^56. */
const always = 0x1000000;

class StateReader {
  readonly out: InputStates;
  readonly #input: SamplingInput;
  readonly #isUnknownByDefault: boolean;
  /** Whether rows are spans that no attribute of sampling is on. */
  readonly #isPlain: boolean;
  readonly #hash: KeyedHash;
  /** The last tracestate and what it says: spans of a batch mostly share one. */
  #lastState = '';
  #lastSaid: SamplingState = readTracestate('');

  constructor(input: SamplingInput, withoutThreshold: 'unsampled' | 'unknown', hash: KeyedHash, source: BufferSource) {
    const count = input.rowCount;
    this.#input = input;
    this.#isUnknownByDefault = withoutThreshold === 'unknown';
    this.#hash = hash;
    this.#isPlain = input.signal === 'spans' && !this.#isUnknownByDefault && input.adjustedCounts === null && input.randomness === null;
    this.out = {
      randomness: zeros32(source, count * 2),
      nIn: zeros32(source, count * 2),
      adjustedCounts: ones(source, count),
      leaves: source.take(count).fill(0),
      flags: source.take(count).fill(0),
    };
  }

  read(row: number): void {
    this.out.nIn[row * 2 + 1] = always;
    if (this.#isPlain && this.#readPlain(row)) return;
    const th = this.#threshold(row);
    const explicit = this.#explicitRandomness(row);
    const count = this.#count(row);
    if (th !== null) this.#readThreshold(row, th, explicit);
    else if (count !== null && !this.#isPlainOne(row, count)) this.#readCount(row, count);
    else if (this.#saysNothing(row, count)) this.#leaveUnknown(row);
    else this.#readUnsampled(row, explicit);
  }

  /** Most spans: a trace id, and nothing that speaks of sampling. False for others. */
  #readPlain(row: number): boolean {
    const { traceIds } = this.#input;
    const { th, rv, thInvalid, rvInvalid } = this.#said(row);
    if (traceIds === null || th !== null || rv !== null || thInvalid || rvInvalid) return false;
    const low = traceIdLow(traceIds, row * 16);
    const high = traceIdHigh(traceIds, row * 16);
    this.out.randomness[row * 2] = low;
    this.out.randomness[row * 2 + 1] = high;
    return low !== 0 || high !== 0;
  }

  /** Rule 2: th and R >= T, or a contradiction. A th without any R draws one that fits it. */
  #readThreshold(row: number, th: string, explicit: string | null): void {
    const low = lowOfHex(th);
    const high = highOfHex(th);
    if (!this.#ownRandomness(row, explicit)) {
      this.#setInput(row, complementLow(low), complementHigh(low, high));
      this.out.adjustedCounts[row] = this.#countOfInput(row);
      this.#hashPlace(row);
      this.#drawWithin(row);
      this.#leaveWithDrawn(row);
      return;
    }
    const { randomness } = this.out;
    if (compare56(randomness[row * 2], randomness[row * 2 + 1], low, high) < 0) {
      this.out.flags[row] |= inputFlags.contradiction;
      this.#leaveUnknown(row);
      return;
    }
    this.#setInput(row, complementLow(low), complementHigh(low, high));
    this.out.adjustedCounts[row] = this.#countOfInput(row);
  }

  /**
   * Rule 3: only a count w. The attribute's randomness is used where it can be the one that was written with the count (u at most
   * 1 / w); else u = u_fresh / w.
   */
  #readCount(row: number, count: number): void {
    const { out } = this;
    out.adjustedCounts[row] = count;
    out.leaves[row] = leaves.counted;
    out.flags[row] |= inputFlags.writesRandomness;
    this.#setInputDouble(row, Math.min(TWO_56_DOUBLE, Math.ceil(TWO_56_DOUBLE / count)));
    const text = this.#input.randomness?.[row] ?? null;
    if (text !== null && isRandomnessText(text) && this.#takeWritten(row, text)) return;
    this.#hashFresh(row, count);
    this.#drawWithin(row);
  }

  /** Uses a written R when its N is within the input's, but for the roundings of 1 / count. */
  #takeWritten(row: number, text: string): boolean {
    const { randomness, nIn } = this.out;
    const nLow = complementLow(lowOfHex(text));
    const nHigh = complementHigh(lowOfHex(text), highOfHex(text));
    if (doubleOf56(nLow, nHigh) > doubleOf56(nIn[row * 2], nIn[row * 2 + 1]) + 16) return false;
    randomness[row * 2] = lowOfHex(text);
    randomness[row * 2 + 1] = highOfHex(text);
    if (compare56(nLow, nHigh, nIn[row * 2], nIn[row * 2 + 1]) > 0) this.#setInput(row, nLow, nHigh);
    return true;
  }

  /** Rule 1, p_in = 1. */
  #readUnsampled(row: number, explicit: string | null): void {
    if (this.#ownRandomness(row, explicit)) return;
    this.#hashPlace(row);
    this.#takeHash(row);
    this.#leaveWithDrawn(row);
  }

  /** Rules 2 and 4: hashed u, weight 1. */
  #leaveUnknown(row: number): void {
    const { traceIds } = this.#input;
    if (traceIds !== null && !isZeroTraceId(traceIds, row * 16)) this.#hash.hashTraceId(traceIds, row * 16);
    else this.#hashPlace(row);
    this.#takeHash(row);
    this.out.leaves[row] = leaves.unknown;
  }

  /**
   * An item whose R nothing on it gives: a log leaves exact with R written; a span's tracestate has no room for such an R, and
   * its trace id would contradict a threshold, so it leaves counted.
   */
  #leaveWithDrawn(row: number): void {
    this.out.flags[row] |= inputFlags.writesRandomness;
    if (this.#input.signal === 'spans') this.out.leaves[row] = leaves.counted;
  }

  /** R of `rv`, else of the trace id (rule 1). False where there is neither. */
  #ownRandomness(row: number, explicit: string | null): boolean {
    const { randomness } = this.out;
    const { traceIds } = this.#input;
    if (explicit !== null) {
      randomness[row * 2] = lowOfHex(explicit);
      randomness[row * 2 + 1] = highOfHex(explicit);
      return true;
    }
    if (traceIds === null || isZeroTraceId(traceIds, row * 16)) return false;
    randomness[row * 2] = traceIdLow(traceIds, row * 16);
    randomness[row * 2 + 1] = traceIdHigh(traceIds, row * 16);
    return true;
  }

  /**
   * Hashes u_fresh of rule 3: of the trace id, the same for all its spans. For logs the count is hashed too: records of
   * one trace and one count stay one unit, and those of different counts are independent. (With one u_fresh they would have
   * different R that depend on each other, which the walk over units of equal R could not see.)
   */
  #hashFresh(row: number, count: number): void {
    const { traceIds, signal } = this.#input;
    if (traceIds === null || isZeroTraceId(traceIds, row * 16)) this.#hashPlace(row);
    else if (signal === 'logs') this.#hash.hashTraceIdAnd(traceIds, row * 16, count);
    else this.#hash.hashTraceId(traceIds, row * 16);
  }

  /** R with N = ceil(u_fresh * N_in), where the last hash is u_fresh, so that u is uniform on (0, p_in]. */
  #drawWithin(row: number): void {
    const { randomness, nIn } = this.out;
    const fresh = doubleOf56(complementLow(this.#hash.low), complementHigh(this.#hash.low, this.#hash.high)) / TWO_56_DOUBLE;
    const within = doubleOf56(nIn[row * 2], nIn[row * 2 + 1]);
    const n = drawnWithin(fresh, within);
    const low = n % 2 ** 32;
    const high = Math.floor(n / 2 ** 32);
    randomness[row * 2] = complementLow(low);
    randomness[row * 2 + 1] = complementHigh(low, high);
  }

  #hashPlace(row: number): void {
    this.#hash.hashPlace(this.#input.batchOrdinal, row);
  }

  #takeHash(row: number): void {
    this.out.randomness[row * 2] = this.#hash.low;
    this.out.randomness[row * 2 + 1] = this.#hash.high;
  }

  /** The digits of a valid th; an invalid one is flagged. */
  #threshold(row: number): string | null {
    const { signal, thresholds } = this.#input;
    const text = signal === 'logs' ? thresholds?.[row] ?? null : this.#said(row).th;
    const isInvalid = signal === 'logs' ? text !== null && !isHex56(text) : this.#said(row).thInvalid;
    if (isInvalid) this.out.flags[row] |= inputFlags.thresholdInvalid;
    return isInvalid ? null : text;
  }

  /** The digits of a valid rv (logs: sampling.randomness); an invalid one is flagged. */
  #explicitRandomness(row: number): string | null {
    const attribute = this.#input.randomness?.[row] ?? null;
    const isInvalid = (attribute !== null && !isRandomnessText(attribute)) || this.#said(row).rvInvalid;
    if (isInvalid) this.out.flags[row] |= inputFlags.randomnessInvalid;
    if (this.#input.signal === 'spans') return this.#said(row).rv;
    return attribute !== null && isRandomnessText(attribute) ? attribute : null;
  }

  /** The adjusted count that was given, null where there is none; an invalid one is flagged. */
  #count(row: number): number | null {
    const count = this.#input.adjustedCounts?.[row] ?? Number.NaN;
    if (Number.isNaN(count)) return null;
    if (count >= 1 && Number.isFinite(count)) return count;
    this.out.flags[row] |= inputFlags.countInvalid;
    return null;
  }

  /**
   * A count of 1 says that nothing was left out, whatever R is, so R is as uniform as that of input that says nothing. (But a randomness
   * written beside it is this item's R.)
   */
  #isPlainOne(row: number, count: number): boolean {
    return count === 1 && (this.#input.signal === 'logs' || (this.#input.randomness?.[row] ?? null) === null);
  }

  /** Whether the probability is unknown: nothing was said and the receiver says so, or a th that cannot be read. */
  #saysNothing(row: number, count: number | null): boolean {
    if (count !== null) return false;
    return this.#isUnknownByDefault || (this.out.flags[row] & inputFlags.thresholdInvalid) !== 0;
  }

  #said(row: number): SamplingState {
    const tracestate = this.#input.traceStates?.[row] ?? '';
    if (tracestate !== this.#lastState) {
      this.#lastState = tracestate;
      this.#lastSaid = readTracestate(tracestate);
    }
    return this.#lastSaid;
  }

  #setInput(row: number, low: number, high: number): void {
    this.out.nIn[row * 2] = low;
    this.out.nIn[row * 2 + 1] = high;
  }

  #setInputDouble(row: number, n: number): void {
    this.#setInput(row, n % 2 ** 32, Math.floor(n / 2 ** 32));
  }

  #countOfInput(row: number): number {
    return TWO_56_DOUBLE / doubleOf56(this.out.nIn[row * 2], this.out.nIn[row * 2 + 1]);
  }
}
