import { isRandomnessText, isZeroTraceId, traceIdHigh, traceIdLow } from '../sampling/randomness.ts';
import type { SamplingInput } from '../sampling/sampling-input.ts';
import { readTracestate, type SamplingState } from '../sampling/tracestate.ts';
import { compare56, complementHigh, complementLow, doubleOf56, highOfHex, isHex56, lowOfHex, TWO_56_DOUBLE } from '../sampling/word56.ts';

/**
 * What one item says of its sampling, as it says it: nothing is believed or corrected (the pipeline's own reading is
 * sampling/input-state.ts). One object is filled again for each row.
 */
export class Claim {
  hasTraceId = false;
  rSource: 'none' | 'trace id' | 'explicit' = 'none';
  rLow = 0;
  rHigh = 0;
  /** Digits of a valid threshold, or null. */
  th: string | null = null;
  tLow = 0;
  tHigh = 0;
  thInvalid = false;
  rvInvalid = false;
  /** sampling.adjusted_count; NaN where there is none. */
  count = Number.NaN;
  #lastState = '';
  #lastSaid: SamplingState = readTracestate('');

  read(said: SamplingInput, row: number): void {
    this.count = said.adjustedCounts?.[row] ?? Number.NaN;
    this.hasTraceId = said.traceIds !== null && !isZeroTraceId(said.traceIds, row * 16);
    const attribute = said.randomness?.[row] ?? null;
    if (said.signal === 'spans') this.#readSpan(said.traceStates?.[row] ?? '', attribute);
    else this.#readLog(said.thresholds?.[row] ?? null, attribute);
    if (this.rSource === 'none' && said.traceIds !== null && this.hasTraceId) {
      this.rSource = 'trace id';
      this.rLow = traceIdLow(said.traceIds, row * 16);
      this.rHigh = traceIdHigh(said.traceIds, row * 16);
    }
  }

  /** R < T: the item could not have been kept by that threshold. */
  get isContradiction(): boolean {
    return this.th !== null && this.rSource !== 'none' && compare56(this.rLow, this.rHigh, this.tLow, this.tHigh) < 0;
  }

  /** p of the threshold; 1 without one. */
  get probability(): number {
    return this.th === null ? 1 : doubleOf56(complementLow(this.tLow), complementHigh(this.tLow, this.tHigh)) / TWO_56_DOUBLE;
  }

  /**
   * Where R lies within what the item says was kept, uniform on [0, 1) when that is true: (R - T) / (2^56 - T), with T from the
   * count where only that is said. Null where R is not known, and where the item only gives a count, whose R was not what decided.
   */
  get position(): number | null {
    if (this.rSource === 'none' || this.thInvalid || this.isContradiction) return null;
    const n = doubleOf56(complementLow(this.rLow), complementHigh(this.rLow, this.rHigh)) / TWO_56_DOUBLE;
    if (this.th !== null) return Math.max(0, 1 - n / this.probability);
    if (Number.isNaN(this.count) || this.count === 1) return 1 - n;
    return this.rSource === 'explicit' && this.count > 1 && n * this.count <= 1 + 1e-9 ? Math.max(0, 1 - n * this.count) : null;
  }

  #readSpan(tracestate: string, attribute: string | null): void {
    if (tracestate !== this.#lastState) {
      this.#lastState = tracestate;
      this.#lastSaid = readTracestate(tracestate);
    }
    const { th, rv, thInvalid, rvInvalid } = this.#lastSaid;
    this.thInvalid = thInvalid;
    this.#setThreshold(th);
    this.#setRandomness(rv ?? attribute, rvInvalid);
  }

  #readLog(th: string | null, attribute: string | null): void {
    this.thInvalid = th !== null && !isHex56(th);
    this.#setThreshold(this.thInvalid ? null : th);
    this.#setRandomness(attribute, false);
  }

  #setThreshold(th: string | null): void {
    this.th = th;
    if (th === null) return;
    this.tLow = lowOfHex(th);
    this.tHigh = highOfHex(th);
  }

  #setRandomness(text: string | null, isInvalid: boolean): void {
    this.rvInvalid = isInvalid || (text !== null && !isRandomnessText(text));
    this.rSource = text === null || this.rvInvalid ? 'none' : 'explicit';
    if (text === null || this.rvInvalid) return;
    this.rLow = lowOfHex(text);
    this.rHigh = highOfHex(text);
  }
}
