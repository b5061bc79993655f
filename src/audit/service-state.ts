import type { Claim } from './claim.ts';
import { UniformSample } from './uniform-sample.ts';

/** What can be wrong with an item by itself. */
export type Defect =
  | 'contradiction' | 'threshold_malformed' | 'randomness_malformed' | 'count_impossible' | 'count_disagrees'
  | 'count_squared' | 'count_inverted' | 'trace_id_zero' | 'duplicate' | 'mixed_thresholds';

export interface DefectSeen {
  count: number;
  /** Trace id, or what else tells the first such item. */
  readonly example: string;
}

/** How far a count may be from 1 / p. */
const countTolerance = 1e-3;
/** Neighbours whose randomness is closer than this (of 2^24 of its high word, 2^20 of all) count as a sequence. */
const nearWords = 2 ** 20;
const allBits = 0xffffffff;
/** Down to this probability a threshold leaves the low 32 bits of R free. */
const freeLowWord = 2 ** -16;

/** What is known of one service's items and units (a unit: a trace, or log records of one randomness), in bounded memory. */
export class ServiceState {
  readonly name: string;
  items = 0;
  units = 0;
  /** Units by what they say: a threshold, only a count, nothing. */
  withThreshold = 0;
  onlyCounted = 0;
  silent = 0;
  /** Units with the W3C random flag. */
  randomFlagged = 0;
  /** Units that contradict, and how many would if thresholds were written and never applied. */
  contradictingUnits = 0;
  contradictionsIfUnapplied = 0;
  /** Position of R within what a threshold or count says was kept, of units that say so, and R / 2^56 of those that say nothing. */
  readonly claimed = new UniformSample();
  readonly unclaimed = new UniformSample();
  /** Units that say nothing: the trace id's last 8 bytes as a fraction, and its four words XORed. Ratio samplers decided on these. */
  readonly last64 = new UniformSample();
  readonly xor32 = new UniformSample();
  /** Units with an explicit randomness, and a value that more than half of them have, if one has, with a count below its true one. */
  explicitUnits = 0;
  repeated = { low: 0, high: 0, votes: 0, times: 0 };
  /** Neighbours in order of arrival whose randomness is nearly the same. */
  near = 0;
  readonly defects = new Map<Defect, DefectSeen>();
  /** Units whose R is from the trace id; bits of those R that were ever 1, and always 1. */
  idUnits = 0;
  #orLow = 0;
  #orHigh = 0;
  #andLow = allBits;
  #andHigh = 0xffffff;
  #lastLow = 0;
  #lastHigh = -1;

  constructor(name: string) {
    this.name = name;
  }

  note(defect: Defect, example: () => string): void {
    const seen = this.defects.get(defect);
    if (seen === undefined) this.defects.set(defect, { count: 1, example: example() });
    else seen.count++;
  }

  /** What a row says by itself. */
  checkItem(claim: Claim, example: () => string): void {
    this.items++;
    if (claim.thInvalid) this.note('threshold_malformed', example);
    if (claim.rvInvalid) this.note('randomness_malformed', example);
    if (claim.isContradiction) this.note('contradiction', example);
    this.#checkCount(claim, example);
  }

  /** A unit that is seen for the first time. `ids` holds trace ids, its own at `offset`. */
  addUnit(claim: Claim, ids: Uint8Array | null, offset: number, flags: number): void {
    this.units++;
    if ((flags & 2) !== 0) this.randomFlagged++;
    const isCounted = !Number.isNaN(claim.count) && claim.count !== 1;
    if (claim.th !== null) this.#addThreshold(claim);
    else if (isCounted) this.onlyCounted++;
    else this.silent++;
    const position = claim.position;
    if (position !== null) (claim.th !== null || isCounted ? this.claimed : this.unclaimed).add(position);
    if (claim.rSource === 'trace id') this.#addId(claim);
    if (claim.rSource === 'explicit') this.#addExplicit(claim);
    if (claim.th === null && !isCounted && claim.hasTraceId && ids !== null) this.#addIdWords(ids, offset);
  }

  /**
   * Bits of R, of 56, that never change over the units whose R is from their trace id, as 14 hex digits of a mask. The upper 24 count as
   * changing where a threshold held them.
   */
  get fixedBits(): { readonly count: number; readonly mask: string } {
    const low = ~(this.#orLow ^ this.#andLow) >>> 0;
    const high = ~(this.#orHigh ^ this.#andHigh) & 0xffffff;
    return { count: ones(low) + ones(high), mask: high.toString(16).padStart(6, '0') + low.toString(16).padStart(8, '0') };
  }

  #checkCount({ count, th, probability }: Claim, example: () => string): void {
    if (Number.isNaN(count)) return;
    const ratio = count * probability;
    if (!Number.isFinite(count) || count < 1) {
      const isInverted = th !== null && probability < 1 && isNear(count, probability);
      this.note(isInverted ? 'count_inverted' : 'count_impossible', example);
    } else if (th !== null && !isNear(ratio, 1)) {
      this.note(probability < 1 && isNear(ratio * probability, 1) ? 'count_squared' : 'count_disagrees', example);
    }
  }

  #addThreshold(claim: Claim): void {
    this.withThreshold++;
    if (claim.rSource === 'none') return;
    this.contradictionsIfUnapplied += 1 - claim.probability;
    if (claim.isContradiction) this.contradictingUnits++;
  }

  #addId({ rLow, rHigh, probability }: Claim): void {
    if (probability < freeLowWord) return;
    this.idUnits++;
    this.#orLow |= rLow;
    this.#orHigh |= probability < 1 ? 0xffffff : rHigh;
    this.#andLow &= rLow;
    this.#andHigh &= probability < 1 ? 0 : rHigh;
    const distance = Math.abs((rHigh - this.#lastHigh) * 2 ** 32 + (rLow - this.#lastLow));
    if (this.#lastHigh >= 0 && distance < nearWords) this.near++;
    this.#lastLow = rLow;
    this.#lastHigh = rHigh;
  }

  /** Boyer and Moore's majority vote; `times` counts what the present candidate was seen since it became one. */
  #addExplicit({ rLow, rHigh }: Claim): void {
    this.explicitUnits++;
    const { repeated } = this;
    if (repeated.votes === 0) this.repeated = { low: rLow, high: rHigh, votes: 1, times: 1 };
    else if (repeated.low !== rLow || repeated.high !== rHigh) repeated.votes--;
    else {
      repeated.votes++;
      repeated.times++;
    }
  }

  #addIdWords(ids: Uint8Array, offset: number): void {
    const word = (at: number): number => ((ids[offset + at] << 24) | (ids[offset + at + 1] << 16) | (ids[offset + at + 2] << 8) | ids[offset + at + 3]) >>> 0;
    this.last64.add((word(8) + word(12) / 2 ** 32) / 2 ** 32);
    this.xor32.add(((word(0) ^ word(4) ^ word(8) ^ word(12)) >>> 0) / 2 ** 32);
  }
}

function isNear(value: number, expected: number): boolean {
  return Math.abs(value - expected) <= countTolerance * expected;
}

function ones(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}
