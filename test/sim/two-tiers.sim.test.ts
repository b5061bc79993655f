import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DuckDBConnection } from '@duckdb/node-api';
import {
  bottomK, budget, estimate, exponential, makeArrived, makeOriginals, openEngine, outcomesOf, printed, type Sampler, weighted, weightedBudget, whole,
} from './sampling-windows.ts';

/**
 * Scenario: 10,000 windows of 40 traces, some of which came sampled by threshold; what one tier keeps is all that the next one sees.
 * Guarantees (sampling.md, rules 12, 13 and 20): where ranks do not depend on the input's probability (bottom_k, priority sampling, budgets), the
 * second tier keeps what the stricter of the two alone would have kept, at the same integer threshold but for the rounding of a double; where they do
 * (exponential ranks), and for rates, counts are unbiased; `proportional` multiplies. Samples of fewer or smaller lie in samples of more.
 * Controls: counts of two tiers multiplied; absolute probabilities for relative ones; samples that are drawn anew.
 */

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await openEngine();
  await makeOriginals(connection, { seed: 'two tiers', kind: 'threshold', unitsPerWindow: 40, unitSize: '1' });
  await makeArrived(connection, 'two tiers');
  await connection.run('CREATE TABLE offered AS FROM arrived');
});
afterAll(() => connection.closeSync());

const proportional = (f: number): string => `SELECT sampling_item."key", proportional(sampling_item, ${f}) FROM arrived`;
const rateLimit = (rate: number): string => `SELECT sampling_item."key", rate_limit(sampling_item, ${rate / 10}, w, 10) FROM arrived`;

async function single(sql: string): Promise<number[]> {
  return (await connection.runAndReadAll(sql)).getRowsJS()[0].map(Number);
}

/** Decides what comes (a table) by a statement over `arrived` as the engine does, into `into`: what is kept, with N of its threshold as n_in. */
async function tier(from: string, named: string, into: string): Promise<void> {
  await connection.run(`CREATE OR REPLACE TABLE arrived AS FROM ${from}`);
  await connection.run(`CREATE OR REPLACE TABLE ${into} AS
    WITH best AS (SELECT k, max(floor(p * ${whole}::DOUBLE)::BIGINT) AS n_p FROM (SELECT COLUMNS(*) FROM (${named})) t(k, p) GROUP BY k),
         kept AS (SELECT a.*, least(b.n_p, a.n_in) AS n_out FROM arrived a JOIN best b ON a.sampling_item."key" = b.k WHERE a.n <= least(b.n_p, a.n_in))
    SELECT w, item, unit, value, n, n_out AS n_in, ${whole}::DOUBLE / n_out AS adjusted_count,
           {'key': sampling_item."key", 'r': sampling_item.r, 'n_in': n_out::UBIGINT} AS sampling_item FROM kept`);
}

/** How many items two tables do not share, and the greatest difference of their N, as a share of it. */
async function difference(a: string, b: string): Promise<number[]> {
  return single(`SELECT count(*) FILTER (x.item IS NULL OR y.item IS NULL), coalesce(max(abs(x.n_in - y.n_in) / y.n_in::DOUBLE), 0), count(*)
    FROM ${a} x FULL JOIN ${b} y ON x.item = y.item`);
}

const kept = (table: string, count = 'adjusted_count'): string => `SELECT w, value, false AS is_split, ${count} AS adjusted_count FROM ${table}`;

const exact: readonly (readonly [string, Sampler])[] = [
  ['bottom_k', bottomK], ['weighted_reservoir_sample', weighted], ['budget_sample', budget], ['weighted_budget_sample', weightedBudget],
];

describe.each(exact)('%s after itself', (name, sampler) => {
  test.each(name.includes('budget') ? [[20, 8]] : [[20, 8], [10, 10], [8, 20]])('k = %d, then %d: the stricter alone', async (first, second) => {
    await tier('offered', sampler(first), 'once');
    await tier('once', sampler(second), 'twice');
    await tier('offered', sampler(Math.min(first, second)), 'alone');
    const [unshared, off, count] = await difference('twice', 'alone');
    console.log(name, first, second, { unshared, off, count });
    expect([unshared, count > 10_000]).toEqual([0, true]);
    expect(off).toBeLessThan(2 ** -44);
    const found = await estimate(connection, kept('twice'));
    expect(Math.max(Math.abs(found.count.z), Math.abs(found.sum.z))).toBeLessThan(4);
  });

  test('a smaller sample lies in a larger one', async () => {
    await tier('offered', sampler(8), 'smaller');
    await tier('offered', sampler(20), 'larger');
    const [outside, above] = await single('SELECT count(*) FILTER (l.item IS NULL), count(*) FILTER (s.n_in > l.n_in) FROM smaller s LEFT JOIN larger l ON l.item = s.item');
    expect([outside, above]).toEqual([0, 0]);
  });
});

