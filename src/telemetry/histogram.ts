import { assert } from '../base/assert.ts';

/** Seconds, from a millisecond to a minute: the default buckets, since most histograms here are durations. */
const bucketsDefault = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface HistogramSnapshot {
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: readonly number[];
  /** Observations at most as great as the bound of the same index. */
  readonly cumulative: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** Counts of observations by size, in fixed buckets. */
export class Histogram {
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;
  #count = 0;
  #sum = 0;

  constructor(bounds: readonly number[] = bucketsDefault) {
    assert(bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1])), 'histogram buckets ascend');
    this.#bounds = Float64Array.from(bounds);
    this.#counts = new Float64Array(bounds.length);
  }

  get count(): number {
    return this.#count;
  }

  /** Counts `times` observations of one value. */
  observe(value: number, times = 1): void {
    assert(!Number.isNaN(value), 'an observation is a number');
    this.#count += times;
    this.#sum += value * times;
    for (let i = 0; i < this.#bounds.length; i++) {
      if (value <= this.#bounds[i]) {
        this.#counts[i] += times;
        return;
      }
    }
  }

  snapshot(): HistogramSnapshot {
    let total = 0;
    const cumulative = Array.from(this.#counts, (count) => (total += count));
    return { bounds: [...this.#bounds], cumulative, count: this.#count, sum: this.#sum };
  }
}
