import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { DuckDBConnection } from '@duckdb/node-api';
import { chance, drawn, openEngine, whole, windowCount } from '../../sim/sampling-windows.ts';

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await openEngine();
});
afterAll(() => connection.closeSync());

interface Group {
  readonly n: number;
  readonly spread: number;
}

async function allocated(groups: readonly Group[], budget: number, kMin: number): Promise<readonly number[]> {
  const values = groups.map(({ n, spread }, key) => `(${key}, ${n}, ${spread}::DOUBLE)`).join(', ');
  const reader = await connection.runAndReadAll(
    `SELECT key, k FROM (SELECT unnest(neyman_allocation(key, n, spread, ${budget}, ${kMin}), recursive := true) FROM (VALUES ${values}) t(key, n, spread)) ORDER BY key`);
  return reader.getRowsJS().map(([, k]) => Number(k));
}

describe('neyman_allocation', () => {
  test('Cochran, Sampling Techniques, section 5.5: k proportional to N * S', async () => {
    expect(await allocated([{ n: 4000, spread: 10 }, { n: 6000, spread: 20 }], 1600, 2)).toEqual([400, 1200]);
  });
  test('a full group gives its rest to the others; those without spread get the least', async () => {
    expect(await allocated([{ n: 1000, spread: 1 }, { n: 100, spread: 30 }, { n: 5, spread: 100 }, { n: 200, spread: 0 }, { n: 1, spread: 0 }], 100, 2))
      .toEqual([23, 69, 5, 2, 1]);
  });
  test.each([['0', '1'], ['1.5', '1'], ['NULL', '1'], ['5', '-1'], ['5', "'nan'::DOUBLE"]])('arrivals %s and spread %s are refused', async (n, spread) => {
    await expect(connection.run(`SELECT neyman_allocation(1, ${n}, ${spread}, 10)`)).rejects.toThrow(/sampling: (the arrivals|a spread)/);
  });

  /**
   * Invariants of the optimum: what is given adds up to what can be; every k between its bounds; a group that is at neither bound
   * has k / (N * spread) as all others that are not (to within the one that rounding takes or gives), those at the upper bound no more,
   * those at the lower no less.
   */
  test('meets the conditions of the optimum', async () => {
    const groupOf = fc.record({ n: fc.integer({ min: 1, max: 500 }), spread: fc.double({ min: 0.01, max: 100, noNaN: true }) });
    await fc.assert(fc.asyncProperty(fc.array(groupOf, { minLength: 1, maxLength: 12 }), fc.integer({ min: 12, max: 1500 }), fc.integer({ min: 1, max: 6 }), async (groups, budget, kMin) => {
      const ks = await allocated(groups, budget, kMin);
      const least = Math.min(kMin, Math.max(1, Math.floor(budget / groups.length)));
      const possible = groups.reduce((sum, { n }) => sum + n, 0);
      expect(ks.reduce((sum, k) => sum + k, 0)).toBe(Math.min(budget, possible));
      const shares = groups.map(({ n, spread }) => n * spread);
      groups.forEach(({ n }, i) => {
        expect(ks[i]).toBeLessThanOrEqual(n);
        expect(ks[i]).toBeGreaterThanOrEqual(Math.min(n, least));
        groups.forEach((other, j) => {
          if (ks[i] > Math.min(n, least) + 1 && ks[j] < other.n) expect((ks[i] - 1.001) / shares[i]).toBeLessThanOrEqual((ks[j] + 1.001) / shares[j]);
        });
      });
    }), { numRuns: 150 });
  });
});

/**
 * Scenario: three groups of fixed values in 10,000 windows, one budget of 60, each group's sample drawn by bottom_k.
 * Guarantees: the variance of the total is that of theory, both as a sum of adjusted_count * value, sum over groups of
 * (N - k) / (k - 1) * sum of value^2 (by the distribution of the (k + 1)-th least of N uniform numbers), and as arrivals * mean of the kept,
 * sum of N^2 * (1 - k / N) * S^2 / k (Cochran, theorem 5.3); and the allocation by the spread that belongs to each beats the one in
 * proportion to arrivals, and the other spread.
 */
