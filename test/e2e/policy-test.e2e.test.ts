import { describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { folderOf, thresher } from '../unit/authoring/support.ts';

const failing = `
cases:
  - name: half of them
    given: { traces: [{ name: a, repeat: 400 }, { name: b, spans: [{ service: web }, { service: db }] }] }
    expect:
      kept: [b]
      items: { a: { kept: { is: 200, within: 50 }, adjusted_count: 2, probability: 0.5, estimate: { is: 400, within: 100 } } }
  - name: what is not so
    given: { traces: [{ name: a, repeat: 10 }] }
    expect: { kept: [a], items: { a: { adjusted_count: 3 } }, budget: { spans: 2 } }
`;

describe('thresher policy test', () => {
  test('the ready policies pass their test files', async () => {
    const { code, out, errors } = await thresher('.', 'policy', 'test', packageFile('sql/policies'), '--filter', 'kept');
    expect([code, errors]).toEqual([0, '']);
    expect(out).toMatch(/^\d+ passed$/m);
    const unbiased = await thresher('.', 'policy', 'test', packageFile('sql/policies/logs_warnings_and_tenth.sql'), '--filter', 'average');
    expect(unbiased.out).toMatch(/unbiased over 300 seeds: 3 estimates, worst z -?[0-4](\.\d+)? /);
  });

  test('what is not met is told with both sides; the other formats say the same', async () => {
    const folder = folderOf({ 'half.sql': 'SELECT trace_id, CASE WHEN span_count = 2 THEN 1.0 ELSE 0.5 END AS probability FROM traces', 'half.test.yaml': failing });
    const { code, out } = await thresher(folder, 'policy', 'test', 'half.sql');
    expect(code).toBe(1);
    expect(out.replace(/\([\d.]+ m?s\)/g, '(time)')).toMatch(/^half\.test\.yaml\n {2}ok {3}half of them {2}\(time\)\n {2}FAIL what is not so {2}\(time\)\n {7}kept a\n {9}- all 10 kept\n {9}\+ \d kept; dropped: number [\d, ]+(, \.\.\.)?\n {7}items\.a\.adjusted_count\n {9}- 3\n {9}\+ 2\n {7}budget\.spans\n {9}- at most 2\n {9}\+ \d in window 0\n1 failed, 1 passed\n$/);
    const json: unknown = JSON.parse((await thresher(folder, 'policy', 'test', folder, '--format', 'json')).out);
    expect(json).toMatchObject({ passed: 1, failed: 1, files: [{ cases: [{ failures: [] }, { failures: [{ path: 'kept a' }, { path: 'items.a.adjusted_count', expected: '3', got: '2' }, { path: 'budget.spans' }] }] }] });
    expect((await thresher(folder, 'policy', 'test', 'half.test.yaml', '--format', 'junit')).out).toContain('<testsuite name="half.test.yaml" tests="2" failures="1">');
    expect((await thresher(folder, 'policy', 'test', 'half.test.yaml', '--format', 'tap')).out).toMatch(/^TAP version 14\n1\.\.2\nok 1 - half\.test\.yaml: half of them\nnot ok 2 - /);
    expect((await thresher(folder, 'policy', 'test', 'half.test.yaml', '--filter', 'half of')).code).toBe(0);
    expect(await thresher(folder, 'policy', 'test', 'half.test.yaml', '--filter', 'nothing')).toMatchObject({ code: 1, errors: 'thresher: no case has "nothing" in its name\n' });
  });

  test('a policy that reads chance beside its threshold is found to be biased; rules and samples are not', async () => {
    const cases = (sql: string) => `
cases:
  - name: counts
    sql: ${JSON.stringify(sql)}
    given: { traces: [{ name: a, repeat: 60 }, { name: b, repeat: 30, tracestate: ot=th:8 }] }
    expect: { unbiased: { seeds: 40, by: name } }
`;
    const unbiased = async (sql: string) => thresher(folderOf({ 'x.test.yaml': cases(sql) }), 'policy', 'test', '.');
    expect(await unbiased('SELECT trace_id, 0.5 AS probability FROM traces')).toMatchObject({ code: 0 });
    expect(await unbiased('SELECT unnest(bottom_k(item, 20), recursive := true) FROM traces')).toMatchObject({ code: 0 });
    // The upper half of R is taken on top of the threshold that speaks of it already: too little is kept, or its count is too small.
    const control = await unbiased('SELECT trace_id, 1.0 AS probability FROM traces WHERE randomness >= 36028797018963968');
    expect(control.code).toBe(1);
    expect(control.out).toMatch(/unbiased\n {9}- 60 a on average\n {9}\+ (29|30|31)(\.\d+)? \+- /);
  });

  test('a capture: what a half keeps of 200 recorded traces of 6 spans, and counts over other ids', async () => {
    const file = `
window: 1h
cases:
  - name: recorded
    sql: SELECT trace_id, 0.5 AS probability FROM traces
    given: { capture: ${packageFile('test/golden/captures/collector_traces.otap')} }
    expect: { traces: { kept: 100 }, spans: { kept: 600, estimate: 1200 }, services: { telemetrygen: { kept: 600 } }, unbiased: { seeds: 30 } }
`;
    expect(await thresher(folderOf({ 'x.test.yaml': file }), 'policy', 'test', '.')).toMatchObject({ code: 0, errors: '', out: expect.stringContaining('(spans of telemetrygen)') });
  });

  test('errors can be expected: of the compiler, of a run, of a combination', async () => {
    const file = `
combine: first_match
cases:
  - name: unknown column
    sql: SELECT trace_id, 1.0 FROM traces WHERE servce = 'a'
    given: { traces: [{ name: a }] }
    expect: { error: { message: servce } }
  - name: a count is no probability
    sql: SELECT trace_id, span_count * 2.0 AS probability FROM traces
    given: { traces: [{ name: a }] }
    expect: { error: { policy: sql, message: probability }, items: { a: { adjusted_count: 1 } } }
  - name: a sample under first_match
    sql: SELECT unnest(bottom_k(item, 1), recursive := true) FROM traces
    given: { traces: [{ name: a }] }
    expect: { error: { message: first_match } }
  - name: an error that does not come
    sql: SELECT trace_id, 1.0 FROM traces
    given: { traces: [{ name: a }] }
    expect: { error: { message: anything } }
`;
    const { code, out } = await thresher(folderOf({ 'x.test.yaml': file }), 'policy', 'test', '.');
    expect(code).toBe(1);
    expect(out).toContain('1 failed, 3 passed');
    expect(out).toContain('FAIL an error that does not come');
  });

  test('several policies in an order, ceilings, and who kept what', async () => {
    const folder = folderOf({
      'errors.sql': 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error',
      'tenth.sql': 'SELECT trace_id, 0.1 AS probability FROM traces',
      'health.sql': "-- mode: drop\nSELECT trace_id FROM traces WHERE root_name = 'GET /health'",
      'all.test.yaml': `
policies: [errors.sql, tenth.sql, health.sql]
cases:
  - name: together
    given:
      traces:
        - { name: failed, repeat: 5, spans: [{ status: error }] }
        - { name: health, repeat: 50, spans: [{ name: GET /health, status: { one_of: [ok, error] } }] }
        - { name: rest, repeat: 1000 }
    expect:
      kept: [failed]
      dropped: [health]
      items:
        rest: { adjusted_count: 10, policies: tenth, kept: { is: 100, within: 45 } }
`,
    });
    expect(await thresher(folder, 'policy', 'test', 'all.test.yaml')).toMatchObject({ code: 0, errors: '' });
  });

  test('files that are not there or cannot be read', async () => {
    const folder = folderOf({ 'lonely.sql': 'SELECT 1', 'bad.test.yaml': 'cases: 3' });
    expect(await thresher(folder, 'policy', 'test', 'none.yaml')).toMatchObject({ code: 1, errors: expect.stringContaining('no such file or folder') });
    expect(await thresher(folder, 'policy', 'test', 'lonely.sql')).toMatchObject({ code: 1, errors: expect.stringContaining('no test file beside it') });
    expect(await thresher(folder, 'policy', 'test', 'bad.test.yaml')).toMatchObject({ code: 1, out: expect.stringContaining('FAIL cannot run') });
  });
});