const unbiased: readonly (readonly [string, string, string])[] = [
  ['weighted_reservoir_sample_exp', exponential(20), exponential(8)],
  ['weighted_reservoir_sample_exp, as many', exponential(10), exponential(10)],
  ['rate_limit', rateLimit(20), rateLimit(10)],
  ['rate_limit, as many', rateLimit(12), rateLimit(12)],
  ['rate_limit after bottom_k', bottomK(20), rateLimit(8)],
  ['weighted_reservoir_sample_exp after weighted_reservoir_sample', weighted(20), exponential(8)],
  ['weighted_budget_sample after a rule', 'SELECT sampling_item."key", CASE WHEN value > 10 THEN 0.6 ELSE 0.3 END FROM arrived', weightedBudget(8)],
];

describe('unbiased, though not what one tier alone gives', () => {
  test.each(unbiased)('%s', async (name, first, second) => {
    await tier('offered', first, 'once');
    await connection.run('CREATE OR REPLACE TABLE arrived AS FROM once');
    const found = await outcomesOf(connection, 'two tiers', second);
    console.log(printed(`two tiers: ${name}`, found));
    expect(Math.max(Math.abs(found.count.z), Math.abs(found.sum.z))).toBeLessThan(4);
    expect(found.count.resolution).toBeLessThan(0.03);
  });

  test('exponential ranks in two samples: the smaller lies in the larger', async () => {
    await tier('offered', exponential(8), 'smaller');
    await tier('offered', exponential(20), 'larger');
    expect(await single('SELECT count(*) FILTER (l.item IS NULL), count(*) FILTER (s.n_in > l.n_in) FROM smaller s LEFT JOIN larger l ON l.item = s.item')).toEqual([0, 0]);
  });
});

describe('proportional', () => {
  test('a half of a quarter is an eighth, item for item', async () => {
    await tier('offered', proportional(0.25), 'once');
    await tier('once', proportional(0.5), 'twice');
    await tier('offered', proportional(0.125), 'alone');
    const [unshared, off] = await difference('twice', 'alone');
    expect(unshared).toBe(0);
    expect(off).toBeLessThan(2 ** -50);
  });

  test('control: absolute probabilities do not multiply', async () => {
    const rule = (p: number): string => `SELECT sampling_item."key", ${p}::DOUBLE FROM arrived`;
    await tier('offered', rule(0.25), 'once');
    await tier('once', rule(0.5), 'twice');
    expect((await difference('twice', 'once')).slice(0, 2)).toEqual([0, 0]);
    await tier('offered', rule(0.125), 'alone');
    expect((await difference('twice', 'alone'))[0]).toBeGreaterThan(1000);
  });
});

describe('controls', () => {
  test('counts of two tiers multiplied are too high', async () => {
    await tier('offered', weighted(20), 'once');
    await tier('once', weighted(8), 'twice');
    const found = await estimate(connection, kept('(SELECT t.*, o.adjusted_count * t.adjusted_count / c.adjusted_count AS product FROM twice t JOIN once o ON o.item = t.item JOIN offered c ON c.item = t.item)', 'product'));
    console.log(printed('control: counts of two tiers multiplied', found));
    expect(found.count.ratio).toBeGreaterThan(1.3);
    expect(found.count.z).toBeGreaterThan(20);
  });

  test('samples drawn anew do not lie in each other', async () => {
    await tier('offered', bottomK(20), 'larger');
    await connection.run(`CREATE OR REPLACE TABLE other AS SELECT * REPLACE (${whole} + 1 - n AS n, {'key': sampling_item."key", 'r': (n - 1)::UBIGINT, 'n_in': ${whole}::UBIGINT} AS sampling_item, ${whole} AS n_in) FROM offered`);
    await tier('other', bottomK(8), 'smaller');
    const [outside] = await single('SELECT count(*) FILTER (l.item IS NULL) FROM smaller s LEFT JOIN larger l ON l.item = s.item');
    expect(outside).toBeGreaterThan(10_000);
  });
});
