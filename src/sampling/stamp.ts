import { decidedElsewhere } from './decided-elsewhere.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { inputFlags, type InputStates, leaves, type SamplingInput } from './sampling-input.ts';
import { formatThresholdWords, isKeptAt } from './threshold.ts';
import { writeThreshold } from './tracestate.ts';
import { TWO_56_DOUBLE, compare56, complementHigh, complementLow, doubleOf56, hexOf56 } from './word56.ts';

/** Rows of a batch that are to be kept, as candidates. */
export interface Candidates {
  /** Row numbers. */
  readonly rows: Uint32Array;
  /**
   * N = 2^56 - T of the decision, two words (low, high) a row; 0 where only a hash of the row's own decides. With the bit of
   * decided-elsewhere.ts the row is kept, whatever its own R.
   */
  readonly n: Uint32Array;
  /** N of q, which a hash of the row's own is held against (sampling.md, rule 14), 0 = none; null where there is none. */
  readonly nSplit: Uint32Array | null;
  /** N of each row's ceiling, which its R reaches, where hashes of their own decide; null (or left out) where there are none. */
  readonly nCeiling?: Uint32Array | null;
  /**
   * `row`: a row whose R does not reach the threshold is dropped. `trace`: the rows' trace was kept on its own R and
   * all its rows go with it; one whose R is another and does not reach the threshold leaves without it.
   */
  readonly decidedBy: 'row' | 'trace';
}

/** What is written on the rows that are kept; index i belongs to rows[i]. */
export interface Stamps {
  readonly rows: Uint32Array;
  /** NaN = none, and an incoming one goes. */
  readonly adjustedCount: Float64Array;
  /** Spans: the whole tracestate, null = as it came, '' = none. Null for logs. */
  readonly traceState: (string | null)[] | null;
  /** Logs: `sampling.threshold`, null = none, and an incoming one goes. Null for spans. */
  readonly threshold: (string | null)[] | null;
  /** `sampling.randomness`, as it came or written; null = none. Null altogether where no row has any. */
  readonly randomness: (string | null)[] | null;
  /** Sum of adjusted counts, 1 for rows of unknown probability. */
  readonly estimate: number;
  readonly unknownCount: number;
  readonly contradictedCount: number;
  /** Rows whose tracestate had no room for the threshold: they leave with the count alone. */
  readonly noRoomCount: number;
}

/**
 * Decides candidates in integers (kept when R >= T) and works out what each kept row leaves with: T_out = max(T_in, T), the
 * count 2^56 / (2^56 - T_out), and threshold and randomness as its input state allows (rules 1 to 5, 14).
 */
export function stampRows(input: SamplingInput, states: InputStates, candidates: Candidates, hash: KeyedHash, cache: TracestateCache): Stamps {
  const stamper = new Stamper(input, states, candidates, hash, cache);
  for (let i = 0; i < candidates.rows.length; i++) stamper.stamp(i);
  return stamper.finish();
}

/** Longer tracestates are beyond what anybody must propagate; they are not remembered. */
const charsMax = 1024;

/** Tracestates as they come, with the threshold written; spans of one decision mostly share both. */
export class TracestateCache {
  readonly #written = new Map<string, string | null>();
  readonly #entriesMax: number;

  constructor(entriesMax = 4096) {
    this.#entriesMax = entriesMax;
  }

  /** As writeThreshold. */
  write(tracestate: string, th: string | null): string | null {
    if (tracestate === '') return th === null ? '' : `ot=th:${th}`;
    if (tracestate.length > charsMax) return writeThreshold(tracestate, th);
    const key = `${th};${tracestate}`;
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    if (this.#written.size >= this.#entriesMax) this.#written.clear();
    const written = writeThreshold(tracestate, th);
    this.#written.set(key, written);
    return written;
  }
}

/** Sets a trace's hash for splits apart from all others: no adjusted count is negative. */
const splitMark = -1;

class Stamper {
  readonly #input: SamplingInput;
  readonly #states: InputStates;
  readonly #candidates: Candidates;
  readonly #hash: KeyedHash;
  readonly #cache: TracestateCache;
  readonly #rows: Uint32Array;
  readonly #counts: Float64Array;
  readonly #traceState: (string | null)[] | null;
  readonly #threshold: (string | null)[] | null;
  #randomness: (string | null)[] | null = null;
  #lastLow = -1;
  #lastHigh = -1;
  #lastThreshold = '';
  #kept = 0;
  #estimate = 0;
  #unknownCount = 0;
  #contradictedCount = 0;
  #noRoomCount = 0;

