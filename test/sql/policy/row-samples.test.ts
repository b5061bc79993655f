import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';

/**
 * Scenario: 600 log records of some 300 traces, in three services and one NULL, some that came sampled, and a trace of 40 records.
 * Guarantees: a row form names every row, keeps what its aggregate keeps, with the same N, and nothing else.
 */

let connection: DuckDBConnection;
let compiler: PolicyCompiler;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
  for (const { path } of sqlFunctionFiles()) await connection.run(readFileSync(path, 'utf8'));
  compiler = await PolicyCompiler.create(sqlFunctionFiles());
  await connection.run(`CREATE TABLE logs AS
    SELECT id, item_of(id) AS item, pow(2, 56) / input_probability_of(id) AS adjusted_count, 'x' AS body,
           [NULL, 'a', 'b', 'c'][(hash(i * 3) % 4 + 1)::INTEGER] AS service_name, (hash(i * 5) % 9)::INTEGER AS severity_number
    FROM (SELECT i, ((r << 64) + (CASE WHEN i % 3 = 0 AND r >= 54043195528445952 THEN 3623878656 ELSE 3758096384 END::UHUGEINT << 32) + i)::UHUGEINT AS id
          FROM (SELECT i::UHUGEINT AS i, if(i < 40, 99, hash(hash(i) % 300) >> 8)::UHUGEINT AS r FROM range(600) t(i)))`);
});
afterAll(() => {
  connection.closeSync();
  compiler.close();
});

const calls = [
  ['bottom_k', '(item, 20)'],
  ['bottom_k', "(item, 20, oversize := 'drop')"],
  ['weighted_reservoir_sample', '(item, adjusted_count * (1 + severity_number), 20)'],
  ['weighted_reservoir_sample_exp', '(item, adjusted_count * (1 + severity_number), 20)'],
  ['budget_sample', '(item, severity_number, 90)'],
  ['budget_sample', "(item, severity_number, 90, oversize := 'keep')"],
  ['weighted_budget_sample', '(item, adjusted_count * (1 + severity_number), severity_number, 90)'],
] as const;

type Row = readonly [id: string, n: bigint, split: boolean, isKept: boolean];

async function named(policySql: string): Promise<readonly Row[]> {
  const { wrappedSql } = await compiler.compile('p', policySql);
  const reader = await connection.runAndReadAll(`SELECT k::VARCHAR, n, split, pow(2, 56)::UBIGINT - randomness_of(k) <= n AS is_kept FROM (${wrappedSql}) ORDER BY ALL`);
  return reader.getRowsJS().map(([id, n, split, isKept]) => [String(id), BigInt(String(n)), split === true, isKept === true]);
}

const decided = (rows: readonly Row[]): readonly Row[] => rows.filter(([, , split, isKept]) => split || isKept);

describe.each(calls)('%s%s', (name, args) => {
  test.each(['service_name, severity_number % 2', ''])('in groups of (%s)', async (keys) => {
    const every = await named(`SELECT id, ${name}_p${args.replace(/(, oversize.*)?\)$/, `${keys === '' ? '' : `, ${keys}`}$1)`)} AS probability FROM logs`);
    const sample = await named(`SELECT unnest(${name}${args}, recursive := true) FROM logs${keys === '' ? '' : ` GROUP BY ${keys}`}`);
    expect(every).toHaveLength(600);
    expect(decided(every)).toEqual(decided(sample));
    expect(decided(sample).length).toBeGreaterThan(10);
  });
});

test('probabilities combine in SQL, beside other columns of the row', async () => {
  const rows = await named('SELECT *, greatest(0.2, bottom_k_p(item, 15, service_name)) AS probability FROM logs l WHERE severity_number > 0');
  expect(rows.filter(([, n]) => n === BigInt(Math.floor(0.2 * 2 ** 56))).length).toBeGreaterThan(10);
  expect(rows.every(([, n]) => n >= BigInt(Math.floor(0.2 * 2 ** 56)))).toBe(true);
});

test.each([
  ['SELECT id, 0.5 FROM logs WHERE bottom_k_p(id, 3) > 0.5', /1:32: bottom_k_p\(\) stands outside of a SELECT list/],
  ['SELECT id, bottom_k_p(id) AS probability FROM logs', /needs 2 arguments/],
  ['SELECT any_value(id), max(bottom_k_p(id, 3)) AS probability FROM logs GROUP BY service_name', /stands beside no GROUP BY/],
  ['SELECT id, bottom_k_p(id, 3) AS probability FROM (SELECT id FROM logs LIMIT 9)', /LIMIT/],
  ["SELECT id, bottom_k_p(id, 3, oversize := 'x') AS probability FROM logs", /oversize must be 'split', 'keep' or 'drop', it is x/],
])('%s', async (sql, message) => {
  await expect(named(sql)).rejects.toThrow(message);
});
