import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import { mulberry } from '../../support/mulberry.ts';

/**
 * Strategy: conditions are put together at random of parts that can and cannot turn back, and traces of random spans grow one span at a time in plain DuckDB, whose view
 * `traces` is written here by what docs/policies.md says of its columns.
 * Invariant: what the compiler calls certain never leaves a trace that it has named. Control: among what it does not call certain are conditions that do, and the random
 * traces tell them apart.
 */
const seed = Number(process.env['SEED'] ?? 7);
const policyCount = 120;

let compiler: PolicyCompiler;
let db: DuckDBConnection;
beforeAll(async () => {
  compiler = await PolicyCompiler.create(sqlFunctionFiles());
  db = await (await DuckDBInstance.create(':memory:')).connect();
  await db.run('CREATE TABLE all_spans (step INTEGER, trace_id UUID, id UHUGEINT, name VARCHAR, kind INTEGER, service_name VARCHAR, status_code INTEGER, start_ns BIGINT, duration_ns BIGINT, is_root BOOLEAN)');
});
afterAll(() => {
  compiler.close();
  db.closeSync();
});

const traceParts = [
  'has_error', 'has_root', 'has_error = true', 'error_count > 1', 'error_count >= 1', '3 < span_count', 'span_count > 2', 'duration > INTERVAL 30 SECONDS', 'epoch(duration) * 2 - 3 > 40',
  'duration_time_unix_nano / 1000000 > 20000', "list_contains(services, 'b')", 'service_count > 1', "start_time < TIMESTAMP '2026-01-01 00:00:20'", "end_time > TIMESTAMP '2026-01-01 00:01:00'",
  'trace_id IN (SELECT trace_id FROM spans WHERE kind = 3)', "EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = traces.trace_id AND s.name = 'x')",
  'trace_id IN (SELECT trace_id FROM spans GROUP BY trace_id HAVING count(*) > 2)',
  // From here on: what can turn back.
  'NOT has_error', 'span_count < 3', 'error_count = 1', "root_name = 'x'", 'duration < INTERVAL 40 SECONDS', 'trace_id NOT IN (SELECT trace_id FROM spans WHERE kind = 3)', 'error_count / span_count > 0.4',
  'span_count - error_count < 2', "services = ['a']", 'root_status_code = 2', '-span_count > -3', 'start_time > TIMESTAMP \'2026-01-01 00:00:20\'',
  'NOT EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = traces.trace_id AND s.kind = 3)', 'EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = traces.trace_id AND span_count < 3)',
  'span_count > 5 - error_count', 'span_count % 2 = 1', 'CASE WHEN has_error THEN span_count < 3 ELSE has_root END',
];
const havingParts = [
  'count(*) > 2', 'bool_or(status_code = 2)', 'max(duration) > INTERVAL 10 SECONDS', "min(start_time) < TIMESTAMP '2026-01-01 00:00:20'", 'count(*) FILTER (kind = 3) > 0', 'count(DISTINCT service_name) >= 2',
  'sum(1) < 3', 'bool_and(status_code = 2)', 'min(duration) > INTERVAL 5 SECONDS', 'avg(kind) > 2', 'count(*) < 3', "any_value(name) = 'x'", 'NOT bool_or(kind = 3)',
];
const rowParts = ['status_code = 2', "name = 'x'", 'NOT is_root', 'kind <> 3', "service_name LIKE 'a%'", 'duration < INTERVAL 20 SECONDS'];

function condition(chance: () => number, parts: readonly string[], depth = 2): string {
  const pick = parts[Math.floor(chance() * parts.length)];
  if (depth === 0 || chance() < 0.4) return pick;
  return `(${condition(chance, parts, depth - 1)} ${chance() < 0.5 ? 'AND' : 'OR'} ${condition(chance, parts, depth - 1)})`;
}

