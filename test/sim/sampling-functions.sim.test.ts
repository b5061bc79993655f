import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DuckDBConnection } from '@duckdb/node-api';
import {
  bottomK, chance, inputKinds, makeArrived, makeOriginals, openEngine, outcomesOf, printed, type Sampler, union, weighted,
} from './sampling-windows.ts';

/**
 * Scenario: 10,000 windows of traces (units of one) and of logs (units of 1 to 300 records that share their trace's R, with
 * values from 1 to 20), unsampled and sampled before, by threshold, by count only, and mixed record by record.
 * Guarantees: the mean of the estimated count and of an estimated attribute sum is within its own confidence interval of
 * the truth (|z| < 4), which is narrow enough to show a bias of 1 %; with units of up to 300 records, of which one of nearly k
 * is seldom taken and then counts for many, of 4 %.
 * Does not prove: the input rules' own draws (input-state tests), the engine's reading of what functions return.
 */

const populations = [
  { name: 'traces', unitsPerWindow: 40, unitSize: '1', k: 24, biasSeen: 0.01 },
  { name: 'logs', unitsPerWindow: 6, unitSize: `ceil(exp(ln(300) * pow(${chance('size', 'logs', 'w * 1000 + u')}, 4)))::INTEGER`, k: 70, biasSeen: 0.045 },
  { name: 'small log units', unitsPerWindow: 20, unitSize: `ceil(6 * ${chance('size', 'small', 'w * 1000 + u')})::INTEGER`, k: 45, biasSeen: 0.011 },
] as const;

const samplers: readonly (readonly [string, Sampler])[] = [['bottom_k', bottomK], ['weighted', weighted], ['union', union]];

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await openEngine();
});
afterAll(() => connection.closeSync());

describe.each(populations)('$name', ({ name, unitsPerWindow, unitSize, k, biasSeen }) => {
  describe.each(inputKinds)('input %s', (kind) => {
    const seed = `${name}-${kind}`;
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
        expect(resolution).toBeLessThan(biasSeen);
      }
    });
  });
});
