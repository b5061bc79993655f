/** A stretch of a hash's range, as fractions: from `low` up to `high`. */
interface Stretch {
  readonly low: number;
  readonly high: number;
}

/**
 * Which traces the Collector's `probabilistic` takes, by salt: it hashes a trace id with a salt and keeps a stretch of the hash's range. Two
 * with one salt overlap; with two salts they are independent.
 */
export class Share {
  static readonly all = new Share(new Map());
  readonly #stretches: ReadonlyMap<string, Stretch>;

  private constructor(stretches: ReadonlyMap<string, Stretch>) {
    this.#stretches = stretches;
  }

  static of(fraction: number, salt: string): Share {
    return new Share(new Map([[salt, { low: 0, high: Math.min(1, Math.max(0, fraction)) }]]));
  }

  get isAll(): boolean {
    return this.fraction === 1;
  }

  get salts(): readonly string[] {
    return [...this.#stretches.keys()];
  }

  /** Whether it takes the low end of each hash, as `probabilistic` does and its opposite does not. */
  get isFromBelow(): boolean {
    return [...this.#stretches.values()].every(({ low }) => low === 0);
  }

  get fraction(): number {
    return [...this.#stretches.values()].reduce((product, { low, high }) => product * Math.max(0, high - low), 1);
  }

  and(other: Share): Share {
    const both = new Map(this.#stretches);
    for (const [salt, { low, high }] of other.#stretches) {
      const own = both.get(salt) ?? { low: 0, high: 1 };
      both.set(salt, { low: Math.max(low, own.low), high: Math.min(high, own.high) });
    }
    return new Share(both);
  }

  /** All others; of a share by one salt that starts at an end. */
  not(): Share {
    return new Share(new Map([...this.#stretches].map(([salt, { low, high }]) => [salt, low === 0 ? { low: high, high: 1 } : { low: 0, high: low }])));
  }
}
