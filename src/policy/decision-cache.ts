/** Remembered outcome of a trace: N = 2^56 - T of its threshold; 0 for a dropped trace. */
export type RememberedN = bigint;

/** What lookups answer by: the trace id as four 32-bit words in DuckDB's order (lowest word first). */
const words = 4;

/**
 * Decisions on traces, kept and dropped alike, remembered in two generations that are forgotten together
 * (sampling.md, rule 17): when the current one is full or a horizon old, it becomes the previous one and the
 * previous one is forgotten. Bounded: 24 bytes an entry at a load of at most one half, so 48 bytes a decision.
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

/** Open addressing with linear probing over typed arrays. */
class Generation {
  readonly #mask: number;
  readonly #seed: number;
  readonly #ids: Uint32Array;
  readonly #n: BigUint64Array;
  /** 0 free, 1 dropped, 2 kept. */
  readonly #used: Uint8Array;
  readonly #reasons: Uint32Array | null;
  size = 0;

  constructor(slots: number, seed: number, hasReasons: boolean) {
    this.#seed = seed;
    this.#mask = slots - 1;
    this.#ids = new Uint32Array(slots * words);
    this.#n = new BigUint64Array(slots);
    this.#used = new Uint8Array(slots);
    this.#reasons = hasReasons ? new Uint32Array(slots) : null;
  }

  get isFull(): boolean {
    return this.size * 2 >= this.#used.length;
  }

  get byteLength(): number {
    return this.#used.length * (words * 4 + 9) + (this.#reasons?.byteLength ?? 0);
  }

  put(ids: Uint32Array, at: number, n: bigint, reason: number): void {
    const slot = this.#find(ids, at);
    if (this.#used[slot] === 0) {
      this.#ids.set(ids.subarray(at, at + words), slot * words);
      this.size++;
    }
    this.#used[slot] = n === 0n ? 1 : 2;
    this.#n[slot] = n;
    if (this.#reasons !== null) this.#reasons[slot] = reason;
  }

  outcome(ids: Uint32Array, at: number): 'unknown' | 'kept' | 'dropped' {
    if (this.size === 0) return 'unknown';
    const used = this.#used[this.#find(ids, at)];
    return used === 0 ? 'unknown' : used === 1 ? 'dropped' : 'kept';
  }

  get(ids: Uint32Array, at: number): bigint {
    if (this.size === 0) return -1n;
    const slot = this.#find(ids, at);
    return this.#used[slot] === 0 ? -1n : this.#n[slot];
  }

  reason(ids: Uint32Array, at: number): number | null {
    if (this.size === 0 || this.#reasons === null) return null;
    const slot = this.#find(ids, at);
    return this.#used[slot] === 0 ? null : this.#reasons[slot];
  }

  grown(): Generation {
    const larger = new Generation(this.#used.length * 2, this.#seed, this.#reasons !== null);
    for (let slot = 0; slot < this.#used.length; slot++) {
      if (this.#used[slot] !== 0) larger.put(this.#ids, slot * words, this.#n[slot], this.#reasons?.[slot] ?? 0);
    }
    return larger;
  }

  /** The slot that holds the id, or the free one where it would go. */
  #find(ids: Uint32Array, at: number): number {
    let slot = hash(ids, at, this.#seed) & this.#mask;
    while (this.#used[slot] !== 0 && !this.#equals(slot * words, ids, at)) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #equals(slot: number, ids: Uint32Array, at: number): boolean {
    const own = this.#ids;
    return own[slot] === ids[at] && own[slot + 1] === ids[at + 1] && own[slot + 2] === ids[at + 2] && own[slot + 3] === ids[at + 3];
  }
}

/**
 * Trace ids need not be random (sequential test ids, old generators), and may be made to collide: each word is mixed with all before
 * it and the seed by a bijection that no difference passes unchanged, so that whoever does not know the seed finds no collisions.
 */
function hash(ids: Uint32Array, at: number, seed: number): number {
  return mixed(mixed(mixed(mixed(seed ^ ids[at]) ^ ids[at + 1]) ^ ids[at + 2]) ^ ids[at + 3]) >>> 0;
}

function mixed(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}
