import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { sqlFunctionFiles } from '../../src/sampling/sql-functions.ts';

/**
 * Scenario: 10,000 runs of a reservoir of 256 over fixed weights: uniform, heavy-tailed (exp(5 Z), n = 10,000) and tied; in TypeScript, whose
 * sample is first held against the SQL function's.
 * Guarantees: mean within 4 standard errors of the truth, variance within 5 % of what theory says, 95 % intervals that cover in 94 to 96 %
 * where the estimate is near to normal.
 * Theory: bottom-k by its threshold has variance n (n - k) / (k - 1) (moments of an order statistic, a Beta); for any rank, items' estimates are
 * uncorrelated and each has the Horvitz-Thompson variance given its threshold (Duffield, Lund, Thorup 2007; Cohen, Kaplan 2008); priority sampling
 * of k + 1 has at most the variance of the best possible scheme of k, sum of w^2 (1 / p - 1) with p = min(1, w / t) summing to k, which VarOpt
 * attains (Szegedy, "The DLT priority sampling is essentially optimal", STOC 2006).
 */

const runs = 10_000;
const k = 256;

/** xorshift128+ over two 32-bit lanes each; a double in (0, 1] that is a multiple of 2^-53. */
function generator(seed: number): () => number {
  let [a, b, c, d] = [seed | 0, 0x9e3779b9, 0x243f6a88, 0xb7e15162];
  const next = (): number => {
    const t = (a + b | 0) + d | 0;
    d = d + 1 | 0;
    a = b ^ b >>> 9;
    b = c + (c << 3) | 0;
    c = (c << 21 | c >>> 11) + t | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 20; i++) next();
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6) + 1) / 2 ** 53;
}

function normals(count: number, seed: number): number[] {
  const u = generator(seed);
  return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(u())) * Math.cos(2 * Math.PI * u()));
}

type Variant = 'priority' | 'exponential';

const rankOf = (variant: Variant, u: number, weight: number): number => (variant === 'priority' ? u : -Math.log1p(-u)) / weight;
const probabilityOf = (variant: Variant, tau: number, weight: number): number => (
  variant === 'priority' ? Math.min(1, weight * tau) : -Math.expm1(-weight * tau));

/** The (size + 1)-th smallest, by a heap of the smallest so far with the greatest on top. */
function threshold(ranks: Float64Array, size: number): number {
  if (ranks.length <= size) return Infinity;
  const heap = ranks.slice(0, size + 1).sort().reverse();
  for (let i = size + 1; i < ranks.length; i++) if (ranks[i] < heap[0]) sink(heap, ranks[i]);
  return heap[0];
}

function sink(heap: Float64Array, value: number): void {
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && heap[child + 1] > heap[child]) child++;
    if (heap[child] <= value) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = value;
}

interface Estimate {
  readonly total: number;
  readonly variance: number;
}

/** Estimate of the sum of `values` and of its variance from one run. */
function estimateOf(ranks: Float64Array, weights: readonly number[], values: readonly number[], variant: Variant, size: number): Estimate {
  const tau = threshold(ranks, size);
  let [total, variance] = [0, 0];
  for (let i = 0; i < ranks.length; i++) {
    if (!(ranks[i] < tau)) continue;
    const p = probabilityOf(variant, tau, weights[i]);
    total += values[i] / p;
    variance += values[i] ** 2 * (1 - p) / p ** 2;
  }
  return { total, variance };
}

interface Summary {
  readonly z: number;
  readonly variance: number;
  /** Mean of the estimated variances. */
  readonly expected: number;
  readonly coverage: number;
}

function simulate(weights: readonly number[], values: readonly number[], variant: Variant, size: number, seed: number): Summary {
  const truth = values.reduce((sum, value) => sum + value, 0);
  const u = generator(seed);
  const ranks = new Float64Array(weights.length);
  let [sum, squares, expected, covered] = [0, 0, 0, 0];
  for (let run = 0; run < runs; run++) {
    for (let i = 0; i < ranks.length; i++) ranks[i] = rankOf(variant, u(), weights[i]);
    const { total, variance } = estimateOf(ranks, weights, values, variant, size);
    sum += total - truth;
    squares += (total - truth) ** 2;
    expected += variance / runs;
    if (Math.abs(total - truth) <= 1.96 * Math.sqrt(variance)) covered++;
  }
  const variance = squares / runs - (sum / runs) ** 2;
  return { z: sum / Math.sqrt(runs * variance), variance, expected, coverage: covered / runs };
}

