import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';

const estimators = `ht_total ht_variance_of ht_variance score_interval ht_interval effective_size_of effective_sample_size coverage_of coverage
  good_turing_coverage chao_jost_coverage`.split(/\s+/);

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  // Only these: they need nothing else of the library.
  for (const { name, path } of sqlFunctionFiles()) if (estimators.includes(name)) await connection.run(readFileSync(path, 'utf8'));
});
afterAll(() => connection.closeSync());

async function value(sql: string): Promise<unknown> {
  return (await connection.runAndReadAll(sql)).getRowsJS()[0][0];
}

/** One row an individual, of species numbered by place. */
const individuals = (counts: readonly number[]): string =>
  `(SELECT unnest(flatten([${counts.map((count, species) => `repeat([${species}], ${count})`).join(', ')}])) AS species)`;

const ones = (count: number): number[] => Array.from({ length: count }, () => 1);

/**
 * Spiders of two treated hemlock stands at Harvard Forest: Sackett et al., Ecosphere 2(7), 2011, the data set `spider` of the R package
 * iNEXT (Hsieh, Ma, Chao, Methods in Ecology and Evolution 7, 2016), whose DataInfo(spider) publishes n, S and the coverage SC.
 */
const girdled = [46, 22, 17, 15, 15, 9, 8, 6, 6, 4, 2, 2, 2, 2, ...ones(12)];
const logged = [88, 22, 16, 15, 13, 10, 8, 8, 7, 7, 7, 5, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, ...ones(14)];

describe('coverage of input that is not sampled', () => {
  test.each([['Girdled', girdled, 168, 26, 0.9289], ['Logged', logged, 252, 37, 0.9446]])('Chao and Jost, %s', async (_, counts, n, species, coverage) => {
    expect([counts.reduce((sum, count) => sum + count, 0), counts.length]).toEqual([n, species]);
    expect(Number(await value(`SELECT chao_jost_coverage(species) FROM ${individuals(counts)}`)).toFixed(4)).toBe(String(coverage));
  });
  test('Good and Turing: 1 - f1 / n', async () => {
    expect(await value(`SELECT good_turing_coverage(species) FROM ${individuals(girdled)}`)).toBeCloseTo(1 - 12 / 168, 12);
    expect(await value(`SELECT good_turing_coverage(species) FROM ${individuals(logged)}`)).toBeCloseTo(1 - 14 / 252, 12);
  });
  test('no key seen twice, once, none', async () => {
    expect(await value('SELECT chao_jost_coverage(k) FROM range(4) t(k)')).toBeCloseTo(1 - (3 * 3) / (3 * 3 + 2), 12);
    expect(await value('SELECT chao_jost_coverage(k // 4) FROM range(8) t(k)')).toBe(1);
    expect(await value('SELECT chao_jost_coverage(k) FROM range(0) t(k)')).toBeNull();
    expect(await value('SELECT good_turing_coverage(NULL) FROM range(3)')).toBeNull();
  });
});

