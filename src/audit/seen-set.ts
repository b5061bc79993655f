/** What `SeenSet.add` found: a key that is new, one that was there, or one that is not of the part that is followed. */
export type Seen = 'new' | 'known' | 'skipped';

const levelsMax = 24;

/**
 * A set of 64-bit hashes in bounded memory, each with one number. When it is full, only keys whose hash begins with one more zero bit
 * are followed from then on, others are forgotten: what is left is a sample by hash, in which a key is never new twice.
 */
export class SeenSet {
  readonly #keysMax: number;
  #low: Uint32Array;
  #high: Uint32Array;
  #used: Uint8Array;
  #values: Float64Array;
  #count = 0;
  #level = 0;
  /** Place of the key that was added last, when it was not skipped. */
  #at = 0;

  constructor(keysMax: number) {
    this.#keysMax = Math.max(64, keysMax);
    const room = 1024;
    this.#low = new Uint32Array(room);
    this.#high = new Uint32Array(room);
    this.#used = new Uint8Array(room);
    this.#values = new Float64Array(room);
  }

  /** Keys that are held. */
  get size(): number {
    return this.#count;
  }

  /** The share of keys that is followed: 1, then halves of it. */
  get share(): number {
    return 2 ** -this.#level;
  }

  /** Adds a key, given as two words of a hash, with a value; a known key keeps the value that it has. */
  add(low: number, high: number, value: number): Seen {
    if (!this.#isFollowed(high)) return 'skipped';
    this.#at = this.#find(low, high);
    if (this.#used[this.#at] === 1) return 'known';
    if (this.#count >= this.#keysMax && this.#level < levelsMax) {
      this.#level++;
      this.#rebuild(this.#low.length);
      return this.add(low, high, value);
    }
    this.#put(this.#at, low, high, value);
    if (this.#count * 2 > this.#low.length) {
      this.#rebuild(this.#low.length * 2);
      this.#at = this.#find(low, high);
    }
    return 'new';
  }

  /** The value of the key that was added or looked up last. */
  get value(): number {
    return this.#values[this.#at];
  }

  set value(value: number) {
    this.#values[this.#at] = value;
  }

  /** Whether the key is held; `value` is then its own. */
  has(low: number, high: number): boolean {
    if (!this.#isFollowed(high)) return false;
    this.#at = this.#find(low, high);
    return this.#used[this.#at] === 1;
  }

  /** The values of all keys that are held, in no order. */
  *values(): Generator<number> {
    for (let at = 0; at < this.#used.length; at++) if (this.#used[at] === 1) yield this.#values[at];
  }

  #isFollowed(high: number): boolean {
    return this.#level === 0 || high >>> (32 - this.#level) === 0;
  }

  #find(low: number, high: number): number {
    const mask = this.#low.length - 1;
    let at = (low ^ Math.imul(high, 0x9e3779b1)) & mask;
    while (this.#used[at] === 1 && (this.#low[at] !== low || this.#high[at] !== high)) at = (at + 1) & mask;
    return at;
  }

  #put(at: number, low: number, high: number, value: number): void {
    this.#low[at] = low;
    this.#high[at] = high;
    this.#used[at] = 1;
    this.#values[at] = value;
    this.#count++;
  }

  #rebuild(room: number): void {
    const [low, high, used, values] = [this.#low, this.#high, this.#used, this.#values];
    this.#low = new Uint32Array(room);
    this.#high = new Uint32Array(room);
    this.#used = new Uint8Array(room);
    this.#values = new Float64Array(room);
    this.#count = 0;
    for (let i = 0; i < used.length; i++) {
      if (used[i] === 1 && this.#isFollowed(high[i])) this.#put(this.#find(low[i], high[i]), low[i], high[i], values[i]);
    }
  }
}
