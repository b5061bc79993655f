import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { samplingFunctions } from '../../../src/policy/compile/allowed-functions.ts';
import { namesOnlySampleOf } from '../../../src/policy/compile/names-only-sample.ts';
import type { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { openPolicies } from '../../../src/policies.ts';
import { openCompiler, refusalOf } from './support.ts';

let compiler: PolicyCompiler;
beforeAll(async () => {
  compiler = await openCompiler();
});
afterAll(() => compiler.close());

const drop = (sql: string): string => `-- mode: drop\n${sql}`;

describe('a drop policy may say what it drops by what items hold', () => {
  test.each([
    "SELECT trace_id FROM traces WHERE root_name = '/health'",
    "SELECT trace_id, 0.1 AS probability FROM traces WHERE root_service = 'chatty'",
    "SELECT trace_id, 0.1 FROM traces WHERE root_service = 'chatty'",
    'SELECT trace_id FROM spans GROUP BY trace_id HAVING count(*) > 1000',
    'WITH large AS (SELECT trace_id AS t, count(*) AS c FROM spans GROUP BY 1) SELECT t AS trace_id FROM large WHERE c > 10 AND t IN (SELECT trace_id FROM traces WHERE NOT has_error)',
    "SELECT s.trace_id FROM spans s JOIN span_attrs a ON a.parent_id = s.id AND a.key = 'user' WHERE a.str = 'probe'",
    "SELECT id FROM spans WHERE name = 'poll'",
    'SELECT trace_id FROM traces t WHERE EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = t.trace_id AND s.name = \'poll\')',
    'SELECT trace_id FROM (SELECT trace_id, count(*) OVER (PARTITION BY root_name) AS c FROM traces) WHERE c > 100000',
    'SELECT trace_id FROM traces WHERE adjusted_count > 3',
    'SELECT id FROM logs WHERE severity_number < 5 AND trace_id IS NULL',
    "SELECT parent_id FROM log_attrs WHERE key = 'noise' AND bool",
  ])('%s', async (sql) => {
    const { mode, warnings } = await compiler.compile('p', drop(sql));
    expect([mode, warnings]).toEqual(['drop', []]);
  });
});

describe('a drop policy may not read chance', () => {
  test.each([
    ['SELECT trace_id FROM traces WHERE randomness < 5', '2:35: a drop policy reads randomness'],
    ['SELECT trace_id FROM traces WHERE item.r < 5', 'a drop policy reads'],
    ["SELECT trace_id FROM traces WHERE trace_id::VARCHAR LIKE '0%'", '2:35: a drop policy reads the bits of trace_id'],
    ["SELECT trace_id FROM traces WHERE hex(trace_id) < '8'", 'the bits of trace_id'],
    ["SELECT trace_id FROM traces WHERE trace_id = '00000000000000000000000000000001'", 'the bits of trace_id'],
    ["SELECT t AS trace_id FROM (SELECT trace_id AS t FROM traces) WHERE t < '80000000-0000-0000-0000-000000000000'", 'the bits of t'],
    ['SELECT id FROM logs WHERE id % 2 = 0', 'the bits of id'],
    ['SELECT id FROM logs l WHERE (l.id >> 64) > 1000', 'the bits of id'],
    ['SELECT parent_id FROM log_attrs WHERE parent_id::VARCHAR > \'5\'', 'the bits of parent_id'],
    ["SELECT trace_id FROM spans WHERE trace_state LIKE '%rv:%'", 'reads trace_state'],
    ["SELECT trace_id FROM spans WHERE attributes['sampling.randomness'] > 'a'", "reads attributes['sampling.randomness']"],
    ["SELECT trace_id FROM traces t WHERE t::VARCHAR LIKE '%a%'", 'a drop policy reads item of traces'],
    ['SELECT trace_id FROM traces ORDER BY trace_id DESC', 'the bits of trace_id'],
    ['SELECT trace_id FROM traces ORDER BY 1 LIMIT 5', 'has a LIMIT'],
    ['SELECT max(trace_id) AS trace_id FROM traces', 'the bits of trace_id'],
    ['SELECT trace_id FROM (SELECT trace_id, row_number() OVER (ORDER BY trace_id) n FROM traces) WHERE n < 5', 'the bits of trace_id'],
    ['WITH a(t) AS (SELECT trace_id FROM traces) SELECT t AS trace_id FROM a', 'renames columns in a list'],
    ['SELECT a.t AS trace_id FROM (SELECT trace_id FROM traces) a(t)', 'renames columns in a list'],
    ['SELECT unnest(bottom_k(item, 5), recursive := true) FROM traces', 'a drop policy calls bottom_k'],
    ['SELECT l.id FROM logs l JOIN kept_traces USING (trace_id)', 'a drop policy reads kept_traces'],
    ['SELECT trace_id, 10 AS adjusted_count FROM traces', 'states its ceiling as probability'],
  ])('%s', async (sql, message) => {
    const { message: said } = await refusalOf(compiler, drop(sql));
    expect(said).toContain(message);
  });

  test('which an enforce policy may', async () => {
    expect((await compiler.compile('p', 'SELECT trace_id, 1.0 AS probability FROM traces WHERE randomness < 5')).mode).toBe('enforce');
  });
});

test('of several ceilings for one item the least holds; without a column it is 0', async () => {
  const wrapped = async (sql: string): Promise<string> => (await compiler.compile('p', sql)).wrappedSql;
  expect(await wrapped(drop('SELECT trace_id, 0.5 AS probability FROM spans'))).toContain('min(n) AS n');
  expect(await wrapped(drop('SELECT trace_id FROM traces'))).toContain('CAST(0 AS DOUBLE) AS p');
  expect(await wrapped('SELECT trace_id, 0.5 AS probability FROM spans')).toContain('max(n) AS n');
});

describe('whether a policy names only what is in its sample', () => {
  test.each([
    ['SELECT trace_id, 1.0 AS probability FROM traces', null],
    ['SELECT unnest(bottom_k(item, 5), recursive := true) FROM traces', 'bottom_k'],
    ['SELECT weighted_reservoir_sample(item, adjusted_count, 5) FROM traces GROUP BY root_service', 'weighted_reservoir_sample'],
  ])('%s', async (text, expected) => {
    const { policies: [policy] } = await openPolicies([{ name: 'p', text }]);
    expect(policy.namesOnlySampleOf).toBe(expected);
  });
});

test('every sampling function that has a form which names every row names only its sample, and that form does not', () => {
  const pairs = [...samplingFunctions].filter((name) => samplingFunctions.has(`${name}_every`));
  expect(pairs.length).toBeGreaterThan(4);
  const call = (name: string): string | null => namesOnlySampleOf({ class: 'FUNCTION', function_name: name }, samplingFunctions);
  expect(pairs.map((name) => [call(name), call(`${name}_every`)])).toEqual(pairs.map((name) => [name, null]));
  expect(['stratified_sample', 'rare_floor', 'proportional', 'rate_limit', 'item_of'].map(call)).toEqual(['stratified_sample', null, null, null, null]);
});

test('headers: a name that is nearly known is suggested, prose is none', async () => {
  const { warnings } = await compiler.compile('p', '-- Keep: everything, always\n-- mod: shadow\n-- description: keeps all\n-- so: it seems\nSELECT trace_id, 1.0 FROM traces');
  expect(warnings).toEqual(['line 2: the header mod is not known and has no effect; did you mean mode?', 'line 4: the header so is not known and has no effect']);
});