function policyOf(chance: () => number): string {
  const kind = chance();
  if (kind < 0.2) {
    const [first, second] = [condition(chance, traceParts, 1), condition(chance, traceParts, 1)];
    const where = chance() < 0.5 ? '' : ` WHERE ${condition(chance, traceParts, 1)}`;
    return `SELECT trace_id, CASE WHEN ${first} THEN 1.0 WHEN ${second} THEN ${chance() < 0.5 ? '1.0' : '0.5'} ELSE 0.1 END AS probability FROM traces${where}`;
  }
  if (kind < 0.65) return `SELECT trace_id, 1.0 AS probability FROM traces WHERE ${condition(chance, traceParts)}`;
  if (kind < 0.75) return `SELECT trace_id, 1 AS probability FROM spans WHERE ${condition(chance, rowParts)}`;
  const where = chance() < 0.5 ? '' : `WHERE ${condition(chance, rowParts)}`;
  return `SELECT trace_id, 1.0 AS probability FROM spans ${where} GROUP BY trace_id HAVING ${condition(chance, havingParts)}`;
}

const stepCount = 8;

/** Traces of random spans, one a step. */
async function fill(chance: () => number): Promise<void> {
  const of = (...values: readonly string[]): string => values[Math.floor(chance() * values.length)];
  const rows = Array.from({ length: 60 * stepCount }, (_, i) => {
    const [trace, step] = [Math.floor(i / stepCount), i % stepCount];
    return `(${step}, '00000000-0000-0000-0000-${String(trace).padStart(12, '0')}', ${i}, '${of('x', 'y')}', ${of('1', '2', '3', '1', '2')}, '${of('a', 'b', 'a')}', ${of('0', '0', '0', '2')}, ${1_767_225_600_000_000_000n + BigInt(Math.floor(chance() * 60)) * 1_000_000_000n}, ${BigInt(Math.floor(chance() * 40)) * 1_000_000_000n}, ${of('true', 'false', 'false')})`;
  });
  await db.run(`INSERT INTO all_spans VALUES ${rows.join(', ')}`);
}

async function showSteps(upTo: number): Promise<void> {
  await db.run(`CREATE OR REPLACE TEMP VIEW spans AS SELECT trace_id, id, name, kind, service_name, status_code, is_root, status_code = 2 AS has_error,
    make_timestamp_ns(start_ns) AS start_time, to_microseconds(duration_ns // 1000) AS duration FROM all_spans WHERE step <= ${upTo}`);
  await db.run(`CREATE OR REPLACE TEMP VIEW traces AS SELECT trace_id, count(*) AS span_count, count(*) FILTER (status_code = 2) AS error_count, bool_or(status_code = 2) AS has_error, bool_or(is_root) AS has_root,
    count(DISTINCT service_name) AS service_count, list_sort(list(DISTINCT service_name)) AS services, make_timestamp_ns(min(start_ns)) AS start_time, make_timestamp_ns(max(start_ns + duration_ns)) AS end_time,
    to_microseconds((max(start_ns + duration_ns) - min(start_ns)) // 1000) AS duration, max(start_ns + duration_ns) - min(start_ns) AS duration_time_unix_nano,
    arg_min(name, start_ns) FILTER (is_root) AS root_name, arg_min(status_code, start_ns) FILTER (is_root) AS root_status_code FROM all_spans WHERE step <= ${upTo} GROUP BY trace_id`);
}

/** Whether a trace that was named is not named some spans later. */
async function turnsBack(sql: string): Promise<boolean> {
  let before = new Set<string>();
  for (let step = 0; step < stepCount; step++) {
    await showSteps(step);
    const named = new Set((await db.runAndReadAll(`SELECT DISTINCT k::VARCHAR FROM (${sql})`)).getRows().map(([k]) => String(k)));
    if ([...before].some((trace) => !named.has(trace))) return true;
    before = named;
  }
  return false;
}

