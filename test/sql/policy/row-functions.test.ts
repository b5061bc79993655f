import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { thisWindowSql } from '../../../src/policy/this-window.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import { Database, type Session } from '../../../src/store/duckdb.ts';
import { readsText, refusalOf, tableReads, tableSql } from './support.ts';

/**
 * Scenario: policies that write row functions short, compiled against the real macros and run over made rows.
 * Guarantees: the short form means the item of the one view in sight and the window's length; where that is not clear the error
 * says what to write.
 */

let compiler: PolicyCompiler;
let database: Database;
let session: Session;
beforeAll(async () => {
  compiler = await PolicyCompiler.create(sqlFunctionFiles());
  database = await Database.open({ memoryLimitBytes: 512 * 2 ** 20, threads: 1 }, sqlFunctionFiles().map(({ path }) => readFileSync(path, 'utf8')));
  session = await database.connect();
});
afterAll(() => {
  compiler.close();
  session.close();
  database.close();
});

/** Runs a policy over `rows` rows of each view, in a window of ten seconds: N by key. */
async function named(text: string, rows = 7): Promise<ReadonlyMap<string, bigint>> {
  const policy = await compiler.compile('p', text);
  for (const table of tableReads(policy)) await session.run(`CREATE OR REPLACE TEMP VIEW ${table.name} AS ${tableSql(table, rows)}`);
  for (const { side } of policy.sides) await session.run(`CREATE OR REPLACE TEMP VIEW ${side} AS ${thisWindowSql({ startNano: 30_000_000_000n, endNano: 40_000_000_000n })}`);
  const reader = await session.api.runAndReadAll(policy.wrappedSql);
  return new Map(reader.getRowsJS().map(([key, n]) => [String(key), BigInt(String(n))]));
}

async function same(short: string, full: string, rows = 7): Promise<void> {
  const expected = await named(full, rows);
  expect(expected.size).toBeGreaterThan(0);
  expect(await named(short, rows)).toEqual(expected);
}

const seconds = '(SELECT seconds FROM this_window)';

describe('short forms', () => {
  test.each([
    ['one view', 'SELECT trace_id, proportional(0.5) AS probability FROM traces', 'SELECT trace_id, proportional(traces.item, 0.5) AS probability FROM traces'],
    ['an alias', 'SELECT trace_id, proportional(0.5) AS probability FROM traces t', 'SELECT trace_id, 0.5 AS probability FROM traces'],
    ['a join with a view that has none', 'SELECT s.trace_id, proportional(0.25) AS probability FROM spans s JOIN span_events e ON true', 'SELECT trace_id, 0.25 AS probability FROM spans'],
    ['a CTE that passes item on', "WITH slow AS (SELECT trace_id, item FROM traces) SELECT trace_id, proportional(0.1) AS probability FROM slow", 'SELECT trace_id, 0.1 AS probability FROM traces'],
    ['a subquery with a star', 'SELECT trace_id, proportional(0.1) AS probability FROM (SELECT * FROM traces)', 'SELECT trace_id, 0.1 AS probability FROM traces'],
    ['within an expression', 'SELECT trace_id, CASE WHEN has_error THEN 1.0 ELSE proportional(0.1) END AS probability FROM traces', 'SELECT trace_id, CASE WHEN has_error THEN 1.0 ELSE 0.1 END AS probability FROM traces'],
    ['logs', 'SELECT id, proportional(0.5) AS probability FROM logs', 'SELECT id, 0.5 AS probability FROM logs'],
    ['each branch of a union', 'SELECT trace_id, proportional(0.5) AS probability FROM traces UNION ALL SELECT trace_id, proportional(0.25) FROM spans', 'SELECT trace_id, 0.5 AS probability FROM traces UNION ALL SELECT trace_id, 0.25 FROM spans'],
    ['a rate: 0.3 a second for ten seconds, of seven', 'SELECT trace_id, rate_limit(0.3) AS probability FROM traces', `SELECT trace_id, rate_limit(item, 0.3, 1, ${seconds}) AS probability FROM traces`],
    ['a rate by key', 'SELECT trace_id, rate_limit(0.1, root_service) AS probability FROM traces', `SELECT trace_id, rate_limit(item, 0.1, root_service, ${seconds}) AS probability FROM traces`],
    ['a rate by hand', 'SELECT trace_id, rate_limit(0.3) AS probability FROM traces', 'SELECT trace_id, 3.0 / 7::DOUBLE AS probability FROM traces'],
  ])('%s', async (_, short, full) => same(short, full));

  test('the window\'s bounds', async () => {
    const reader = await session.api.runAndReadAll(thisWindowSql({ startNano: 7_500_000_000n, endNano: 10_000_000_000n }));
    expect(reader.getRowsJson()).toEqual([['1970-01-01 00:00:07.5', '1970-01-01 00:00:10', 2.5]]);
  });

  test('read what they mean', async () => {
    expect(readsText(await compiler.compile('p', 'SELECT trace_id, proportional(0.5) AS probability FROM traces'))).toEqual(['traces(trace_id, item)']);
    expect((await compiler.compile('p', 'SELECT id, rate_limit(5) AS probability FROM logs')).sides).toEqual([{ side: 'this_window', columns: ['seconds'] }]);
  });

  test('ask for no hash', async () => {
    expect((await compiler.compile('p', 'SELECT trace_id, proportional(0.5) AS probability FROM traces')).hasSplit).toBe(false);
    await expect(named('SELECT trace_id, -1 * proportional(0.5) AS probability FROM traces')).rejects.toThrow(/outside \[0, 1\]/);
  });
});

