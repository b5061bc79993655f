import { afterAll, beforeAll, expect, test } from 'vitest';
import { realSeam } from '../../../src/base/seam.ts';
import type { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { PolicyError } from '../../../src/policy/compile/policy-error.ts';
import { evaluatePolicy } from '../../../src/policy/evaluate.ts';
import type { Database } from '../../../src/store/duckdb.ts';
import { createViews, openCompiler, openEngine } from './support.ts';

/** A text that the first wall lets pass, and the walls that may stop it when it runs. */
type Attack = readonly [about: string, text: string, stoppedBy: readonly string[]];

const numbers = 'range(10000) a(x), range(10000) b(y)';
const manyRows = `SELECT (unnest([trace_id])) AS trace_id, 1.0 AS probability FROM traces, ${numbers}`;
const letters = 'a'.repeat(200);

function when(condition: string, from = numbers): string {
  return `SELECT trace_id, 1.0 AS probability FROM traces WHERE (SELECT ${condition} FROM ${from}, range(1000) c(z))`;
}

/** Each ran for ever or took all memory before there were walls; the engine has 512 MiB, a policy 600 ms. */
const attacks: readonly Attack[] = [
  ['a cross join that counts', when('sum(x * y + z) > 0'), ['deadline', 'failed']],
  ['a cross join of the views', 'SELECT a.trace_id, 1.0 FROM traces a, traces b, traces c, traces d WHERE a.span_count + b.span_count + c.span_count + d.span_count = -1', ['deadline']],
  ['a sort of everything', when('max(r) > 1', `(SELECT rank() OVER (ORDER BY x * y % 7919) AS r FROM ${numbers}) q(x)`).replace('max(r)', 'max(q.x)'), ['deadline', 'failed']],
  ['distinct numbers', when('count(DISTINCT x * 100000 + y) > 0'), ['deadline', 'failed']],
  ['a list of everything', when('len(list(x)) > 0'), ['deadline', 'failed']],
  ['a text of everything', when(`length(string_agg('${letters}', '${letters}')) > 0`), ['deadline', 'failed']],
  ['the most frequent of everything', when('mode(x * 100000 + y) > 0'), ['deadline', 'failed', 'memory']],
  ['the entropy of everything', when('entropy(x * 100000 + y) > 0'), ['deadline', 'failed', 'memory']],
  ['a histogram of everything', when('histogram(x * 100000 + y) IS NOT NULL'), ['deadline', 'failed', 'memory']],
  ['the median of everything', when('median(x * 100000 + y) > 0'), ['deadline', 'failed', 'memory']],
  ['too many rows', manyRows.replace('unnest([trace_id])', 'trace_id').replace('AS trace_id', ''), ['deadline', 'failed', 'rows_max']],
  ['more groups than fit', `SELECT any_value(trace_id) AS trace_id, 1.0 AS probability FROM traces, ${numbers} GROUP BY x, y`, ['deadline', 'failed']],
  ['a regular expression of many repeats', when(`regexp_matches('${letters}' || x::VARCHAR, '(a{1,100}){1,10}(x+x+)+y')`).replace('SELECT regexp', 'SELECT bool_or(regexp').replace("y')", "y'))"), ['deadline', 'failed']],
  ['an error in a row', "SELECT trace_id, CAST(root_name AS DOUBLE) AS probability FROM traces", ['failed']],
  ['division that is no probability', 'SELECT trace_id, span_count / 0 AS probability FROM traces', ['failed']],
  ['numbers that overflow', 'SELECT trace_id, 1.0 AS probability FROM traces WHERE span_count::BIGINT * 9223372036854775807::BIGINT > 5', ['failed']],
];

let compiler: PolicyCompiler;
let engine: Database;

beforeAll(async () => {
  compiler = await openCompiler();
  engine = await openEngine();
});

afterAll(() => {
  compiler.close();
  engine.close();
});

/** What stops an attack, on a session of its own, which is given up where the query does not end at once; null where it ends by itself. */
async function stoppedBy(text: string): Promise<string | null> {
  const session = await engine.connect();
  const policy = await compiler.compile('attack', text);
  await createViews(session, policy, 1_000);
  let isLost = false;
  try {
    await evaluatePolicy(session.api, policy, { deadlineMs: 600, rowsMax: 1_000, growthMaxBytes: 2 ** 29, seam: realSeam() });
    return null;
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    isLost = error.connectionLost;
    return error.policyReason;
  } finally {
    if (!isLost) session.close();
  }
}

test.each(attacks)('%s is stopped, and the next policy runs while rows come in', async (_, text, walls) => {
  const intake = await engine.connect();
  await intake.run('CREATE OR REPLACE TABLE arrivals (x INTEGER)');
  const attack = stoppedBy(text);
  await intake.run('INSERT INTO arrivals SELECT * FROM range(1000)');
  expect(walls).toContain(await attack);
  expect(Number((await intake.api.runAndReadAll('SELECT count(*) FROM arrivals')).getRows()[0][0])).toBe(1_000);
  intake.close();
  const session = await engine.connect();
  const policy = await compiler.compile('next', 'SELECT trace_id, 1.0 FROM traces');
  await createViews(session, policy, 100);
  expect((await evaluatePolicy(session.api, policy, { deadlineMs: 5_000, rowsMax: 1_000, seam: realSeam() })).count).toBeGreaterThan(6);
  session.close();
});

test('memory that DuckDB does not count is seen by us', async () => {
  const session = await engine.connect();
  const policy = await compiler.compile('attack', when('mode(x * 100000 + y) > 0'));
  await createViews(session, policy, 10);
  const run = evaluatePolicy(session.api, policy, { deadlineMs: 30_000, rowsMax: 1_000, growthMaxBytes: 2 ** 28, seam: realSeam() });
  await expect(run).rejects.toThrow(/more than 256 MiB of memory/);
  session.close();
});
