import { chiSquareTail } from './distributions.ts';

/** Equal parts of [0, 1) that values are counted in. */
export const binCount = 256;
/** Values that are kept as they are, for the exact test of small samples. */
const valuesMax = 512;
/** Least expected count of a cell of the chi-square test. */
const expectedMin = 10;
/** Fewer values say nothing. */
export const sampleMin = 8;

/**
 * Values that should be uniform on [0, 1), in bounded memory: the first 512 as they are, all of them in 256 bins.
 * Bins are given room when the first value comes.
 */
export class UniformSample {
  #values: Float64Array | null = null;
  #bins: Uint32Array | null = null;
  #count = 0;
  #min = 1;
  #max = 0;

  /** Takes a value of [0, 1); what rounding put at 1 counts as just below. */
  add(value: number): void {
    this.#values ??= new Float64Array(valuesMax);
    this.#bins ??= new Uint32Array(binCount);
    if (this.#count < valuesMax) this.#values[this.#count] = value;
    this.#bins[Math.min(binCount - 1, Math.floor(value * binCount))]++;
    this.#count++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  get count(): number {
    return this.#count;
  }

  get min(): number {
    return this.#min;
  }

  get max(): number {
    return this.#max;
  }

  /** Counts of the 256 parts. */
  get bins(): Uint32Array {
    return this.#bins ?? new Uint32Array(binCount);
  }

  /**
   * Probability that uniform values look at least as uneven; null below 8 values. Anderson-Darling on up to 512 values, beyond
   * chi-square on bins of at least 10 expected values.
   */
  get pValue(): number | null {
    if (this.#count < sampleMin || this.#values === null) return null;
    if (this.#count <= valuesMax) return andersonDarling(this.#values.slice(0, this.#count));
    return chiSquareUniform(this.bins, this.#count);
  }
}

/** Pearson's chi-square of counts in equal cells, neighbours joined until 10 are expected in each. Length is a power of two. */
export function chiSquareUniform(bins: ArrayLike<number>, count: number): number {
  let width = 1;
  while (width < bins.length / 2 && (count * width) / bins.length < expectedMin) width *= 2;
  const cells = bins.length / width;
  const expected = count / cells;
  let statistic = 0;
  for (let cell = 0; cell < cells; cell++) {
    let seen = 0;
    for (let i = 0; i < width; i++) seen += bins[cell * width + i];
    statistic += (seen - expected) ** 2 / expected;
  }
  return chiSquareTail(statistic, cells - 1);
}

/** p of the Anderson-Darling statistic A^2 of values that should be uniform; `values` is sorted in place. */
export function andersonDarling(values: Float64Array): number {
  values.sort();
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const low = Math.min(Math.max(values[i], 1e-17), 1 - 2 ** -53);
    const high = Math.min(Math.max(values[n - 1 - i], 1e-17), 1 - 2 ** -53);
    sum += (2 * i + 1) * (Math.log(low) + Math.log1p(-high));
  }
  return 1 - andersonDarlingCdf(-n - sum / n, n);
}

/**
 * P(A^2 < z) for n uniform values, to about 1e-6 for any n (G. and J. Marsaglia, "Evaluating the Anderson-Darling
 * distribution", J. Stat. Software 9(2), 2004: adinf and errfix). Above z = 8, where 1 - adinf has few digits left, the tail goes on as
 * that of the limit's greatest term does: A^2 is a sum of Z_j^2 / (j (j + 1)), so as exp(-z) / sqrt(z).
 */
export function andersonDarlingCdf(z: number, n: number): number {
  if (!(z > 0)) return 0;
  if (z > 8) return 1 - andersonDarlingTail(z);
  const limit = limitCdf(z);
  return Math.min(1, Math.max(0, limit + finiteError(n, limit)));
}

/** Meets the limit's tail at 8. */
function andersonDarlingTail(z: number): number {
  const at8 = 1 - limitCdf(8);
  return (at8 * Math.exp(8 - z) * Math.sqrt(8)) / Math.sqrt(z);
}

function limitCdf(z: number): number {
  if (z < 2) {
    const polynomial = 2.00012 + (0.247105 - (0.0649821 - (0.0347962 - (0.011672 - 0.00168691 * z) * z) * z) * z) * z;
    return (Math.exp(-1.2337141 / z) / Math.sqrt(z)) * polynomial;
  }
  return Math.exp(-Math.exp(1.0776 - (2.30695 - (0.43424 - (0.082433 - (0.008056 - 0.0003146 * z) * z) * z) * z) * z));
}

function finiteError(n: number, x: number): number {
  if (x > 0.8) {
    return (-130.2137 + (745.2337 - (1705.091 - (1950.646 - (1116.36 - 255.7844 * x) * x) * x) * x) * x) / n;
  }
  const corner = 0.01265 + 0.1757 / n;
  if (x < corner) {
    const t = x / corner;
    return Math.sqrt(t) * (1 - t) * (49 * t - 102) * (0.0037 / n ** 3 + 0.00078 / n ** 2 + 0.00006 / n);
  }
  const t = (x - corner) / (0.8 - corner);
  const shape = -0.00022633 + (6.54034 - (14.6538 - (14.458 - (8.259 - 1.91864 * t) * t) * t) * t) * t;
  return shape * (0.04213 + 0.01365 / n) / n;
}
