import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PolicyChecker } from '../../../src/policy/check/policy-checker.ts';
import { lintRules } from '../../../src/policy/compile/finding.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';

/** A policy and the findings that it must have, each `severity code line:column`, in order. */
type Case = readonly [text: string, ...findings: string[]];

function traces(condition: string): string {
  return `SELECT trace_id, 1.0 AS probability FROM traces WHERE ${condition}`;
}

function spans(condition: string): string {
  return `SELECT trace_id, 1.0 AS probability FROM spans WHERE ${condition}`;
}

function logs(condition: string): string {
  return `SELECT id, 1.0 AS probability FROM logs WHERE ${condition}`;
}

const never: readonly Case[] = [
  [spans('status_code = 7'), 'warning never_matches 1:54'],
  [spans('7 = status_code'), 'warning never_matches 1:54'],
  [spans('kind IN (6, 7, 8)'), 'warning never_matches 1:54'],
  [spans('status_code BETWEEN 3 AND 9'), 'warning never_matches 1:54'],
  [spans('duration < INTERVAL 0 SECONDS'), 'warning never_matches 1:54'],
  [spans("duration <= INTERVAL '-1 second'"), 'warning never_matches 1:54'],
  [spans('duration_time_unix_nano < 0'), 'warning never_matches 1:54'],
  [traces('span_count < 1'), 'warning never_matches 1:55'],
  [traces('adjusted_count < 1'), 'warning never_matches 1:55'],
  [logs('severity_number > 24'), 'warning never_matches 1:47'],
  [logs('severity_number >= 17 AND severity_number < 9'), 'warning never_matches 1:47'],
  [traces('false'), 'warning never_matches 1:55'],
  [traces('1 = 2'), 'warning never_matches 1:55'],
  [traces('has_error = true AND has_error = false'), 'warning never_matches 1:55'],
  [spans("name = 'x' AND kind = 1 AND name = 'y'"), 'warning never_matches 1:54'],
  [spans("kind = 1 AND (name = 'x' AND status_code = 1 AND status_code = 2)"), 'warning never_matches 1:83'],
  [spans("attributes['http.response.status_code'] >= 500 AND attributes['http.response.status_code'] < 400"), 'warning never_matches 1:54'],
  [spans("status_code = 5 OR name = 'x'"), 'warning never_matches 1:54'],
  [spans("name = 'x' AND (kind = 9 OR kind = 2)"), 'warning never_matches 1:70'],
  [traces('EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = traces.trace_id AND s.status_code = 9)'), 'warning never_matches 1:55'],
  [traces('trace_id IN (SELECT trace_id FROM spans WHERE kind = 77)'), 'warning never_matches 1:55', 'warning never_matches 1:101'],
  ['WITH x AS (SELECT * FROM spans WHERE status_code = 2) SELECT trace_id, 1.0 FROM x WHERE status_code = 1', 'warning never_matches 1:89'],
  ['SELECT trace_id, 1.0 FROM spans GROUP BY trace_id HAVING count(*) > 5 AND count(*) < 3', 'warning never_matches 1:58'],
  ['SELECT trace_id, CASE WHEN status_code = 7 THEN 1.0 ELSE 0.5 END AS probability FROM spans', 'warning never_matches 1:28'],
  [`SELECT trace_id, 1.0 FROM traces UNION ALL SELECT trace_id, 0.5 FROM traces WHERE root_kind = 9`, 'warning never_matches 1:83'],
];