  constructor(input: SamplingInput, states: InputStates, candidates: Candidates, hash: KeyedHash, cache: TracestateCache) {
    this.#input = input;
    this.#states = states;
    this.#candidates = candidates;
    this.#hash = hash;
    this.#cache = cache;
    this.#rows = new Uint32Array(candidates.rows.length);
    this.#counts = new Float64Array(candidates.rows.length);
    this.#traceState = input.signal === 'spans' ? [] : null;
    this.#threshold = input.signal === 'logs' ? [] : null;
    if (input.randomness !== null) this.#randomness = [];
  }

  stamp(i: number): void {
    const { rows, n, nSplit, decidedBy } = this.#candidates;
    const row = rows[i];
    if (n[i * 2 + 1] >= decidedElsewhere) {
      this.#write(row, this.#countElsewhere(row, n[i * 2], n[i * 2 + 1] - decidedElsewhere), null);
      return;
    }
    const splitN = nSplit === null ? 0 : doubleOf56(nSplit[i * 2], nSplit[i * 2 + 1]);
    const reaches = this.#reaches(row, n[i * 2], n[i * 2 + 1]);
    const isDecided = reaches || (decidedBy === 'trace' && splitN === 0);
    if (!isDecided && (nSplit === null || !this.#isHashWithin(row, nSplit[i * 2], nSplit[i * 2 + 1]))) return;
    const low = this.#outLow(row, n[i * 2], n[i * 2 + 1]);
    const high = this.#outHigh(row, n[i * 2], n[i * 2 + 1]);
    const isExact = this.#states.leaves[row] === leaves.exact && splitN === 0 && reaches;
    this.#write(row, splitN === 0 ? this.#countOut(row, low, high) : this.#countOfSplit(i, splitN, reaches), isExact ? this.#thresholdText(low, high) : null);
  }

  finish(): Stamps {
    return {
      rows: this.#rows.subarray(0, this.#kept),
      adjustedCount: this.#counts.subarray(0, this.#kept),
      traceState: this.#traceState,
      threshold: this.#threshold,
      randomness: this.#randomness,
      estimate: this.#estimate,
      unknownCount: this.#unknownCount,
      contradictedCount: this.#contradictedCount,
      noRoomCount: this.#noRoomCount,
    };
  }

  /** The count of a row that was kept with a probability on the randomness of another. */
  #countElsewhere(row: number, low: number, high: number): number {
    if (this.#states.leaves[row] === leaves.unknown) return Number.NaN;
    return (this.#states.adjustedCounts[row] * TWO_56_DOUBLE) / doubleOf56(low, high);
  }

  /** Rows of one decision share the text. */
  #thresholdText(nLow: number, nHigh: number): string {
    if (nLow !== this.#lastLow || nHigh !== this.#lastHigh) {
      this.#lastLow = nLow;
      this.#lastHigh = nHigh;
      this.#lastThreshold = formatThresholdWords(complementLow(nLow), complementHigh(nLow, nHigh));
    }
    return this.#lastThreshold;
  }

  /** R >= 2^56 - N. */
  #reaches(row: number, nLow: number, nHigh: number): boolean {
    const { randomness } = this.#states;
    return isKeptAt(randomness[row * 2], randomness[row * 2 + 1], nLow, nHigh);
  }

  /** The hash of rule 14, of R and the row's place; for traces of the trace id, so that all its rows agree. */
  #isHashWithin(row: number, nLow: number, nHigh: number): boolean {
    const { randomness } = this.#states;
    const { traceIds, batchOrdinal } = this.#input;
    if (this.#candidates.decidedBy === 'trace' && traceIds !== null) this.#hash.hashTraceIdAnd(traceIds, row * 16, splitMark);
    else this.#hash.hashSplit(randomness[row * 2], randomness[row * 2 + 1], batchOrdinal, row);
    return compare56(this.#hash.low, this.#hash.high, complementLow(nLow), complementHigh(nLow, nHigh)) >= 0;
  }

  /** The smaller of the decision's N and the input's. */
  #outLow(row: number, nLow: number, nHigh: number): number {
    const { nIn } = this.#states;
    return compare56(nLow, nHigh, nIn[row * 2], nIn[row * 2 + 1]) < 0 ? nLow : nIn[row * 2];
  }

  #outHigh(row: number, nLow: number, nHigh: number): number {
    const { nIn } = this.#states;
    return compare56(nLow, nHigh, nIn[row * 2], nIn[row * 2 + 1]) < 0 ? nHigh : nIn[row * 2 + 1];
  }