describe('what a policy names for good', () => {
  test(`never turns back (seed ${seed})`, { timeout: 60_000 }, async () => {
    const chance = mulberry(seed);
    await fill(chance);
    let [certain, others, turning] = [0, 0, 0];
    for (let i = 0; i < policyCount; i++) {
      const text = policyOf(chance);
      const policy = await compiler.compile('p', text);
      const turned = await turnsBack(`SELECT k FROM (${policy.wrappedSql}) WHERE n = 72057594037927936`);
      if (policy.certain === undefined) {
        others++;
        turning += Number(turned);
      } else {
        certain++;
        expect([text, turned]).toEqual([text, false]);
        expect([text, await turnsBack(policy.certain.wrappedSql)]).toEqual([text, false]);
      }
    }
    console.log(`${certain} certain; of ${others} others ${turning} turn back`);
    expect(certain).toBeGreaterThan(20);
    expect(turning).toBeGreaterThan(others / 2);
  });

  test.each([
    "SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error OR duration > INTERVAL 2 SECONDS UNION ALL SELECT unnest(bottom_k(item, 5), recursive := true) FROM traces",
    "SELECT trace_id, 1.0 AS probability FROM traces WHERE end_time > TIMESTAMP '2026-01-01' + INTERVAL 1 DAY",
    'SELECT trace_id, 1.0 AS probability FROM traces', 'SELECT trace_id, 1::DOUBLE AS probability FROM spans WHERE has_error', 'SELECT id, 1 AS probability FROM spans WHERE has_error',
    'SELECT trace_id, CASE WHEN has_error THEN 1.0 WHEN span_count > 3 THEN 1 WHEN has_root THEN 0.5 ELSE 0.1 END AS probability FROM traces WHERE duration > INTERVAL 1 SECOND AND span_count > 1',
    "SELECT trace_id, CASE WHEN attributes['k'] = 'v' OR has_error THEN 1 ELSE 0.1 END AS probability FROM spans WHERE kind = 2 OR kind = 3",
    "SELECT trace_id, 1e0 AS probability FROM spans WHERE attributes['k'] = 'v'", "SELECT e.trace_id, 1.0 AS probability FROM span_events e WHERE e.name = 'exception'",
  ])('%s: is seen', async (text) => {
    const { certain } = await compiler.compile('p', text);
    expect(certain?.wrappedSql).toContain('SELECT');
    expect(certain?.sql).not.toContain('bottom_k');
  });

  test.each([
    'SELECT trace_id, 0.5 AS probability FROM traces WHERE has_error', 'SELECT trace_id, CASE WHEN has_root THEN 0.5 WHEN has_error THEN 1.0 ELSE 0.1 END AS probability FROM traces',
    'SELECT trace_id, CASE WHEN has_error THEN 0.1 ELSE 1.0 END AS probability FROM traces', 'SELECT trace_id, 10.0 / 10 AS probability FROM traces', 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error LIMIT 3',
    '-- mode: drop\nSELECT trace_id FROM traces WHERE has_error', '-- mode: shadow\nSELECT trace_id, 1.0 AS probability FROM traces WHERE has_error', "SELECT trace_id, 1.0 AS probability FROM traces WHERE attributes['k'] = 'v'",
    'WITH few AS (SELECT * FROM spans LIMIT 3) SELECT trace_id, 1.0 AS probability FROM few', 'SELECT trace_id, 1.0 AS probability FROM traces JOIN (SELECT 1 AS one) ON true WHERE has_error',
    'SELECT trace_id, 1.0 AS probability FROM spans QUALIFY row_number() OVER (PARTITION BY trace_id ORDER BY name) = 2', "SELECT id, 1.0 AS probability FROM logs WHERE severity_number >= 17",
    '(SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error) EXCEPT (SELECT trace_id, 1.0 FROM traces WHERE span_count > 3)',
    'SELECT trace_id, 1.0 AS probability FROM spans WHERE randomness_of(item) > 5 GROUP BY trace_id',
    ...['sum(1) < 5', 'len(list(1)) < 3', 'min(kind, 2) < [1, 3]'].map((having) => `SELECT trace_id, 1.0 AS probability FROM spans GROUP BY trace_id HAVING ${having}`),
  ])('%s: is not', async (text) => {
    expect((await compiler.compile('p', text)).certain).toBeUndefined();
  });
});
