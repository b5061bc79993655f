import type { PartialCause } from '../sampling/partial.ts';
import { DecisionGeneration } from './decision-generation.ts';

/** Remembered outcome of a trace: N = 2^56 - T of its threshold; 0 for a dropped trace. */
export type RememberedN = bigint;

/** Finest step (ms) in which it is remembered when decisions were made, and steps of a horizon at most. */
const stepMs = 100;
const stepsMax = 15_000;

/**
 * Decisions on traces, kept and dropped alike, remembered over one horizon of time and forgotten together (sampling.md, rule 17): what is
 * older than the horizon is as if it had never been, to the moment, whatever became of it. They lie in two generations: when the current one is full or a
 * horizon old, it becomes the previous one and the previous one is gone. Bounded: 27 bytes a place, 2 to 4 places a decision.
 */
export class DecisionCache {
  readonly #entriesMax: number;
  readonly #hashSeed: number;
  readonly #horizonMs: number;
  readonly #stepMs: number;
  /** Whether decisions have a number that says why. */
  readonly hasReasons: boolean;
  #current: DecisionGeneration;
  #previous: DecisionGeneration;
  #hasRoots = false;
  #nowMs = 0;
  #lostUpToMs = -Infinity;

  /**
   * `entriesMax` decisions a generation; the cache holds at most twice that many. `hashSeed` keys it against ids made to collide.
   * `hasReasons`: with each decision goes a number that says why, 4 bytes more a place. `horizonMs`: how long a decision is remembered.
   */
  constructor(entriesMax: number, hashSeed = 0, hasReasons = false, horizonMs = Infinity) {
    this.#entriesMax = entriesMax;
    this.#hashSeed = hashSeed;
    this.#horizonMs = horizonMs;
    this.#stepMs = horizonMs === Infinity ? stepMs : Math.max(stepMs, horizonMs / stepsMax);
    this.hasReasons = hasReasons;
    this.#current = new DecisionGeneration(1024, hashSeed, hasReasons);
    this.#previous = new DecisionGeneration(16, hashSeed, hasReasons);
  }

  get size(): number {
    return this.#current.size + this.#previous.size;
  }

  get byteLength(): number {
    return this.#current.byteLength + this.#previous.byteLength;
  }

  /** Time, ms since the epoch, goes on; it does not go back. */
  advanceTo(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** What was decided before this moment (ms) may be forgotten: for its age, or for the number of decisions since, where any are to be remembered. */
  get forgottenBeforeMs(): number {
    return Math.max(this.#nowMs - this.#horizonMs, this.#lostUpToMs);
  }

  /**
   * Before the `count` decisions of one window are put: they go into one generation where that can hold them, so that which of them is
   * forgotten first does not hang on the order in which they are put, kept ones before dropped ones for example.
   */
  startWindow(count: number): void {
    if (this.#current.size + count > this.#entriesMax && count <= this.#entriesMax) this.rotate();
  }

  /** Whether any decision has the word of a root. */
  get hasRoots(): boolean {
    return this.#hasRoots;
  }

  /** Remembers the trace whose id stands at `ids[at .. at + 4)`, decided now; `partial`: why on part of the evidence; `rootN`: N that its root says it came with, 0 for none. */
  put(ids: Uint32Array, at: number, n: RememberedN, reason = 0, partial: PartialCause | null = null, rootN = 0n): void {
    if (rootN !== 0n) this.#hasRoots = true;
    const atMs = Math.floor(this.#nowMs / this.#stepMs) * this.#stepMs;
    const { sinceMs } = this.#current;
    if (this.#current.size >= this.#entriesMax || (sinceMs !== null && atMs - sinceMs >= this.#horizonMs)) this.rotate();
    if (this.#current.isFull) this.#current = this.#current.grown();
    this.#current.put(ids, at, n, reason, { atMs, partial, rootN });
  }

  /** What is remembered of a trace; asked for every row that arrives, so it makes no bigint. */
  outcome(ids: Uint32Array, at: number): 'unknown' | 'kept' | 'dropped' {
    const place = this.#current.find(ids, at);
    if (place !== -1) return this.#outcomeAt(this.#current, place);
    const earlier = this.#previous.find(ids, at);
    return earlier === -1 ? 'unknown' : this.#outcomeAt(this.#previous, earlier);
  }

  /** N of a remembered trace (0 = dropped), or -1 where nothing is remembered. */
  get(ids: Uint32Array, at: number): RememberedN {
    return this.#of(ids, at, -1n, (generation, place) => generation.n(place));
  }

  /** What was put beside a remembered trace to say why; 0 where nothing was. */
  reason(ids: Uint32Array, at: number): number {
    return this.#of(ids, at, 0, (generation, place) => generation.reason(place));
  }

  /** How long ago (ms) a remembered trace was decided; 0 where nothing is remembered. */
  ageMs(ids: Uint32Array, at: number): number {
    return this.#of(ids, at, 0, (generation, place) => Math.max(0, this.#nowMs - generation.occasion(place).atMs));
  }

  /** Why a remembered trace was decided on part of its evidence; null where it was not, and where nothing is remembered. */
  partial(ids: Uint32Array, at: number): PartialCause | null {
    return this.#of(ids, at, null, (generation, place) => generation.occasion(place).partial);
  }

  /** N that the root of a remembered trace says it came with; 0 where none was heard, and where nothing is remembered. */
  rootN(ids: Uint32Array, at: number): bigint {
    return this.#of(ids, at, 0n, (generation, place) => generation.occasion(place).rootN);
  }

  /** Forgets the older generation. */
  rotate(): void {
    if (this.#previous.size > 0 && this.#entriesMax > 0) this.#lostUpToMs = Math.max(this.#lostUpToMs, (this.#previous.lastMs ?? -Infinity) + this.#stepMs);
    this.#previous = this.#current;
    this.#current = new DecisionGeneration(1024, this.#hashSeed, this.hasReasons);
  }

  #outcomeAt(generation: DecisionGeneration, place: number): 'unknown' | 'kept' | 'dropped' {
    if (this.#isForgotten(generation, place)) return 'unknown';
    return generation.isDropped(place) ? 'dropped' : 'kept';
  }

  #isForgotten(generation: DecisionGeneration, place: number): boolean {
    return this.#nowMs - generation.occasion(place).atMs > this.#horizonMs;
  }

  #of<T>(ids: Uint32Array, at: number, otherwise: T, read: (generation: DecisionGeneration, place: number) => T): T {
    for (const generation of [this.#current, this.#previous]) {
      const place = generation.find(ids, at);
      if (place !== -1) return this.#isForgotten(generation, place) ? otherwise : read(generation, place);
    }
    return otherwise;
  }
}