  /** 1 / p, and the input's own count where nothing was added. */
  #countOut(row: number, low: number, high: number): number {
    if (this.#states.leaves[row] === leaves.unknown) return Number.NaN;
    const inN = this.#inputN(row);
    const outN = doubleOf56(low, high);
    return outN === inN ? this.#states.adjustedCounts[row] : TWO_56_DOUBLE / outN;
  }

  /**
   * With a split (rule 14): what came with it for a row that is kept on its R, 1 / q times that for one that only its hash keeps. That is
   * unbiased whatever p1 a sampling function kept it with, p1 * 1 + (1 - p1) * q / q = 1; the union's 1 - (1 - p1)(1 - q) needs
   * p1 of rows that a function's walk did not take and so does not name. A ceiling is as if the row had come with that probability.
   */
  #countOfSplit(i: number, splitN: number, reaches: boolean): number {
    const { rows, nCeiling } = this.#candidates;
    const row = rows[i];
    if (this.#states.leaves[row] === leaves.unknown) return Number.NaN;
    const ceiling = nCeiling === null || nCeiling === undefined ? TWO_56_DOUBLE : doubleOf56(nCeiling[i * 2], nCeiling[i * 2 + 1]);
    const inN = this.#inputN(row);
    const count = this.#states.adjustedCounts[row] * (ceiling < inN ? inN / ceiling : 1);
    return reaches ? count : (count * TWO_56_DOUBLE) / splitN;
  }

  #inputN(row: number): number {
    return doubleOf56(this.#states.nIn[row * 2], this.#states.nIn[row * 2 + 1]);
  }

  #write(row: number, count: number, th: string | null): void {
    const at = this.#kept++;
    this.#rows[at] = row;
    this.#counts[at] = count;
    this.#estimate += Number.isNaN(count) ? 1 : count;
    if (Number.isNaN(count)) this.#unknownCount++;
    const flags = this.#states.flags[row];
    if ((flags & inputFlags.contradiction) !== 0) this.#contradictedCount++;
    this.#threshold?.push(th);
    this.#traceState?.push(this.#traceStateOut(row, th));
    this.#writeRandomness(at, row, flags);
  }

  /** Null where it stays as it came. */
  #traceStateOut(row: number, th: string | null): string | null {
    const tracestate = this.#input.traceStates?.[row] ?? '';
    let written = this.#cache.write(tracestate, th);
    if (written === null) {
      this.#noRoomCount++;
      written = this.#cache.write(tracestate, null);
    }
    return written === tracestate ? null : written;
  }

  /** Written randomness where R is from nothing on the item, else what came. The column begins with the first row that has any. */
  #writeRandomness(at: number, row: number, flags: number): void {
    const { randomness } = this.#states;
    const isWritten = (flags & inputFlags.writesRandomness) !== 0;
    const text = isWritten ? hexOf56(randomness[row * 2], randomness[row * 2 + 1]) : this.#input.randomness?.[row] ?? null;
    if (this.#randomness === null && text === null) return;
    this.#randomness ??= Array.from({ length: at }, () => null);
    this.#randomness.push(text);
  }
}
