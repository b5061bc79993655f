import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DuckDBConnection } from '@duckdb/node-api';
import { chance, drawn, openEngine, whole, windowCount } from './sampling-windows.ts';

/**
 * Scenario: one fixed population of 240 units, sampled anew in each of 10,000 windows: one row a unit, or one to three log records that
 * share a randomness, unsampled and sampled before at a half and a third.
 * Guarantees: the mean of ht_variance over the windows is the variance that the totals really have, within 5 %, and the 95 %
 * intervals cover the truth in 94 to 96 % of windows. Variances of records as if each were alone, and variances that leave out what
 * happened upstream, fail the same test.
 * Does not prove: intervals of few kept units.
 */

const units = 240;

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await openEngine();
  await connection.run(`CREATE TABLE population AS
    SELECT unit, record, unit * 8 + record AS item, 1 + unit % 3 AS size, exp(ln(20) * ${chance('estimators', 'value', 'unit * 8 + record')}) AS value,
           ${whole} // (1 + unit % 3) AS n_up
    FROM range(${units}) a(unit), range(3) b(record) WHERE record <= unit % 3`);
});
afterAll(() => connection.closeSync());

interface Scenario {
  readonly name: string;
  /** SQL condition on records of the population. */
  readonly records: string;
  readonly isSampledBefore: boolean;
  /** SELECT of key and p over `arrived`. */
  readonly named: string;
}

const reservoir = (call: string): string => `SELECT unnest(${call}, recursive := true) FROM arrived GROUP BY w`;

const scenarios: readonly Scenario[] = [
  { name: 'bottom_k of traces', records: 'record = 0', isSampledBefore: false, named: reservoir('bottom_k(sampling_item, 100)') },
  { name: 'priority sampling by size', records: 'record = 0', isSampledBefore: false, named: reservoir('weighted_reservoir_sample(sampling_item, adjusted_count * (1 + size), 120)') },
  { name: 'bottom_k of logs', records: 'true', isSampledBefore: false, named: reservoir('bottom_k(sampling_item, 220)') },
  { name: 'bottom_k after sampling', records: 'record = 0', isSampledBefore: true, named: reservoir('bottom_k(sampling_item, 80)') },
  { name: 'records of one trace at different probabilities', records: 'true', isSampledBefore: false, named: 'SELECT sampling_item."key", CASE record % 3 WHEN 0 THEN 0.6 WHEN 1 THEN 0.4 ELSE 0.25 END FROM arrived' },
];

async function sample({ name, records, isSampledBefore, named }: Scenario): Promise<void> {
  await connection.run(`CREATE OR REPLACE TABLE arrived AS
    SELECT w, unit, record, item, size, value, n, n_in, ${whole}::DOUBLE / n_in AS adjusted_count,
           {'key': ((${whole} - n)::UHUGEINT << 64) + (w * 2000 + item)::UHUGEINT, 'r': (${whole} - n)::UBIGINT, 'n_in': n_in::UBIGINT} AS sampling_item
    FROM (SELECT *, ${isSampledBefore ? 'n_up' : whole}::BIGINT AS n_in, ${drawn(name, 'trace', 'w * 1000 + unit')} AS n
          FROM range(${windowCount}) a(w), population WHERE ${records})
    WHERE n <= n_in`);
  await connection.run(`CREATE OR REPLACE TABLE kept AS
    WITH named AS (SELECT COLUMNS(*) FROM (${named}) t("key", p))
    SELECT w, unit, value, n_in, ${whole}::DOUBLE / least(n_in, floor(p * ${whole}::DOUBLE)::BIGINT) AS a
    FROM named JOIN arrived ON sampling_item."key" = named."key" WHERE n <= floor(p * ${whole}::DOUBLE)::BIGINT`);
}

interface Found {
  /** Mean of the estimated variance over the variance of the totals. */
  readonly ratio: number;
  /** Share of windows whose interval holds the truth. */
  readonly covered: number;
  readonly z: number;
}

async function estimates(records: string, arguments_: string): Promise<Found> {
  const reader = await connection.runAndReadAll(`
    WITH truth AS (SELECT sum(value) AS x FROM population WHERE ${records}),
         windows AS (SELECT w, ht_total(a, value) AS total, ht_variance(${arguments_}) AS variance FROM kept GROUP BY w),
         bounded AS (SELECT *, score_interval(total, variance, true) AS bounds FROM windows)
    SELECT avg(variance) / var_samp(total), avg((x BETWEEN bounds.low AND bounds.high)::INTEGER), (avg(total) - any_value(x)) / (stddev_samp(total) / sqrt(count(*)))
    FROM bounded, truth`);
  const [ratio, covered, z] = reader.getRowsJS()[0].map(Number);
  return { ratio, covered, z };
}

function print(name: string, { ratio, covered, z }: Found): void {
  console.log(`${name.padEnd(50)} variance ${ratio.toFixed(4)} of the true, covered ${(covered * 100).toFixed(2)} %, z ${z.toFixed(2)}`);
}

const holds = ({ ratio, covered }: Found): boolean => Math.abs(ratio - 1) < 0.05 && covered > 0.94 && covered < 0.96;

describe.each(scenarios)('$name', (scenario) => {
  beforeAll(() => sample(scenario));
  test('variance and interval', async () => {
    const found = await estimates(scenario.records, 'a, value, unit');
    print(scenario.name, found);
    expect(Math.abs(found.z)).toBeLessThan(4);
    expect(holds(found)).toBe(true);
  });
  test.runIf(scenario.records === 'true')('records as if each were alone fail', async () => {
    const found = await estimates(scenario.records, 'a, value, NULL');
    print(`control: ${scenario.name}, no units`, found);
    expect(holds(found)).toBe(false);
  });
  test.runIf(scenario.isSampledBefore)('leaving out what happened upstream fails', async () => {
    const found = await estimates(scenario.records, `a * n_in / ${whole}, value * ${whole} / n_in::DOUBLE, unit`);
    print(`control: ${scenario.name}, upstream left out`, found);
    expect(holds(found)).toBe(false);
  });
});
