import { readFileSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, expect, test } from 'vitest';
import { sqlFunctionFiles } from '../../src/sampling/sql-functions.ts';
import { flatItems, loadStar, recipes } from '../golden/recipes.ts';
import { readTruth } from '../support/otlp-truth.ts';

/**
 * Scenario: 120 samples of the recorded traces, each trace by a draw of its own: failed ones all, a quarter of the rest.
 * Guarantees: the 95 % intervals of docs/counts.md hold in about 95 of 100 cases; taken as if spans were independent they do not.
 */

const samples = 120;
let connection: DuckDBConnection;

const sqlOf = (name: string): string => recipes().find((recipe) => recipe.engine === 'duckdb' && recipe.name === name)?.sql ?? '';
const rows = async (sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> => (await connection.runAndReadAll(sql)).getRowObjectsJS();

beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  for (const { path } of sqlFunctionFiles()) await connection.run(readFileSync(path, 'utf8'));
  await loadStar(connection, 'traces', flatItems(readTruth('traces_zstd'), 1));
  await connection.run(sqlOf('view of spans'));
  await connection.run('CREATE TABLE everything AS SELECT *, CASE WHEN bool_or(failed) OVER (PARTITION BY trace_id) THEN 1 ELSE 0.25 END AS p FROM counted_spans');
  await connection.run('DROP VIEW counted_spans; CREATE TABLE counted_spans AS FROM everything');
});

/** How often the truth lies within the interval, over samples and services. */
async function coverage(sql: string, estimate: string): Promise<number> {
  await connection.run('CREATE OR REPLACE TABLE counted_spans AS FROM everything');
  const truth = await rows(sql);
  let [covered, all] = [0, 0];
  for (let sample = 0; sample < samples; sample++) {
    await connection.run(`CREATE OR REPLACE TABLE counted_spans AS SELECT * REPLACE (1 / p AS adjusted_count) FROM everything WHERE hash(trace_id || ' ${sample}') / 18446744073709551616.0 < p`);
    for (const [index, row] of (await rows(sql)).entries()) {
      const { low, high, standard_error: error } = row;
      const [actual, found] = [Number(truth[index][estimate]), Number(row[estimate])];
      covered += (typeof low === 'number' ? low <= actual && actual <= Number(high) : Math.abs(found - actual) <= 1.96 * Number(error)) ? 1 : 0;
      all++;
    }
  }
  console.log(`${estimate}: ${(covered / all * 100).toFixed(1)} % of ${all}`);
  return covered / all;
}

// Durations have a heavy tail: the mean of a hundred traces is not yet normal, as the document says.
test.each([['totals', 'spans', 0.935], ['mean', 'mean_ms', 0.87], ['percentile interval', 'p95', 0.93], ['traces', 'traces', 0.935]])('the interval of %s', async (name, estimate, least) => {
  const share = await coverage(sqlOf(name), estimate);
  expect(share).toBeGreaterThan(least);
  expect(share).toBeLessThan(0.97);
});

test('control: spans taken to be independent', async () => {
  expect(await coverage(sqlOf('totals').replace(', trace_id)', ', NULL::VARCHAR)'), 'spans')).toBeLessThan(0.85);
});
