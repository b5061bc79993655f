import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { realSeam } from '../../../src/base/seam.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import type { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { PolicyError } from '../../../src/policy/compile/policy-error.ts';
import { notQuick } from '../../../src/policy/compile/quick/walk-sql.ts';
import { evaluatePolicy, type PolicyPicks } from '../../../src/policy/evaluate.ts';
import type { Database, Session } from '../../../src/store/duckdb.ts';
import { openCompiler, openEngine } from './support.ts';

const limits = { deadlineMs: 5_000, rowsMax: 10_000, seam: realSeam() };
const whole = 2n ** 56n;

let compiler: PolicyCompiler;
let engine: Database;
let session: Session;

beforeAll(async () => {
  compiler = await openCompiler();
  engine = await openEngine();
});

afterAll(() => {
  compiler.close();
  engine.close();
});

beforeEach(async () => {
  session = await engine.connect();
});

afterEach(() => session.close());

async function run(text: string, options = limits): Promise<PolicyPicks> {
  return evaluatePolicy(session.api, await compiler.compile('p', text), options);
}

async function failureOf(picks: Promise<PolicyPicks>): Promise<PolicyError> {
  try {
    await picks;
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error('it ran, and should not have');
}

/** Entries as key (hex, most significant byte first), n and split. */
function entries({ count, keyBytes, n, split }: PolicyPicks): readonly string[] {
  const rows = Array.from({ length: count }, (_, row) => {
    const key = Buffer.from(keyBytes.slice(row * 16, row * 16 + 16).reverse()).toString('hex');
    return `${key} ${n[row]}${split === null ? '' : ` ${split[row]}`}`;
  });
  return rows.sort();
}

describe('probabilities', () => {
  beforeEach(async () => {
    await session.run(`CREATE TEMP VIEW traces AS SELECT '80000000-0000-0000-0000-0000000000ff'::UUID AS trace_id, 0.5::DOUBLE AS adjusted_count, 'nan'::DOUBLE AS root_kind`);
  });

  test.each([
    ['NULL::DOUBLE AS probability', 'probability is NULL'],
    ['root_kind::DOUBLE AS probability', 'probability is NaN'],
    ['1.0000001 AS probability', 'probability 1.0000001 is outside [0, 1]'],
    ['100 AS probability', 'probability 100.0 is outside [0, 1]'],
    ['-0.1 AS probability', 'probability -0.1 is outside [0, 1]'],
    [`'inf'::DOUBLE AS probability`, 'probability inf is outside [0, 1]'],
    ['adjusted_count', 'adjusted_count 0.5 is less than 1'],
    ['NULL::DOUBLE AS adjusted_count', 'adjusted_count is NULL'],
  ])('%s fails the policy', async (column, message) => {
    const error = await failureOf(run(`SELECT trace_id, ${column} FROM traces`));
    expect(error.message).toBe(`policy p: ${message}`);
    expect(error.policyReason).toBe('failed');
    expect(error.connectionLost).toBe(false);
  });

  test.each([
    ['0 AS probability', 0n],
    ['1 AS probability', whole],
    ['0.5 AS probability', whole / 2n],
    ['0.1 AS probability', BigInt(Math.floor(0.1 * 2 ** 56))],
    ['1e-17 AS probability', 0n],
    ['4 AS adjusted_count', whole / 4n],
    ['3 AS adjusted_count', BigInt(Math.floor(2 ** 56 / 3))],
  ])('%s is floor(p * 2^56)', async (column, n) => {
    expect([...(await run(`SELECT trace_id, ${column} FROM traces`)).n]).toEqual([n]);
  });

  test('an item that is named more than once gets the greatest, one without a key names nothing', async () => {
    const picks = await run(`SELECT trace_id, 0.25 AS probability FROM traces UNION ALL SELECT trace_id, 0.5 FROM traces UNION ALL SELECT NULL, 1.0 FROM traces`);
    expect([...picks.n]).toEqual([whole / 2n]);
  });

  test('keys are 16 bytes, low half first; of a UUID the top bit is flipped, hex digits are UUIDs', async () => {
    const flipped = `000000000000000000000000000000ff ${whole}`;
    expect(entries(await run('SELECT trace_id, 1.0 FROM traces'))).toEqual([flipped]);
    expect(entries(await run('SELECT hex(trace_id) AS trace_id, 1.0 FROM traces'))).toEqual([flipped]);
  });
});

describe('ids', () => {
  beforeEach(async () => {
    await session.run('CREATE TEMP VIEW logs AS SELECT ((i::UHUGEINT << 64) | 7) AS id, item_of((i::UHUGEINT << 64) | 7) AS item FROM range(3) t(i)');
  });

  test('come whole, more than one chunk of them', async () => {
    await session.run('CREATE OR REPLACE TEMP VIEW logs AS SELECT (i::UHUGEINT << 64) | 7 AS id FROM range(5000) t(i)');
    const expected = Array.from({ length: 5_000 }, (_, i) => `${i.toString(16).padStart(16, '0')}0000000000000007 ${whole}`);
    expect(entries(await run('SELECT id, 1.0 FROM logs'))).toEqual(expected);
  });

  test('of a sampling function may go by a hash of their own: a negative probability', async () => {
    const policy = await compiler.compile('p', 'SELECT unnest(bottom_k(item, 100), recursive := true) FROM logs');
    expect(policy.hasSplit).toBe(true);
    const negative: CompiledPolicy = { ...policy, quickSqls: [], wrappedSql: policy.wrappedSql.replace('bottom_k(item, 100)', 'split_half(item) || keep_quarter(item)') };
    const half = (i: number): string => `${i.toString(16).padStart(16, '0')}0000000000000007 ${whole / 2n} 1`;
    const quarter = (i: number): string => `${i.toString(16).padStart(16, '0')}0000000000000007 ${whole / 4n} 0`;
    expect(entries(await evaluatePolicy(session.api, negative, limits))).toEqual([0, 1, 2].flatMap((i) => [quarter(i), half(i)]));
  });
});

describe('quick ways', () => {
  const said = (n: bigint): string => `SELECT 7::UHUGEINT AS k, ${n}::UBIGINT AS n`;
  const failing = (message: string): string => `SELECT 7::UHUGEINT AS k, error('${message}')::UBIGINT AS n`;

  test.each([
    ['the first that holds decides', [said(1n), said(2n)], [1n]],
    ['one that does not hold gives way to the next', [failing(`${notQuick}: ties`), said(2n)], [2n]],
    ['where none holds the policy itself runs', [failing(notQuick), failing(notQuick)], [3n]],
  ])('%s', async (_, quickSqls, n) => {
    const policy = await compiler.compile('p', 'SELECT id, 1.0 FROM logs');
    expect([...(await evaluatePolicy(session.api, { ...policy, quickSqls, wrappedSql: said(3n) }, limits)).n]).toEqual(n);
  });

  test('one that fails otherwise fails the policy', async () => {
    const policy = await compiler.compile('p', 'SELECT id, 1.0 FROM logs');
    const { message } = await failureOf(evaluatePolicy(session.api, { ...policy, quickSqls: [failing('other')], wrappedSql: said(3n) }, limits));
    expect(message).toMatch(/other/);
  });
});

describe('limits', () => {
  beforeEach(async () => {
    await session.run(`CREATE TEMP VIEW spans AS SELECT i::UHUGEINT AS id, 'v' || i AS name FROM range(2000) t(i)`);
  });

  test('more rows than rowsMax are an error, as many are not', async () => {
    const text = 'SELECT id, 1.0 FROM spans';
    expect((await run(text, { ...limits, rowsMax: 2_000 })).count).toBe(2_000);
    const error = await failureOf(run(text, { ...limits, rowsMax: 1_999 }));
    expect(error.policyReason).toBe('rows_max');
  });

  test('a join that takes for ever stops at the deadline and leaves the connection usable', async () => {
    const startMs = performance.now();
    const cross = `SELECT a.id, 1.0 FROM spans a, spans b, spans c, spans d WHERE a.name || b.name || c.name || d.name = 'x'`;
    const error = await failureOf(run(cross, { ...limits, deadlineMs: 300 }));
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect([error.policyReason, error.status, error.connectionLost]).toEqual(['deadline', 'DEADLINE_EXCEEDED', false]);
    expect((await run('SELECT id, 1.0 FROM spans')).count).toBe(2_000);
  });

  test('a query that memory does not hold fails, and the next one runs', async () => {
    const text = `SELECT any_value(id) AS id, 1.0 AS probability FROM (SELECT a.id, list(a.name || b.name || c.name) AS l FROM spans a, spans b, spans c GROUP BY a.id) WHERE len(l) > 1`;
    const error = await failureOf(run(text, { ...limits, deadlineMs: 60_000 }));
    expect(error.message).toMatch(/Out of Memory|failed to allocate|could not allocate/i);
    expect((await run('SELECT id, 1.0 FROM spans')).count).toBe(2_000);
  });

  test('a query that does not look for the interrupt is given up at once', async () => {
    const lost = await engine.connect();
    const policy = await compiler.compile('p', 'SELECT id, 1.0 FROM spans');
    const endless: CompiledPolicy = { ...policy, wrappedSql: 'SELECT 1::UHUGEINT AS k, list_reduce(range(3000000), lambda a, b: a + b)::UBIGINT AS n' };
    const startMs = performance.now();
    const error = await failureOf(evaluatePolicy(lost.api, endless, { ...limits, deadlineMs: 100 }));
    expect(performance.now() - startMs).toBeLessThan(1_500);
    expect([error.policyReason, error.connectionLost]).toEqual(['deadline', true]);
    await sleep(6_000);
  });
});

test('policies run in a read-only transaction that is closed afterwards', async () => {
  await session.run('CREATE TEMP VIEW traces AS SELECT NULL::UUID AS trace_id');
  const policy = await compiler.compile('p', 'SELECT trace_id, 1.0 FROM traces');
  const writing: CompiledPolicy = { ...policy, wrappedSql: `SELECT 1) ; CREATE TABLE memory.main.written AS SELECT (1` };
  expect((await failureOf(evaluatePolicy(session.api, writing, limits))).message).toMatch(/read-only/i);
  await session.run('BEGIN TRANSACTION');
  await session.run('ROLLBACK');
});
