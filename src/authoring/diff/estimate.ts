/** An estimate of how many items there were, from the kept ones. */
export interface Estimate {
  readonly value: number;
  /** Half the width of its 95 % interval. */
  readonly halfWidth: number;
}

/** z of a two-sided 95 % interval. */
const z95 = 1.959963984540054;

/**
 * Horvitz-Thompson total and its estimated variance. Items of one unit (the spans of a trace) are kept by one random number, so that
 * with q = p_out / p_in of each and a its adjusted count, two of them are both kept with min(q_i, q_j), and
 * variance = sum over units of sum over i, j of (1 - max(q_i, q_j)) a_i a_j; with one q in a unit, (sum a)^2 (1 - q).
 */
export class UnitTotal {
  #value = 0;
  /** Sums of a by q, for each unit. */
  readonly #units = new Map<string, Map<number, number>>();

  /** `count`: a, what the item stands for when it leaves; `countIn` when it came. */
  add(unit: string, count: number, countIn: number): void {
    this.#value += count;
    const q = Math.min(1, countIn / count);
    if (q >= 1 - 1e-12) return;
    const sums = this.#units.get(unit) ?? new Map<number, number>();
    this.#units.set(unit, sums);
    sums.set(q, (sums.get(q) ?? 0) + count);
  }

  estimate(): Estimate {
    let variance = 0;
    for (const sums of this.#units.values()) {
      for (const [q, a] of sums) for (const [other, b] of sums) variance += (1 - Math.max(q, other)) * a * b;
    }
    return { value: this.#value, halfWidth: z95 * Math.sqrt(variance) };
  }
}
