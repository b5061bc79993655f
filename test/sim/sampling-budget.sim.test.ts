import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DuckDBConnection } from '@duckdb/node-api';
import {
  bottomK, budget, chance, estimate, exponential, type InputKind, makeArrived, makeOriginals, openEngine, outcomesOf, printed, type Sampler, weightedBudget, whole,
} from './sampling-windows.ts';

/**
 * Scenario: as sampling-functions.sim.test.ts, for exponential ranks and for budgets of bytes whose sizes follow the values.
 * Guarantees: means within their own intervals (|z| < 4), also after input that came sampled, record by record in other ways; and
 * shortcuts that are known to be wrong fail by it, where theory has a number with that number.
 */

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await openEngine();
});
afterAll(() => connection.closeSync());

const samplers: readonly (readonly [string, Sampler])[] = [['exponential', exponential], ['budget', budget], ['weighted budget', weightedBudget]];
const populations: readonly (readonly [name: string, kind: InputKind, unitsPerWindow: number, unitSize: string, k: number])[] = [
  ['traces', 'threshold', 40, '1', 20],
  ['traces', 'attribute', 40, '1', 20],
  ['logs', 'unsampled', 12, `ceil(6 * ${chance('size', 'small', 'w * 1000 + u')})::INTEGER`, 25],
  ['logs', 'mixed', 12, `ceil(6 * ${chance('size', 'small', 'w * 1000 + u')})::INTEGER`, 25],
];

describe.each(populations)('%s, input %s', (name, kind, unitsPerWindow, unitSize, k) => {
  const seed = `budget-${name}-${kind}`;
  beforeAll(async () => {
    await makeOriginals(connection, { seed, kind, unitsPerWindow, unitSize });
    await makeArrived(connection, seed);
  });
  test.each(samplers)('%s', async (sampler, sql) => {
    const found = await outcomesOf(connection, seed, sql(k));
    console.log(printed(`${name} ${kind} ${sampler}`, found));
    for (const { z, zArrived, resolution } of [found.count, found.sum]) {
      expect(Math.abs(z)).toBeLessThan(4);
      expect(Math.abs(zArrived)).toBeLessThan(4);
      expect(resolution).toBeLessThan(0.04);
    }
  });
});

describe('one trace of 50 records among 50 of one', () => {
  const seed = 'budget-one-large';
  beforeAll(async () => {
    await makeOriginals(connection, { seed, kind: 'unsampled', unitsPerWindow: 51, unitSize: 'CASE WHEN u = 0 THEN 50 ELSE 1 END' });
    await makeArrived(connection, seed);
  });
  test.each([['split', 20, 10], ['whole or not', 60, 0]])('%s at k = %d', async (_, k, splitKept) => {
    for (const sampler of [bottomK, exponential]) {
      const found = await outcomesOf(connection, seed, sampler(k));
      console.log(printed(`one large, k = ${k}`, found));
      expect(Math.max(Math.abs(found.count.z), Math.abs(found.sum.z))).toBeLessThan(4);
      expect(found.splitKept).toBeCloseTo(splitKept, 0);
    }
  });
});

describe('controls', () => {
  const k = 10;
  const room = k * 6;
  beforeAll(async () => {
    await makeOriginals(connection, { seed: 'budget-control', kind: 'unsampled', unitsPerWindow: 40, unitSize: '1' });
    await makeArrived(connection, 'budget-control');
  });
  const kept = (p: string, from: string, where: string): string => `SELECT w, value, false AS is_split, 1 / ${p} AS adjusted_count FROM (${from}) WHERE ${where}`;
  const used = `SELECT *, sum(ceil(value)) OVER (PARTITION BY w ORDER BY n) AS used FROM arrived`;
  const fails: readonly (readonly [string, string])[] = [
    ['last included as threshold', kept(`(n_last / ${whole}::DOUBLE)`,
      `SELECT *, max(n) FILTER (WHERE used <= ${room}) OVER (PARTITION BY w) AS n_last FROM (${used})`, 'n <= n_last')],
    ['overflowing item kept', kept(`(n_x / ${whole}::DOUBLE)`,
      `SELECT *, min(n) FILTER (WHERE used > ${room}) OVER (PARTITION BY w) AS n_x FROM (${used})`, 'n <= n_x')],
    ['skipping what overflows and going on', kept(`(n_x / ${whole}::DOUBLE)`,
      `SELECT *, min(n) FILTER (WHERE used > ${room}) OVER (PARTITION BY w) AS n_x,
              used <= ${room} OR ceil(value) <= ${room} - max(used) FILTER (WHERE used <= ${room}) OVER (PARTITION BY w) AS fits FROM (${used})`, 'fits')],
  ];
  test('the real functions pass', async () => {
    for (const sampler of [budget, weightedBudget, exponential]) {
      const found = await outcomesOf(connection, 'budget-control', sampler(k));
      console.log(printed('control', found));
      expect(Math.max(Math.abs(found.count.z), Math.abs(found.sum.z))).toBeLessThan(4);
    }
  });
  test.each(fails)('%s fails', async (name, sql) => {
    const found = await estimate(connection, sql);
    console.log(printed(`control: ${name}`, found));
    expect(Math.max(Math.abs(found.count.z), Math.abs(found.sum.z))).toBeGreaterThan(4);
  });
  test('exponential ranks with the probability of the other variant fail', async () => {
    const sql = `SELECT key, least(1, -ln(1 - p) * 1.0) FROM (SELECT struct_extract_at(s, 1) AS key, struct_extract_at(s, 2) AS p FROM (
      SELECT unnest(weighted_reservoir_sample_exp(sampling_item, adjusted_count * value, ${k})) AS s FROM arrived GROUP BY w))`;
    const found = await outcomesOf(connection, 'budget-control', sql);
    console.log(printed('control: exponential ranks, p = weight * tau', found));
    expect(Math.max(Math.abs(found.count.z), Math.abs(found.sum.z))).toBeGreaterThan(4);
  });
});
