import { describe, expect, test } from 'vitest';
import { chiSquareTail, normalTwoSided } from '../../../src/audit/distributions.ts';
import { holm } from '../../../src/audit/holm.ts';
import { interval95, scoreZ, unitVariance, zScore } from '../../../src/audit/interval.ts';
import { SeenSet } from '../../../src/audit/seen-set.ts';
import { andersonDarlingCdf } from '../../../src/audit/uniform-sample.ts';

describe('published values', () => {
  test.each([[3.841459, 1, 0.05], [6.634897, 1, 0.01], [18.307038, 10, 0.05], [124.342113, 100, 0.05], [310.457388, 255, 0.01]])('chi-square %f of %i degrees', (statistic, degrees, p) => {
    expect(chiSquareTail(statistic, degrees)).toBeCloseTo(p, 6);
  });

  test.each([[1.959964, 0.05], [2.575829, 0.01], [3.290527, 0.001], [6, 1.973175e-9]])('normal %f', (z, p) => {
    expect(normalTwoSided(z) / p).toBeCloseTo(1, 4);
  });

  /** Upper points of A^2 for a fully specified distribution (D'Agostino and Stephens, Goodness-of-Fit Techniques, table 4.2). */
  test.each([[1.248, 0.25], [1.933, 0.1], [2.492, 0.05], [3.07, 0.025], [3.857, 0.01]])('Anderson-Darling %f', (z, p) => {
    expect(1 - andersonDarlingCdf(z, 1e9)).toBeCloseTo(p, 3);
  });

  test('the tail of Anderson-Darling goes on without a step', () => {
    expect((1 - andersonDarlingCdf(8.0001, 1e9)) / (1 - andersonDarlingCdf(7.9999, 1e9))).toBeCloseTo(1, 2);
  });

  /** Holm's own rule: 0.01, 0.04, 0.03, 0.005 at 5 % rejects the first and the last. */
  test('Holm', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(6)))).toEqual([0.03, 0.06, 0.06, 0.02]);
  });
});

describe('intervals', () => {
  test('z: nothing off is 0 even where nothing can vary; off without variance is infinite', () => {
    expect(zScore({ truth: 5, estimate: 5, variance: 0 })).toBe(0);
    expect(zScore({ truth: 4, estimate: 5, variance: 0 })).toBe(Number.POSITIVE_INFINITY);
    expect(zScore({ truth: 5, estimate: 4, variance: 0 })).toBe(Number.NEGATIVE_INFINITY);
    expect(zScore({ truth: 10, estimate: 16, variance: 9 })).toBe(2);
    expect(interval95({ truth: 0, estimate: 10, variance: 1 })[0]).toBeCloseTo(8.04, 3);
  });

  test('a small sample that came out low is not judged by the variance that it claims', () => {
    const low = { truth: 300, estimate: 100, variance: 900 };
    expect(zScore(low)).toBeCloseTo(-6.667, 3);
    expect(scoreZ(low)).toBeCloseTo(-3.849, 3);
  });

  test('a unit kept whole adds (sum of a / q)^2 (1 - q)', () => {
    expect(unitVariance(6, 24)).toBe((6 / 0.25) ** 2 * 0.75);
  });
});

describe('SeenSet', () => {
  test('forgets by hash when it is full, and never takes a key for new twice', () => {
    const set = new SeenSet(100);
    const key = (i: number): [number, number] => [Math.imul(i, 0x9e3779b1) >>> 0, Math.imul(i ^ 0x5bd1e995, 0x85ebca6b) >>> 0];
    const first = Array.from({ length: 2000 }, (_, i) => set.add(...key(i), i));
    expect(set.size).toBeLessThanOrEqual(100);
    expect(set.share).toBeLessThan(0.1);
    const again = Array.from({ length: 2000 }, (_, i) => set.add(...key(i), -1));
    expect(first.slice(0, 100).every((seen) => seen === 'new')).toBe(true);
    expect(again.includes('new')).toBe(false);
    expect(again.filter((seen) => seen === 'known').length).toBe(set.size);
    expect([...set.values()].every((value) => value >= 0)).toBe(true);
  });
});