const probabilities: readonly Case[] = [
  ['SELECT trace_id, 50 AS probability FROM traces', 'error probability_range 1:18'],
  ['SELECT trace_id, 1.5 FROM traces', 'error probability_range 1:18'],
  ['SELECT trace_id, -0.1 AS probability FROM traces', 'error probability_range 1:18'],
  ["SELECT trace_id, 'nan'::DOUBLE AS probability FROM traces", 'error probability_range 1:18'],
  ['SELECT trace_id, 0.1 * 100 AS probability FROM traces', 'error probability_range 1:18'],
  ['SELECT trace_id, CASE WHEN has_error THEN 1.0 ELSE 5 END AS probability FROM traces', 'error probability_range 1:52'],
  ['SELECT trace_id, CASE WHEN has_error THEN 1.0 END AS probability FROM traces', 'error probability_range 1:18'],
  ['SELECT trace_id, COALESCE(NULL, 2.0) AS probability FROM traces', 'error probability_range 1:33'],
  ['SELECT trace_id, greatest(1.1, span_count / 100) AS probability FROM traces', 'error probability_range 1:27'],
  ['SELECT trace_id, 1.0 AS probability FROM traces UNION ALL SELECT trace_id, 10 FROM traces WHERE has_error', 'error probability_range 1:76'],
  ['WITH x AS (SELECT trace_id, 7 AS p FROM traces) SELECT trace_id, p AS probability FROM x', 'error probability_range 1:66'],
  ['SELECT trace_id, 0.5 AS adjusted_count FROM traces', 'error probability_range 1:18'],
  ['SELECT trace_id, adjusted_count AS probability FROM traces', 'error count_as_probability 1:18'],
  ['SELECT trace_id, adjusted_count FROM traces', 'warning adjusted_count_returned 1:18'],
  ['SELECT trace_id, 0.0 FROM traces', 'warning probability_zero 1:18'],
  ['SELECT trace_id, 1 // 20 AS probability FROM traces', 'warning probability_zero 1:18'],
  ['-- mode: drop\nSELECT trace_id, 1.2 AS probability FROM traces WHERE has_error', 'error probability_range 2:18'],
];

const chance: readonly Case[] = [
  [traces('randomness > 100'), 'error reads_randomness 1:55'],
  [traces('item.r % 10 = 0'), 'error reads_randomness 1:55'],
  [traces("item['r'] < 9"), 'error reads_randomness 1:55'],
  ['SELECT trace_id, randomness / 1e17 AS probability FROM traces', 'error reads_randomness 1:18'],
  ['WITH x AS (SELECT trace_id, randomness AS q FROM traces) SELECT trace_id, 1.0 FROM x WHERE q < 5', 'error reads_randomness 1:92'],
  [logs("attributes['sampling.randomness'] > '8'"), 'error reads_randomness 1:47'],
  [traces("trace_id > '8'"), 'warning reads_id_bits 1:55'],
  [traces("right(hex(trace_id), 1) = '0'"), 'warning reads_id_bits 1:65'],
  [traces("trace_id::VARCHAR LIKE '0%'"), 'warning reads_id_bits 1:55'],
  [spans('id % 7 = 0'), 'warning reads_id_bits 1:54'],
  [spans('(id >> 64) > 5'), 'warning reads_id_bits 1:55'],
  ['SELECT min(id), 1.0 AS probability FROM logs GROUP BY body', 'warning reads_id_bits 1:12'],
  ['SELECT trace_id, 1.0 FROM traces QUALIFY rank() OVER (ORDER BY trace_id) < 5', 'warning reads_id_bits 1:64'],
  ['SELECT trace_id, 1.0 FROM traces ORDER BY trace_id LIMIT 5', 'warning reads_id_bits 1:43', 'note limit_ties 1:58'],
  [traces('trace_id NOT IN (SELECT (unnest(bottom_k(item, 10))).trace_id FROM traces)'), 'error own_outcome 1:55'],
  ['WITH k AS (SELECT unnest(bottom_k(item, 10), recursive := true) FROM traces) SELECT trace_id, 1.0 FROM traces WHERE trace_id IN (SELECT trace_id FROM k)',
    'error own_outcome 1:117'],
  ['SELECT t.trace_id, 1.0 FROM traces t JOIN (SELECT unnest(bottom_k(item, 9), recursive := true) FROM traces) k ON k.trace_id = t.trace_id',
    'warning own_outcome_join 1:51'],
  ['SELECT trace_id, 1.0 FROM traces EXCEPT SELECT (unnest(bottom_k(item, 9))).trace_id, 1.0 FROM traces', 'error own_outcome 1:49'],
];