describe('the variance of a stratified total', () => {
  const budget = 60;
  const names = ['rms', 'deviation', 'proportional'] as const;
  const spreads = { rms: 'sqrt(avg(x * x))', deviation: 'stddev_samp(x)', proportional: '1' };

  beforeAll(async () => {
    await connection.run(`CREATE TABLE population AS
      SELECT g, i, CASE g WHEN 0 THEN 1 + ${chance('neyman', 'x', 'i')} / 2 WHEN 1 THEN 40 + ${chance('neyman', 'x', '1000 + i')} ELSE 30 * ${chance('neyman', 'x', '2000 + i')} END AS x
      FROM (SELECT unnest([0, 1, 2]) AS g) groups, range(120) t(i) WHERE i < [120, 60, 60][g + 1]`);
  });

  async function variances(name: (typeof names)[number]): Promise<Record<'total' | 'theory' | 'mean' | 'meanTheory', number>> {
    await connection.run(`CREATE OR REPLACE TABLE shares AS SELECT unnest(neyman_allocation(g, n, spread, ${budget}), recursive := true)
      FROM (SELECT g, count(*) AS n, ${spreads[name]} AS spread FROM population GROUP BY g)`);
    const theory = await connection.runAndReadAll(`
      SELECT sum((n - k) / (k - 1) * squares), sum(n * n * (1 - k / n) * s * s / k)
      FROM (SELECT g, count(*)::DOUBLE AS n, sum(x * x) AS squares, stddev_samp(x) AS s FROM population GROUP BY g) JOIN shares ON key = g`);
    const found = await connection.runAndReadAll(`
      WITH arrived AS (SELECT w, g, k, x, n, {'key': (w * 1000 + g * 200 + i)::UHUGEINT, 'r': (${whole} - n)::UBIGINT, 'n_in': ${whole}::UBIGINT} AS item
                       FROM (SELECT *, ${drawn('neyman', 'n', 'w * 1000 + g * 200 + i')} AS n FROM range(${windowCount}) a(w), population JOIN shares ON key = g)),
           named AS (SELECT unnest(bottom_k(item, k), recursive := true) FROM arrived GROUP BY w, g, k),
           kept AS (SELECT w, g, sum(x / probability) AS total, avg(x) AS mean FROM named JOIN arrived ON item."key" = id GROUP BY w, g)
      SELECT var_samp(total), var_samp(mean) FROM (SELECT w, sum(total) AS total, sum(mean * [120, 60, 60][g + 1]) AS mean FROM kept GROUP BY w)`);
    const [total, mean] = found.getRowsJS()[0].map(Number);
    const [ofTotal, ofMean] = theory.getRowsJS()[0].map(Number);
    console.log(`${name.padEnd(13)} total ${(total / ofTotal).toFixed(4)} of theory (${ofTotal.toFixed(0)}), by means ${(mean / ofMean).toFixed(4)} (${ofMean.toFixed(0)})`);
    return { total, theory: ofTotal, mean, meanTheory: ofMean };
  }

  test('is the formula\'s, and least where the spread fits', async () => {
    const [rms, deviation, proportional] = [await variances('rms'), await variances('deviation'), await variances('proportional')];
    for (const { total, theory, mean, meanTheory } of [rms, deviation, proportional]) {
      expect(Math.abs(total / theory - 1)).toBeLessThan(0.05);
      expect(Math.abs(mean / meanTheory - 1)).toBeLessThan(0.05);
    }
    expect(rms.total).toBeLessThan(proportional.total * 0.95);
    expect(rms.total).toBeLessThan(deviation.total * 0.95);
    expect(deviation.mean).toBeLessThan(proportional.mean * 0.95);
    expect(deviation.mean).toBeLessThan(rms.mean * 0.95);
  });
});
