import { TraceIdTable, traceIdWords } from './trace-id-table.ts';

/** Remembered outcome of a trace: N = 2^56 - T of its threshold; 0 for a dropped trace. */
export type RememberedN = bigint;

/**
 * Decisions on traces, kept and dropped alike, remembered in two generations that are forgotten together
 * (sampling.md, rule 17): when the current one is full or a horizon old, it becomes the previous one and the
 * previous one is forgotten. Bounded: 25 bytes an entry at a load of at most one half, so 50 bytes a decision.
 */
export class DecisionCache {
  readonly #entriesMax: number;
  readonly #hashSeed: number;
  /** Whether decisions have a number that says why. */
  readonly hasReasons: boolean;
  #current: Generation;
  #previous: Generation;

  /**
   * `entriesMax` decisions a generation; the cache holds at most twice that many. `hashSeed` keys it against ids made to collide.
   * `hasReasons`: with each decision goes a number that says why, 4 bytes more an entry.
   */
  constructor(entriesMax: number, hashSeed = 0, hasReasons = false) {
    this.#entriesMax = entriesMax;
    this.#hashSeed = hashSeed;
    this.hasReasons = hasReasons;
    this.#current = new Generation(1024, hashSeed, hasReasons);
    this.#previous = new Generation(16, hashSeed, hasReasons);
  }

  get size(): number {
    return this.#current.size + this.#previous.size;
  }

  get byteLength(): number {
    return this.#current.byteLength + this.#previous.byteLength;
  }

  /**
   * Before the `count` decisions of one window are put: they go into one generation where that can hold them, so that which of them is
   * forgotten first does not hang on the order in which they are put, kept ones before dropped ones for example.
   */
  startWindow(count: number): void {
    if (this.#current.size + count > this.#entriesMax && count <= this.#entriesMax) this.rotate();
  }

  /** Remembers the trace whose id stands at `ids[at .. at + 4)`. */
  put(ids: Uint32Array, at: number, n: RememberedN, reason = 0): void {
    if (this.#current.size >= this.#entriesMax) this.rotate();
    if (this.#current.isFull) this.#current = this.#current.grown();
    this.#current.put(ids, at, n, reason);
  }

  /** What is remembered of a trace; asked for every row that arrives, so it makes no bigint. */
  outcome(ids: Uint32Array, at: number): 'unknown' | 'kept' | 'dropped' {
    const outcome = this.#current.outcome(ids, at);
    return outcome === 'unknown' ? this.#previous.outcome(ids, at) : outcome;
  }

  /** N of a remembered trace (0 = dropped), or -1 where nothing is remembered. */
  get(ids: Uint32Array, at: number): RememberedN {
    const n = this.#current.get(ids, at);
    return n >= 0n ? n : this.#previous.get(ids, at);
  }

  /** What was put beside a remembered trace to say why; 0 where nothing was. */
  reason(ids: Uint32Array, at: number): number {
    return this.#current.reason(ids, at) ?? this.#previous.reason(ids, at) ?? 0;
  }

  /** Forgets the older generation. */
  rotate(): void {
    this.#previous = this.#current;
    this.#current = new Generation(1024, this.#hashSeed, this.hasReasons);
  }
}

/** Decisions by trace id. */
class Generation {
  readonly #places: TraceIdTable;
  readonly #n: BigUint64Array;
  readonly #words: Uint32Array;
  readonly #reasons: Uint32Array | null;

  constructor(places: number, seed: number, hasReasons: boolean) {
    this.#places = new TraceIdTable(places, seed);
    this.#n = new BigUint64Array(places);
    this.#words = new Uint32Array(this.#n.buffer);
    this.#reasons = hasReasons ? new Uint32Array(places) : null;
  }

  get size(): number {
    return this.#places.size;
  }

  get isFull(): boolean {
    return this.#places.isFull;
  }

  get byteLength(): number {
    return this.#places.byteLength + this.#n.byteLength + (this.#reasons?.byteLength ?? 0);
  }

  put(ids: Uint32Array, at: number, n: bigint, reason: number): void {
    const place = this.#places.add(ids, at);
    this.#n[place] = n;
    if (this.#reasons !== null) this.#reasons[place] = reason;
  }

  outcome(ids: Uint32Array, at: number): 'unknown' | 'kept' | 'dropped' {
    const place = this.#places.find(ids, at);
    if (place === -1) return 'unknown';
    return (this.#words[place * 2] | this.#words[place * 2 + 1]) === 0 ? 'dropped' : 'kept';
  }

  get(ids: Uint32Array, at: number): bigint {
    const place = this.#places.find(ids, at);
    return place === -1 ? -1n : this.#n[place];
  }

  reason(ids: Uint32Array, at: number): number | null {
    const place = this.#reasons === null ? -1 : this.#places.find(ids, at);
    return this.#reasons === null || place === -1 ? null : this.#reasons[place];
  }

  grown(): Generation {
    const larger = new Generation(this.#n.length * 2, this.#places.seed, this.#reasons !== null);
    this.#places.forEach((ids, place) => larger.put(ids, place * traceIdWords, this.#n[place], this.#reasons?.[place] ?? 0));
    return larger;
  }
}