const orders: readonly Case[] = [
  ['SELECT trace_id, 1.0 FROM traces LIMIT 5', 'warning limit_picks 1:40'],
  [traces('trace_id IN (SELECT trace_id FROM spans LIMIT 9)'), 'warning limit_picks 1:101'],
  ['SELECT trace_id, 1.0 FROM traces ORDER BY duration DESC LIMIT 5', 'note limit_ties 1:63'],
  ['SELECT any_value(trace_id), 1.0 FROM traces GROUP BY root_service', 'warning order_dependent 1:8'],
  ['SELECT trace_id, 1.0 FROM spans GROUP BY trace_id HAVING first(name) = \'x\'', 'warning order_dependent 1:58'],
  ["SELECT trace_id, 1.0 FROM spans GROUP BY trace_id HAVING string_agg(name, ',') LIKE '%a,b%'", 'warning order_dependent 1:58'],
  ["SELECT trace_id, 1.0 FROM spans GROUP BY trace_id HAVING list(name)[1] = 'a'", 'warning order_dependent 1:58'],
  ['SELECT DISTINCT ON (root_service) trace_id, 1.0 AS probability FROM traces', 'warning order_dependent 1:21'],
  ['SELECT trace_id, 0.1 FROM traces QUALIFY row_number() OVER (PARTITION BY root_service ORDER BY duration) <= 5', 'warning order_dependent 1:42'],
  ['SELECT trace_id, 0.1 FROM spans QUALIFY lag(name) OVER (PARTITION BY trace_id) = name', 'warning order_dependent 1:41'],
  ['SELECT arg_min(trace_id, duration), 1.0 FROM traces', 'note tie_dependent 1:8'],
];

const sizes: readonly Case[] = [
  ['SELECT unnest(bottom_k(item, 0), recursive := true) FROM traces', 'error sample_size 1:30'],
  ['SELECT unnest(bottom_k(item, 2.5), recursive := true) FROM traces GROUP BY root_service', 'error sample_size 1:30'],
  ['SELECT unnest(weighted_reservoir_sample(item, adjusted_count, 1000001), recursive := true) FROM traces', 'error sample_size 1:63'],
  ['SELECT unnest(budget_sample(item, span_count, 0), recursive := true) FROM traces', 'error sample_size 1:47'],
  ['SELECT unnest(budget_sample(item, span_count, 0.5), recursive := true) FROM traces', 'warning budget_below_item 1:47'],
  ['SELECT unnest(budget_sample(item, 1000, 500), recursive := true) FROM traces GROUP BY root_service', 'warning budget_below_item 1:41'],
];

const reads: readonly Case[] = [
  ["SELECT id, 1.0 FROM logs JOIN log_attrs a ON a.parent_id = id WHERE a.str = 'x'", 'warning all_keys 1:31'],
  ["SELECT l.id, 1.0 FROM logs l JOIN resource_attrs r ON r.parent_id = l.id AND r.key = 'service.name' WHERE r.str = 'x'", 'warning wrong_owner 1:55'],
  ['SELECT id, 1.0 FROM spans WHERE has_error', 'note span_names_trace 1:8'],
  ['SELECT s.name, s.id, 0.5 AS probability FROM spans s', 'note span_names_trace 1:16'],
  ["SELECT DISTINCT e.parent_id, 1.0 AS probability FROM span_events e WHERE e.name = 'exception'", 'note span_names_trace 1:17'],
  ['SELECT unnest(bottom_k(item, 10), recursive := true) FROM spans GROUP BY service_name', 'note span_names_trace 1:8'],
  ['SELECT trace_id, 1.0 FROM traces UNION ALL SELECT trace_id, 1.0 FROM spans WHERE id IN (SELECT parent_id FROM span_events)'],
  ['SELECT id, 1.0 FROM logs'],
  ['-- owner: me\nSELECT trace_id, 1.0 FROM traces', 'warning header 1:1'],
];

const refused: readonly Case[] = [
  [traces('random() < 0.1'), 'error not_allowed 1:55'],
  ['SELECT trace_id, 1.0 FROM traces USING SAMPLE 10%', 'error not_allowed 1:8'],
  ['SELECT trace_id, 1.0 FROM tracs', 'error unknown_name 1:27'],
  [traces('has_eror'), 'error unknown_name 1:55'],
  ['SELECT trace_id, 1.0 FROM', 'error syntax 1:26'],
];

