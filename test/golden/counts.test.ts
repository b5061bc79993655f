import { readFileSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from 'vitest';
import { sqlFunctionFiles } from '../../src/sampling/sql-functions.ts';
import { sampleOf } from './counts-sample.ts';
import { flatItems, loadStar, recipes } from './recipes.ts';
import { readTruth } from '../support/otlp-truth.ts';

/**
 * Scenario: recorded telemetry goes through a policy; the SQL of docs/counts.md, as it stands there, runs over what is kept and over all.
 * Guarantees: on all it gives what plain SQL gives; on the sample it gives that within the interval that it states itself.
 */

type Row = Readonly<Record<string, unknown>>;

const estimators = 'ht_total ht_variance_of ht_variance score_interval ht_interval effective_size_of effective_sample_size coverage_of coverage'.split(' ');
const documented = recipes().filter(({ engine }) => engine === 'duckdb');

async function database(): Promise<DuckDBConnection> {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  const files = new Map(sqlFunctionFiles().map(({ name, path }) => [name, path]));
  for (const name of estimators) await connection.run(readFileSync(files.get(name) ?? name, 'utf8'));
  return connection;
}

const opened: Partial<Record<string, DuckDBConnection>> = {};
const rowsOf = async (on: string, sql: string): Promise<readonly Row[]> => {
  const connection = opened[on];
  if (connection === undefined) throw new Error(`no ${on}`);
  return (await connection.runAndReadAll(sql)).getRowObjectsJS();
};
const recipe = (name: string): string => documented.find((one) => one.name === name)?.sql ?? name;

beforeAll(async () => {
  for (const signal of ['traces', 'logs'] as const) {
    for (const of of ['kept', 'all'] as const) {
      const connection = await database();
      const requests = of === 'kept' ? (await sampleOf(signal)).requests : readTruth(`${signal}_zstd`);
      await loadStar(connection, signal, flatItems(requests, of === 'all' ? 1 : null));
      if (signal === 'traces') await connection.run(recipe('view of spans'));
      opened[signal === 'traces' ? of : `${of} logs`] = connection;
    }
  }
});

/** By how much each estimate is off, in its own standard errors; a 95 % interval is 1.96 of them to either side. Estimates without error must be right. */
function deviations(kept: readonly Row[], all: readonly Row[]): number[] {
  expect(kept.length).toBe(all.length);
  return kept.map((row, index) => {
    const truth = all[index];
    const [name] = Object.entries(row).filter(([, value]) => typeof value === 'number').map(([key]) => key).filter((key) => !['standard_error', 'low', 'high', 'severity'].includes(key));
    const [estimate, actual] = [Number(row[name]), Number(truth[name])];
    const { low, high, standard_error: error } = row;
    const side = typeof low === 'number' ? (actual > estimate ? Number(high) - estimate : estimate - low) / 1.96 : Number(error);
    expect(Number.isFinite(actual)).toBe(true);
    if (side < 1e-9) expect(estimate).toBeCloseTo(actual, 6);
    return side < 1e-9 ? 0 : (estimate - actual) / side;
  });
}

describe('DuckDB', () => {
  test('every block of the document is run here', () => {
    expect(documented.map(({ name }) => name)).toEqual(['view of spans', 'totals', 'rate', 'error rate', 'mean', 'percentiles', 'percentile interval', 'traces', 'quality', 'logs']);
  });

  test.each(['totals', 'rate', 'error rate', 'mean', 'percentile interval', 'traces', 'logs'])('%s: the truth lies within the interval', async (name) => {
    const [on, whole] = name === 'logs' ? ['kept logs', 'all logs'] : ['kept', 'all'];
    const off = deviations(await rowsOf(on, recipe(name)), await rowsOf(whole, recipe(name)));
    console.log(`${name}: ${off.map((z) => z.toFixed(1)).join(' ')}`);
    expect(off.length).toBeGreaterThan(1);
    expect(off.filter((z) => Math.abs(z) <= 1.96).length).toBeGreaterThanOrEqual(Math.floor(off.length * 0.75));
    expect(Math.max(...off.map(Math.abs))).toBeLessThan(4);
    // Nor is the interval much too wide.
    expect(Math.sqrt(off.reduce((sum, z) => sum + z * z, 0) / off.length)).toBeGreaterThan(0.4);
  });

  const plain = {
    'totals': 'SELECT service_name, count(*)::DOUBLE AS spans FROM counted_spans GROUP BY 1 ORDER BY 1',
    'error rate': 'SELECT service_name, avg(failed::INTEGER) AS error_rate FROM counted_spans GROUP BY 1 ORDER BY 1',
    'mean': 'SELECT service_name, avg(duration_ms) AS mean_ms FROM counted_spans GROUP BY 1 ORDER BY 1',
    'percentiles': 'SELECT service_name, quantile_disc(duration_ms, 0.5) AS p50, quantile_disc(duration_ms, 0.95) AS p95 FROM counted_spans GROUP BY 1 ORDER BY 1',
    'traces': 'SELECT service_name, count(DISTINCT trace_id)::DOUBLE AS traces FROM counted_spans GROUP BY 1 ORDER BY 1',
  };

  test.each(Object.entries(plain))('%s of unsampled telemetry is what plain SQL says', async (name, sql) => {
    const [documented, expected] = [await rowsOf('all', recipe(name)), await rowsOf('all', sql)];
    for (const [index, row] of expected.entries()) {
      for (const [key, value] of Object.entries(row)) typeof value === 'number' ? expect(documented[index][key]).toBeCloseTo(value, 9) : expect(documented[index][key]).toBe(value);
    }
    expect(documented.length).toBe(expected.length);
  });

  test.each(['totals', 'error rate', 'traces'] as const)('plain SQL on the sample is far off: %s', async (name) => {
    const wrong = await rowsOf('kept', plain[name]);
    const [right, truth] = [await rowsOf('kept', recipe(name)), await rowsOf('all', recipe(name))];
    const off = deviations(right.map(({ low, high, standard_error: error }, index) => ({ ...wrong[index], standard_error: error ?? (Number(high) - Number(low)) / 3.92 })), truth);
    expect(off.filter((z) => Math.abs(z) > 4).length).toBeGreaterThanOrEqual(off.length / 2);
  });

  test('quality: what is there of all names, and how many traces the sample is worth', async () => {
    const [kept] = await rowsOf('kept', recipe('quality'));
    const [traces] = await rowsOf('kept', 'SELECT count(DISTINCT trace_id)::DOUBLE AS n FROM counted_spans');
    const [seen] = await rowsOf('all', 'SELECT count(*)::DOUBLE AS n, count(DISTINCT trace_id)::DOUBLE AS traces FROM counted_spans');
    expect(Number(kept['unknown'])).toBe(0);
    expect(Number(kept['covered'])).toBeGreaterThan(0.9);
    expect(Number(kept['effective_traces'])).toBeGreaterThan(20);
    expect(Number(kept['effective_traces'])).toBeLessThan(Number(traces['n']));
    expect(Number(traces['n'])).toBeLessThan(Number(seen['traces']) / 2);
  });
});