describe('unclear or wrong', () => {
  test.each([
    ['SELECT parent_id, proportional(0.5) AS probability FROM span_events', /reads no view that has an item; pass the column item on and write proportional\(item, f\)/],
    ['WITH t AS (SELECT trace_id FROM traces) SELECT trace_id, proportional(0.5) AS probability FROM t', /reads no view that has an item/],
    ['SELECT a.trace_id, proportional(0.5) AS probability FROM traces a JOIN spans b USING (trace_id)', /several items, of a and b; say whose and write proportional\(item, f\)/],
    ['SELECT a.trace_id, rate_limit(5) AS probability FROM traces a JOIN spans b USING (trace_id)', /say whose and write rate_limit\(item, n, key/],
  ])('%s', async (text, message) => {
    const error = await refusalOf(compiler, text);
    expect(error.message).toMatch(message);
    expect(error.policyReason).toBe('binding');
  });
  test.each(["'nan'::DOUBLE", '1.5', '-0.1', 'NULL'])('proportional(%s)', async (f) => {
    await expect(named(`SELECT trace_id, proportional(${f}) AS probability FROM traces`)).rejects.toThrow(/a fraction must be from 0 to 1/);
  });
  test.each(["'nan'::DOUBLE", '-1', "'inf'::DOUBLE", 'NULL'])('rate_limit(%s)', async (rate) => {
    await expect(named(`SELECT trace_id, rate_limit(${rate}) AS probability FROM traces`)).rejects.toThrow(/a rate must be a number from 0/);
  });
});

describe('aggregates', () => {
  test('compile and run as policies', async () => {
    expect((await named('SELECT unnest(stratified_sample(item, services, 2), recursive := true) FROM traces')).size).toBeGreaterThan(2);
    expect((await named('SELECT unnest(rare_floor(item, 2, 0.1), recursive := true) FROM traces GROUP BY root_service')).size).toBe(7);
    expect((await named(`WITH g AS (SELECT root_service, count(*) AS n, sqrt(avg(span_count * span_count)) AS spread FROM traces GROUP BY root_service),
      shares AS (SELECT unnest(neyman_allocation(root_service, n, spread, 5), recursive := true) FROM g)
      SELECT unnest(bottom_k(item, k), recursive := true) FROM traces JOIN shares ON key = root_service GROUP BY root_service, k`)).size).toBeGreaterThan(0);
  });
  test('estimators may be read', async () => {
    const text = 'SELECT trace_id, 1.0 AS probability FROM traces WHERE (SELECT coverage(root_name, adjusted_count) FROM traces) > 0.1';
    expect(readsText(await compiler.compile('p', text))).toEqual(['traces(trace_id, root_name, adjusted_count)']);
    expect((await named(text)).size).toBe(7);
  });
});