/** What good policies do, near what the lints look for. */
const fine: readonly string[] = [
  traces("trace_id = '0123456789abcdef0123456789abcdef'"),
  traces("hex(trace_id) IN ('0123456789abcdef0123456789abcdef')"),
  traces('trace_id IN (SELECT trace_id FROM spans WHERE has_error)'),
  traces('duration > INTERVAL 2 SECONDS OR has_error'),
  traces('duration >= INTERVAL 0 SECONDS AND duration < INTERVAL 1 HOUR'),
  spans('status_code = 2 OR kind = 5 OR kind IS NULL'),
  spans("attributes['http.response.status_code'] BETWEEN 400 AND 599"),
  spans("attributes['x'] IS NULL AND attributes['y'] = 'z' AND name > 'zzzz' AND trace_state IS NULL"),
  logs('severity_number >= 17 AND trace_id IS NULL'),
  logs("time > TIMESTAMP '2024-01-01' AND length(body) > 100000"),
  'SELECT trace_id, 1.0 FROM spans GROUP BY trace_id HAVING count(*) > 100 AND sum(duration_time_unix_nano) > 5e9 AND max(kind) = 5',
  'SELECT trace_id, 1.0 FROM traces WHERE (SELECT count(*) FROM spans) > 1000000',
  'SELECT trace_id, CASE WHEN has_error THEN 1.0 WHEN root_status_code = 1 THEN 0.1 ELSE 0.5 END AS probability FROM traces',
  'SELECT trace_id, least(1.0, 100.0 / count(*) OVER (PARTITION BY root_service)) AS probability FROM traces',
  'SELECT trace_id, greatest(0.01, least(1, 10.0 / span_count)) AS probability FROM traces',
  'SELECT trace_id, 1 / 20 AS probability FROM traces',
  'SELECT trace_id, 20 AS adjusted_count FROM traces',
  'SELECT trace_id, 1 / adjusted_count AS probability FROM traces',
  "-- mode: drop\nSELECT trace_id, 0.0 AS probability FROM traces WHERE root_name = '/health'",
  'SELECT unnest(bottom_k(item, 10), recursive := true) FROM traces GROUP BY root_service',
  'SELECT unnest(weighted_reservoir_sample(item, span_count, 900000), recursive := true) FROM traces WHERE NOT has_error',
  'SELECT unnest(budget_sample(item, span_count, 5000), recursive := true) FROM traces',
  'SELECT trace_id, 1.0 FROM traces QUALIFY rank() OVER (PARTITION BY root_service ORDER BY duration DESC) <= 10',
  'SELECT trace_id, 1.0 FROM spans GROUP BY trace_id HAVING len(list(DISTINCT name)) > 3 AND list_contains(list(name), \'x\')',
  "SELECT trace_id, 1.0 FROM spans GROUP BY trace_id HAVING string_agg(name, ',' ORDER BY start_time) LIKE '%a,b%'",
  'SELECT s.trace_id, 1.0 FROM spans s JOIN span_events e ON e.parent_id = s.id AND e.trace_id = s.trace_id',
  'SELECT trace_id, COALESCE(CASE WHEN has_error THEN 1.0 END, NULL, 0.1) AS probability FROM traces',
];

let checker: PolicyChecker;

beforeAll(async () => {
  checker = await PolicyChecker.open(sqlFunctionFiles());
});

afterAll(() => {
  checker.close();
});

describe.each([
  ['never matches', never], ['probabilities', probabilities], ['chance', chance], ['order', orders], ['sizes', sizes], ['reads', reads], ['refused', refused],
] as const)('%s', (_, cases) => {
  test.each(cases.map(([text, ...findings]) => ({ text, findings })))('$text', async ({ text, findings }) => {
    const report = await checker.check('p', text);
    const found = report.findings.map(({ severity, code, position }) => `${severity} ${code} ${position === null ? '?' : `${position.line}:${position.column}`}`);
    expect(found).toEqual(findings);
    for (const { message, hint } of report.findings) expect(`${message}${hint ?? ''}`).toMatch(/\w/);
  });
});

test.each(fine)('nothing is said of %s', async (text) => {
  expect((await checker.check('p', text)).findings).toEqual([]);
});

test('what the lints say goes to the log as warnings, notes do not', async () => {
  const { policy } = await checker.check('p', 'SELECT trace_id, 1.0 FROM traces ORDER BY trace_id LIMIT 5');
  expect(policy?.warnings.length).toBe(1);
});

test('docs/policies.md lists every lint as it is declared', () => {
  const docs = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8');
  for (const [code, { severity, text }] of Object.entries(lintRules)) expect(docs).toContain(`| \`${code}\` | ${severity} | ${text} |`);
});
