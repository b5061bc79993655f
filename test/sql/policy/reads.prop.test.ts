/**
 * Strategy: random policies over traces and spans (columns and keys in filters, CTEs that pass on more than is used, joins, EXISTS,
 * windows, unions), compiled, and run over views made of what the compiler says they read.
 * Invariants: with everything there is in the views the result is the same as with just what is read (what is not listed does
 * not matter); without any one thing that is listed the SQL does not even bind (what is listed is needed).
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CompiledPolicy, KeyRead } from '../../../src/policy/compile/compiled.ts';
import type { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import type { Database, Session } from '../../../src/store/duckdb.ts';
import { columnsOfTable, createViews, openCompiler, openEngine, sortedRows, tableReads, tableSql } from './support.ts';

const rows = 40;

const spanCondition = (alias: string): fc.Arbitrary<string> => fc.oneof(
  fc.constantFrom('v1', 'v2', 'v3').map((value) => `${alias}name = '${value}'`),
  fc.constantFrom('kind', 'status_code', 'duration_time_unix_nano', 'flags').map((column) => `${alias}${column} > 3`),
  fc.constantFrom('is_root', 'has_error').map((column) => `${alias}${column}`),
  fc.constantFrom('service_name', 'scope_name', 'status_message').map((column) => `${alias}${column} <> 'v4'`),
  fc.constantFrom('http.route', 'Http.Route', 'user.id').map((key) => `${alias}attributes['${key}'] = 'v5'`),
  fc.constantFrom('http.response.status_code', 'server.port').map((key) => `${alias}attributes['${key}'] BETWEEN 2 AND 7`),
  fc.constantFrom('service.name', 'host.name').map((key) => `coalesce(${alias}resource['${key}'], 'none') <> 'v6'`),
);

const conditions = (alias = ''): fc.Arbitrary<string> =>
  fc.array(spanCondition(alias), { minLength: 1, maxLength: 3 }).chain((parts) => fc.constantFrom(parts.join(' AND '), parts.join(' OR ')));

const select: fc.Arbitrary<string> = fc.oneof(
  conditions().map((where) => `SELECT trace_id, 0.5 AS probability FROM spans WHERE ${where}`),
  fc.tuple(conditions(), conditions()).map(([inner, outer]) =>
    `SELECT trace_id, 0.25 AS probability FROM (SELECT * FROM spans WHERE ${inner}) WHERE ${outer}`),
  fc.tuple(conditions(), fc.constantFrom('name, kind', 'start_time', 'trace_state, flags')).map(([where, vain]) =>
    `SELECT trace_id, 0.75 AS probability FROM (SELECT trace_id, ${vain} FROM spans WHERE ${where})`),
  conditions('s.').map((where) =>
    `SELECT t.trace_id, 1.0 AS probability FROM traces t WHERE t.span_count > 2 AND EXISTS (FROM spans s WHERE s.trace_id = t.trace_id AND (${where}))`),
  conditions().map((where) =>
    `SELECT trace_id, least(1.0, sum(kind) / 100.0) AS probability FROM spans WHERE ${where} GROUP BY trace_id HAVING count(*) FILTER (WHERE has_error) > 0`),
  conditions().map((where) =>
    `SELECT trace_id, 0.1 AS probability FROM spans WHERE ${where} QUALIFY row_number() OVER (PARTITION BY service_name ORDER BY duration, id) <= 2`),
  fc.constantFrom('x', 'y').map((key) => `SELECT s.trace_id, 0.3 AS probability FROM spans s JOIN span_attrs a ON a.parent_id = s.id AND a.key = '${key}' WHERE a.int > 3 OR a.str = 'v2'`),
);

const policies = fc.oneof(select, fc.tuple(select, select).map(([a, b]) => `${a} UNION ALL ${b}`));

let compiler: PolicyCompiler;
let engine: Database;
let session: Session;

beforeAll(async () => {
  compiler = await openCompiler();
  engine = await openEngine();
  session = await engine.connect();
});

afterAll(() => {
  session.close();
  compiler.close();
  engine.close();
});

/** Every column of every table, and every key of the policy in every view that has the bag. */
async function createWideViews(policy: CompiledPolicy): Promise<void> {
  const keys = policy.views.flatMap((view) => view.keys);
  const unique = keys.filter((key, index) => keys.findIndex(({ field }) => field === key.field) === index);
  for (const { name } of tableReads(policy)) {
    const columns = columnsOfTable(name);
    const wide = { name, columns, keys: unique.filter(({ source }) => columns.includes(source)) };
    await session.run(`CREATE OR REPLACE TEMP VIEW ${name} AS ${tableSql(wide, rows)}`);
  }
}

test('what is not listed does not matter', async () => {
  let named = 0;
  await fc.assert(fc.asyncProperty(policies, async (text) => {
    const policy = await compiler.compile('p', text);
    await createWideViews(policy);
    const expected = await sortedRows(session, policy.wrappedSql);
    await createViews(session, policy, rows);
    expect(await sortedRows(session, policy.wrappedSql)).toEqual(expected);
    named += expected.length;
  }), { numRuns: 120, seed: 11 });
  expect(named).toBeGreaterThan(100);
});

test('what is listed is needed', async () => {
  await fc.assert(fc.asyncProperty(policies, async (text) => {
    const policy = await compiler.compile('p', text);
    await createViews(session, policy, rows);
    for (const table of tableReads(policy)) {
      if (table.columns.length + table.keys.length < 2) continue;
      const less = [
        ...table.columns.map((column) => ({ ...table, columns: table.columns.filter((other) => other !== column) })),
        ...table.keys.map((key: KeyRead) => ({ ...table, keys: table.keys.filter((other) => other !== key) })),
      ];
      for (const reads of less) {
        await session.run(`CREATE OR REPLACE TEMP VIEW ${table.name} AS ${tableSql(reads, rows)}`);
        await expect(session.run(`EXPLAIN ${policy.wrappedSql}`)).rejects.toThrow();
      }
      await session.run(`CREATE OR REPLACE TEMP VIEW ${table.name} AS ${tableSql(table, rows)}`);
    }
  }), { numRuns: 40, seed: 12 });
});
