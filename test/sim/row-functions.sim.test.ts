import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DuckDBConnection } from '@duckdb/node-api';
import { estimate, inputKinds, makeArrived, makeOriginals, openEngine, outcomesOf, printed, whole, type Outcomes } from './sampling-windows.ts';

/**
 * Scenario: 10,000 windows of 40 traces, unsampled and sampled before by threshold, count and mixed; row functions, strata of two
 * dimensions, floors of rare keys and a budget divided by Neyman's allocation decide them.
 * Guarantees: counts and sums are unbiased (|z| < 4, a bias of 2 % would show, mostly one of 1 %), rates are met in expectation, and the tempting
 * variants fail.
 */

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await openEngine();
});
afterAll(() => connection.closeSync());

const wanted = 12;
const unnested = (call: string): string => `unnest(${call}, recursive := true)`;

const samplers: readonly (readonly [string, string])[] = [
  ['proportional', 'SELECT sampling_item."key", proportional(sampling_item, 0.3) FROM arrived'],
  ['rate_limit', `SELECT sampling_item."key", rate_limit(sampling_item, ${wanted / 10}, w, 10) FROM arrived`],
  ['rare_floor', `SELECT ${unnested('rare_floor(sampling_item, 3, 0.2)')} FROM arrived GROUP BY w, item % 5`],
  ['stratified_sample', `SELECT ${unnested("stratified_sample(sampling_item, ['a' || item % 4, 'b' || floor(value)], 3)")} FROM arrived GROUP BY w`],
  ['neyman_allocation', `
    WITH strata AS (SELECT w, item % 3 AS s, count(*) AS n, sqrt(avg(value * value)) AS spread FROM arrived GROUP BY ALL),
         shares AS (SELECT w, ${unnested(`neyman_allocation(s, n, spread, ${wanted})`)} FROM strata GROUP BY w)
    SELECT id, probability FROM (SELECT ${unnested('bottom_k(sampling_item, k)')}
    FROM arrived a JOIN shares ON shares.w = a.w AND key = item % 3 GROUP BY a.w, item % 3, k)`],
];

const isUnbiased = ({ count, sum }: Outcomes): boolean => [count, sum].every(({ z, zArrived }) => Math.abs(z) < 4 && Math.abs(zArrived) < 4);

describe.each(inputKinds)('input %s', (kind) => {
  beforeAll(async () => {
    await makeOriginals(connection, { seed: `rows-${kind}`, kind, unitsPerWindow: 40, unitSize: '1' });
    await makeArrived(connection, `rows-${kind}`);
  });
  test.each(samplers)('%s', async (name, sql) => {
    const found = await outcomesOf(connection, `rows-${kind}`, sql);
    console.log(printed(`${kind} ${name}`, found));
    expect(isUnbiased(found)).toBe(true);
    expect(Math.max(found.count.resolution, found.sum.resolution)).toBeLessThan(0.02);
    if (name === 'rate_limit') expect(Math.abs(found.kept - wanted)).toBeLessThan(wanted * 0.015);
  });
});

describe('what fails, on traces that were sampled before', () => {
  beforeAll(async () => {
    await makeOriginals(connection, { seed: 'rows-control', kind: 'threshold', unitsPerWindow: 40, unitSize: '1' });
    await makeArrived(connection, 'rows-control');
  });
  const outcomes = (sql: string): Promise<Outcomes> => outcomesOf(connection, 'rows-control', sql);

  test('a rate that is doubled where it kept too few', async () => {
    const p = `(${wanted} / sum(adjusted_count) OVER (PARTITION BY w))`;
    const found = await outcomes(`SELECT "key", least(1, p * CASE WHEN count(*) FILTER (WHERE n <= p * ${whole}) OVER (PARTITION BY w) < ${wanted} THEN 2 ELSE 1 END)
      FROM (SELECT sampling_item."key", n, w, ${p} AS p FROM arrived)`);
    console.log(printed('control: rate doubled where too few were kept', found));
    expect(isUnbiased(found)).toBe(false);
  });

  test('a rate from rows, not from what they stand for, keeps too many', async () => {
    const found = await outcomes(`SELECT sampling_item."key", least(1, ${wanted} / count(*) OVER (PARTITION BY w)) FROM arrived`);
    expect(found.kept).toBeGreaterThan(wanted * 1.2);
  });

  test('a rate as if no row were kept for sure keeps too few', async () => {
    const naive = await outcomes('SELECT sampling_item."key", least(1, 20 / sum(adjusted_count) OVER (PARTITION BY w)) FROM arrived');
    const found = await outcomes('SELECT sampling_item."key", rate_limit(sampling_item, 2, w, 10) FROM arrived');
    console.log(printed('rate_limit, many kept for sure', found));
    expect(isUnbiased(found)).toBe(true);
    expect(naive.kept).toBeLessThan(found.kept - 0.3);
    expect(Math.abs(found.kept - 20)).toBeLessThan(0.3);
  });

  test('strata counted as if they were drawn apart', async () => {
    const p = (by: string): string => `least(n_in, coalesce(min(n, 4) OVER (PARTITION BY w, ${by})[4] - 1, n_in)) / n_in::DOUBLE`;
    const found = await estimate(connection, `
      SELECT w, value, false AS is_split, adjusted_count / (1 - (1 - p1) * (1 - p2)) AS adjusted_count
      FROM (SELECT *, ${p('item % 4')} AS p1, ${p('floor(value)')} AS p2 FROM arrived) WHERE n <= greatest(p1, p2) * n_in`);
    console.log(printed('control: strata drawn apart', found));
    expect(isUnbiased(found)).toBe(false);
  });
});