/** Variance of the best scheme of expected size `size`: p = min(1, w / t). */
function bestVariance(weights: readonly number[], size: number): number {
  let [low, high] = [0, weights.reduce((sum, w) => sum + w, 0)];
  for (let step = 0; step < 200; step++) {
    const t = (low + high) / 2;
    if (weights.reduce((sum, w) => sum + Math.min(1, w / t), 0) > size) low = t;
    else high = t;
  }
  return weights.reduce((sum, w) => sum + w ** 2 * (1 / Math.min(1, w / high) - 1), 0);
}

const uniform = Array.from({ length: 2_000 }, () => 1);
const heavy = normals(10_000, 7).map((z) => Math.exp(5 * z));
const tied = Array.from({ length: 2_000 }, (_, i) => [1, 2, 5, 40][i % 4]);

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  for (const { path } of sqlFunctionFiles()) await connection.run(readFileSync(path, 'utf8'));
});
afterAll(() => connection.closeSync());

describe.each(['priority', 'exponential'] as const)('%s', (variant) => {
  const call = variant === 'priority' ? 'weighted_reservoir_sample' : 'weighted_reservoir_sample_exp';
  test.each([['uniform', uniform], ['heavy', heavy], ['tied', tied]])('the sample is that of the SQL function: %s', async (_, weights) => {
    const u = generator(99);
    const draws = weights.map(() => u());
    const ranks = Float64Array.from(draws, (draw, i) => rankOf(variant, draw, weights[i]));
    const reader = await connection.runAndReadAll(`SELECT count(*), sum(w / probability) FROM (
      SELECT unnest(${call}({'key': i::UHUGEINT, 'r': (72057594037927936 - n)::UBIGINT, 'n_in': 72057594037927936::UBIGINT}, w, ${k}), recursive := true)
      FROM (SELECT unnest(range(${weights.length})) AS i, unnest([${draws.map((draw) => (BigInt(draw * 2 ** 53) * 8n).toString()).join(',')}]) AS n,
                   unnest([${weights.join(',')}]::DOUBLE[]) AS w)) s JOIN (SELECT unnest(range(${weights.length})) AS i, unnest([${weights.join(',')}]::DOUBLE[]) AS w) t ON s.id = t.i`);
    const [count, total] = reader.getRowsJS()[0].map(Number);
    expect(count).toBe(k);
    expect(total / estimateOf(ranks, weights, weights, variant, k).total).toBeCloseTo(1, 9);
  });

  test('uniform: the closed form of bottom-k', () => {
    const found = simulate(uniform, uniform, variant, k, 11);
    const n = uniform.length;
    console.log(variant, 'uniform', found);
    expect(Math.abs(found.z)).toBeLessThan(4);
    if (variant === 'priority') expect(found.variance / (n * (n - k) / (k - 1))).toBeCloseTo(1, 1.3);
    expect(Math.abs(found.variance / found.expected - 1)).toBeLessThan(0.05);
    expect(found.coverage).toBeGreaterThan(0.94);
    expect(found.coverage).toBeLessThan(0.96);
  });

  test('tied weights, of values that do not follow them', () => {
    const values = tied.map((w, i) => w * (0.5 + (i * 7919 % 100) / 100));
    const found = simulate(tied, values, variant, k, 12);
    console.log(variant, 'tied', found);
    expect(Math.abs(found.z)).toBeLessThan(4);
    expect(Math.abs(found.variance / found.expected - 1)).toBeLessThan(0.05);
    expect(found.coverage).toBeGreaterThan(0.94);
    expect(found.coverage).toBeLessThan(0.96);
  });

  test('heavy-tailed weights: unbiased, and for priority sampling no worse than VarOpt with one item less', () => {
    const found = simulate(heavy, heavy, variant, k, 13);
    const [best, bestOfOneLess] = [bestVariance(heavy, k), bestVariance(heavy, k - 1)];
    console.log(variant, 'heavy', found, { best, bestOfOneLess });
    expect(Math.abs(found.z)).toBeLessThan(4);
    expect(Math.abs(found.variance / found.expected - 1)).toBeLessThan(0.05);
    if (variant === 'priority') {
      expect(found.expected).toBeLessThanOrEqual(bestOfOneLess * 1.001);
      expect(found.expected).toBeGreaterThan(best);
    }
  });
});
