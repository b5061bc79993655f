import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DuckDBConnection } from '@duckdb/node-api';
import {
  bottomK, chance, estimate, makeArrived, makeOriginals, openEngine, outcomesOf, printed, union, type Outcomes, weighted, whole,
} from './sampling-windows.ts';

/**
 * Negative controls: well-known shortcuts, each of which must fail the test that the real functions pass on the same windows
 * (|z| < 4), so that the test is known to see them.
 */

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await openEngine();
});
afterAll(() => connection.closeSync());

const isUnbiased = ({ count, sum }: Outcomes): boolean =>
  [count.z, count.zArrived, sum.z, sum.zArrived].every((z) => Math.abs(z) < 4);

/** Ranks and the k-th and (k + 1)-th rank a window, over `rank` as SQL. */
const ranked = (rank: string, k: number): string => `
  SELECT *, row_number() OVER (PARTITION BY w ORDER BY rank, item) AS place,
         nth_value(rank, ${k}) OVER all_of AS rank_k, nth_value(rank, ${k + 1}) OVER all_of AS rank_k1
  FROM (SELECT *, ${rank} AS rank FROM arrived)
  WINDOW all_of AS (PARTITION BY w ORDER BY rank, item ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)`;

const kept = (from: string, p: string, where: string): string =>
  `SELECT w, value, false AS is_split, 1 / least(1 / adjusted_count, ${p}) AS adjusted_count FROM (${from}) WHERE ${where}`;

describe('bottom-k over unsampled traces', () => {
  const k = 12;
  beforeAll(async () => {
    await makeOriginals(connection, { seed: 'control', kind: 'unsampled', unitsPerWindow: 40, unitSize: '1' });
    await makeArrived(connection, 'control');
  });
  /** With the ratio that theory gives. */
  const fails: readonly (readonly [string, number, string])[] = [
    ['last included as threshold', k / (k - 1), kept(ranked('n', k), `rank_k / ${whole}::DOUBLE`, `place <= ${k}`)],
    ['boundary item kept', (k + 1) / k, kept(ranked('n', k), `rank_k1 / ${whole}::DOUBLE`, `place <= ${k + 1}`)],
  ];
  test('the real function passes', async () => {
    const found = await outcomesOf(connection, 'control', bottomK(k));
    console.log(printed('control: bottom_k', found));
    expect(isUnbiased(found)).toBe(true);
  });
  test.each(fails)('%s fails', async (name, ratio, sql) => {
    const found = await estimate(connection, sql);
    console.log(printed(`control: ${name}`, found));
    expect(isUnbiased(found)).toBe(false);
    expect(Math.abs(found.count.ratio - ratio)).toBeLessThan(found.count.resolution);
  });
});

describe('weighted reservoir over traces that were sampled before', () => {
  const k = 12;
  beforeAll(async () => {
    await makeOriginals(connection, { seed: 'control-in', kind: 'threshold', unitsPerWindow: 40, unitSize: '1' });
    await makeArrived(connection, 'control-in');
  });
  test('the real function passes', async () => {
    const found = await outcomesOf(connection, 'control-in', weighted(k));
    console.log(printed('control: weighted', found));
    expect(isUnbiased(found)).toBe(true);
  });
  test("u where u' is meant fails", async () => {
    const weight = '(adjusted_count * value)';
    const found = await estimate(connection, kept(ranked(`n / ${whole}::DOUBLE / ${weight}`, k),
      `coalesce(least(1, ${weight} * rank_k1), 1) / adjusted_count`, `place <= ${k}`));
    console.log(printed("control: u for u'", found));
    expect(isUnbiased(found)).toBe(false);
  });
});

describe('logs of one trace', () => {
  const k = 30;
  beforeAll(async () => {
    const unitSize = `ceil(20 * ${chance('size', 'control', 'w * 1000 + u')})::INTEGER`;
    await makeOriginals(connection, { seed: 'control-logs', kind: 'unsampled', unitsPerWindow: 8, unitSize });
    await makeArrived(connection, 'control-logs');
  });
  test('the real function passes', async () => {
    const found = await outcomesOf(connection, 'control-logs', bottomK(k));
    console.log(printed('control: bottom_k on logs', found));
    expect(isUnbiased(found)).toBe(true);
  });
  test('arg_min with arbitrary ties fails', async () => {
    const found = await estimate(connection, kept(ranked('n', k), `coalesce((rank_k1 - 1) / ${whole}::DOUBLE, 1)`, `place <= ${k}`));
    console.log(printed('control: arg_min, ties arbitrary', found));
    expect(isUnbiased(found)).toBe(false);
  });
  test('the union of a walk and a split as of two known probabilities fails', async () => {
    const p = `1 / (1 - (1 - least(n_p, n_in) / n_in::DOUBLE) * (1 - q))`;
    const wrong = await outcomesOf(connection, 'control-logs', union(12), p);
    console.log(printed('control: union of a walk and a split', wrong));
    const right = await outcomesOf(connection, 'control-logs', union(12));
    console.log(printed('control: union', right));
    expect([isUnbiased(wrong), isUnbiased(right)]).toEqual([false, true]);
  });
});