describe('coverage of weighted rows', () => {
  test('1 - sum of a - 1 of keys with one row / sum of a', async () => {
    expect(await value(`SELECT coverage(k, a) FROM (VALUES ('x', 4.0), ('x', 4.0), ('y', 10.0), (NULL, 50.0), ('z', 2.0)) t(k, a)`)).toBeCloseTo(1 - (9 + 1) / 20, 12);
  });
  test('is exactly 1 when everything was kept, where raw counts say less', async () => {
    expect(await value('SELECT coverage(k, 1) FROM range(10) t(k)')).toBe(1);
    expect(await value('SELECT good_turing_coverage(k) FROM range(10) t(k)')).toBe(0);
  });

  test('has the mean of what is covered over 10,000 samples; on raw counts it has not', async () => {
    // 40 keys of 1 to 20 rows, each row kept with 0.5 or 0.25 by its key.
    const reader = await connection.runAndReadAll(`
      WITH population AS (SELECT k, unnest(range(1 + k % 20)) AS i, CASE WHEN k % 2 = 0 THEN 0.5 ELSE 0.25 END AS p FROM range(40) t(k)),
           kept AS (SELECT seed, k, 1 / p AS a FROM range(10000) s(seed), population WHERE hash(seed * 1000000 + k * 1000 + i) / pow(2, 64) < p),
           seen AS (SELECT seed, sum(1 + k % 20) / (SELECT count(*) FROM population) AS covered FROM (SELECT DISTINCT seed, k FROM kept) GROUP BY seed),
           found AS (SELECT seed, coverage(k, a) - any_value(covered) AS weighted, chao_jost_coverage(k) - any_value(covered) AS raw FROM kept JOIN seen USING (seed) GROUP BY seed)
      SELECT avg(weighted), stddev_samp(weighted) / 100, avg(raw), stddev_samp(raw) / 100 FROM found`);
    const [weighted, error, raw, rawError] = reader.getRowsJS()[0].map(Number);
    console.log(`error of coverage: weighted ${weighted.toFixed(5)} (z ${(weighted / error).toFixed(2)}), Chao and Jost on raw counts ${raw.toFixed(5)} (z ${(raw / rawError).toFixed(1)})`);
    expect(Math.abs(weighted / error)).toBeLessThan(4);
    expect(raw / rawError).toBeLessThan(-10);
  });
});

describe('Horvitz-Thompson', () => {
  const rows = `(VALUES (2.0, 3, 'u'), (4.0, 5, 'u'), (2.0, 1, 'v'), (2.0, 1, 'v'), (8.0, 1, NULL), (8.0, 1, NULL)) t(a, x, unit)`;
  test('total', async () => expect(await value(`SELECT ht_total(a, x) FROM ${rows}`)).toBe(6 + 20 + 2 + 2 + 16));
  test('variance: pairs within a unit, units apart, rows without a unit apart', async () => {
    const u = 2 * 1 * 9 + 4 * 3 * 25 + 2 * 4 * 1 * 15;
    expect(await value(`SELECT ht_variance(a, x, unit) FROM ${rows}`)).toBe(u + 2 * 1 * 4 + 2 * 8 * 7);
    expect(await value('SELECT ht_variance(a, x, unit) FROM (SELECT 1.0 AS a, 1.0 AS x, 1 AS unit) WHERE false')).toBe(0);
  });
  test('interval: the two X at which the total is 1.96 deviations away', async () => {
    const [[total, variance, low, high]] = (await connection.runAndReadAll(
      `SELECT ht_total(a, x), ht_variance(a, x, unit), ht_interval(a, x, unit).low, ht_interval(a, x, unit).high FROM ${rows}`)).getRowsJS().map((row) => row.map(Number));
    for (const bound of [low, high]) expect(Math.abs(total - bound) / Math.sqrt((variance * bound) / total)).toBeCloseTo(1.959964, 6);
    expect(low).toBeGreaterThan(0);
    expect(await value(`SELECT ht_interval(a, -x, unit).high FROM ${rows}`)).toBeCloseTo(-total + 1.959964 * Math.sqrt(variance), 4);
    expect(await value('SELECT ht_interval(1, x, x) FROM range(5) t(x)')).toEqual({ low: 10, high: 10 });
  });
  test('effective sample size: Kish over units', async () => {
    expect(await value(`SELECT effective_sample_size(a, unit) FROM ${rows}`)).toBeCloseTo(26 ** 2 / (36 + 16 + 64 + 64), 12);
    expect(await value('SELECT effective_sample_size(7.5, i) FROM range(12) t(i)')).toBeCloseTo(12, 12);
  });
  test('by group, in HAVING and in expressions', async () => {
    expect(await value(`SELECT sqrt(ht_variance(a, x, unit)) / ht_total(a, x) FROM ${rows} WHERE unit = 'v' GROUP BY unit HAVING ht_total(a, 1) > 3`)).toBeCloseTo(Math.sqrt(8) / 4, 12);
  });
});
