import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realSeam, seededSeam } from '../../../src/base/seam.ts';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { evaluatePolicy } from '../../../src/policy/evaluate.ts';
import { encodeInputProbability } from '../../../src/sampling/input-probability.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import { Database } from '../../../src/store/duckdb.ts';

const directory = new URL('../../../sql/policies/', import.meta.url);
const limits = { deadlineMs: 20_000, rowsMax: 100_000, seam: realSeam() };
const whole = 2n ** 56n;

let compiler: PolicyCompiler;
let engine: Database;

beforeAll(async () => {
  const functions = sqlFunctionFiles();
  compiler = await PolicyCompiler.create(functions);
  engine = await Database.open({ memoryLimitBytes: 512 * 2 ** 20, threads: 1 }, functions.map(({ path }) => readFileSync(path, 'utf8')));
});

afterAll(() => {
  compiler.close();
  engine.close();
});

function textOf(file: string): string {
  return readFileSync(new URL(file, directory), 'utf8');
}

test.each(readdirSync(directory).filter((file) => file.endsWith('.sql')))('%s compiles with the sampling functions as they are', async (file) => {
  expect((await compiler.compile(file, textOf(file))).warnings).toEqual([]);
});

interface Log {
  readonly n: bigint;
  readonly id: bigint;
  readonly service: number;
  readonly count: 1 | 2 | 4;
}

/** Logs of three services, the third without a name; two thirds of them come sampled, as our own output would. */
function randomLogs(): readonly Log[] {
  const seam = seededSeam(5);
  return Array.from({ length: 900 }, (_, ordinal) => {
    const count = ([1, 2, 4] as const)[ordinal % 3];
    const nIn = whole / BigInt(count);
    const n = BigInt(Math.floor(seam.jitter() * Number(nIn))) + 1n;
    const id = ((whole - n) << 64n) | (BigInt(encodeInputProbability(nIn)) << 32n) | BigInt(ordinal);
    return { n, id, service: ordinal % 900 < 150 ? 0 : ordinal < 840 ? 1 : 2, count };
  });
}

/** The threshold form of bottom-k (sampling.md, rules 12 and 13), written from the rule: all weights here are the input's counts. */
function expected(logs: readonly Log[], k: number): ReadonlyMap<bigint, bigint> {
  const sorted = [...logs].sort((a, b) => (a.n < b.n ? -1 : 1));
  const bound = sorted.length > k ? sorted[k].n - 1n : whole;
  const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
  return new Map(sorted.slice(0, k).map(({ id, count }) => [id, least(bound, whole / BigInt(count))]));
}

test('logs_100_per_service is right on our own output: a sample of each service, the counts that records carry as weights', async () => {
  const logs = randomLogs();
  const session = await engine.connect();
  const rows = logs.map(({ id, service }) => `(${id}::UHUGEINT, ${service}::UBIGINT)`);
  const attribute = ({ id, count }: Log, index: number): string => (index % 2 === 0
    ? `(${id}::UHUGEINT, 'sampling.adjusted_count', NULL, NULL, ${count}::DOUBLE)`
    : `(${id}::UHUGEINT, 'sampling.adjusted_count', '${count}', NULL, NULL)`);
  const attributes = logs.filter(({ count }) => count > 1).map(attribute);
  await session.run(`CREATE TEMP TABLE logs AS SELECT * FROM (VALUES ${rows.join(',')}) v(id, resource_id)`);
  await session.run(`CREATE TEMP TABLE log_attrs AS SELECT parent_id, key, str, int::BIGINT AS int, double::DOUBLE AS double FROM (VALUES ${attributes.join(',')}) v(parent_id, key, str, int, double)`);
  await session.run(`CREATE TEMP TABLE resource_attrs AS SELECT * FROM (VALUES (0::UBIGINT, 'service.name', 'a'), (1, 'service.name', 'b'), (2, 'host.name', 'c')) v(parent_id, key, str)`);
  const picks = await evaluatePolicy(session.api, await compiler.compile('logs', textOf('logs_100_per_service.sql')), limits);
  const words = new BigUint64Array(picks.keyBytes.buffer);
  const got = new Map(Array.from({ length: picks.count }, (_, row) => [(words[row * 2 + 1] << 64n) | words[row * 2], picks.n[row]]));
  const want = new Map([0, 1, 2].flatMap((service) => [...expected(logs.filter((log) => log.service === service), 100)]));
  expect(want.size).toBe(260);
  expect([...got.keys()].sort()).toEqual([...want.keys()].sort());
  for (const [id, n] of got) {
    const right = want.get(id) ?? 0n;
    expect(Math.abs(Number(n - right)) / Number(right)).toBeLessThan(2e-8);
    expect(n >= whole - (id >> 64n)).toBe(true);
  }
  expect(picks.split?.every((split) => split === 0)).toBe(true);
  session.close();
});
