import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import fc from 'fast-check';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';

/**
 * Strategy: windows of traces in a few groups, one of them NULL, with and without traces of one R (two, and more than k), with equal, drawn and
 * spoiled weights and input thresholds.
 * Invariant: a sample written as joins names what the macro names, with the same N, and fails where the macro fails.
 */

let connection: DuckDBConnection;
let compiler: PolicyCompiler;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  for (const { path } of sqlFunctionFiles()) await connection.run(readFileSync(path, 'utf8'));
  compiler = await PolicyCompiler.create(sqlFunctionFiles());
});
afterAll(() => {
  connection.closeSync();
  compiler.close();
});

const whole = 2n ** 56n;
const traceOf = fc.record({
  group: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', null),
  n: fc.oneof({ weight: 20, arbitrary: fc.bigInt({ min: 1n, max: whole / 4n }) }, { weight: 1, arbitrary: fc.constantFrom(5n, whole / 9n) }),
  cut: fc.constantFrom(1n, 1n, 1n, 2n, 3n),
  weight: fc.oneof({ weight: 200, arbitrary: fc.double({ min: 1e-3, max: 1e3, noNaN: true }) }, { weight: 1, arbitrary: fc.constantFrom(1, 0, -1, Number.NaN, Infinity, null) }),
});

const calls = [
  ['bottom_k', (k: number) => `bottom_k(item, ${k})`, ' GROUP BY root_service'],
  ['reservoir by count', (k: number) => `weighted_reservoir_sample(item, adjusted_count, ${k})`, ' GROUP BY root_service, span_count'],
  ['reservoir by value', (k: number) => `weighted_reservoir_sample(item, duration_time_unix_nano / 1e6, ${k})`, ' GROUP BY root_service'],
  ['exponential', (k: number) => `weighted_reservoir_sample_exp(item, adjusted_count, ${k})`, ' GROUP BY root_service'],
  ['all in one group', (k: number) => `weighted_reservoir_sample(item, adjusted_count, ${k})`, ''],
] as const;

async function outcomeOf(sql: string): Promise<unknown> {
  try {
    return (await connection.runAndReadAll(`SELECT k::VARCHAR, n, split FROM (${sql}) ORDER BY ALL`)).getRowsJS();
  } catch (error) {
    return String(error).replace(/[\s\S]*?(sampling: a weight).*[\s\S]*/, '$1');
  }
}

/** The policy's shape over the SELECT as it was written. */
function asWritten({ sql }: CompiledPolicy): string {
  return `SELECT trace_id AS k, floor(abs(probability) * pow(2, 56))::UBIGINT AS n, probability < 0 AS split FROM (${sql})`;
}

const policies = new Map<string, CompiledPolicy>();

async function compiled(call: string, group: string): Promise<CompiledPolicy> {
  const text = `SELECT unnest(${call}, recursive := true) FROM traces WHERE span_count < 3${group}`;
  const policy = policies.get(text) ?? await compiler.compile('p', text);
  policies.set(text, policy);
  return policy;
}

type Trace = typeof traceOf extends fc.Arbitrary<infer T> ? T : never;

async function fill(traces: readonly Trace[]): Promise<void> {
  const values = traces.map(({ group: service, n, cut, weight }, index) => (
    `(${index}, ${service === null ? 'NULL' : `'${service}'`}, ${whole - n}, ${whole / cut}, ${weight === null ? 'NULL' : `'${weight}'`})`));
  await connection.run(`CREATE OR REPLACE TABLE traces AS
    SELECT root_service, md5(i::VARCHAR)::UUID AS trace_id, {'key': trace_id, 'r': r::UBIGINT, 'n_in': n_in::UBIGINT} AS item, pow(2, 56) / n_in AS adjusted_count,
           w::DOUBLE * 1e6 AS duration_time_unix_nano, i % 2 AS span_count
    FROM (VALUES ${values.join(',')}) t(i, root_service, r, n_in, w)`);
}

test.each(calls)('%s', async (_, call, group) => {
  let results = 0;
  await fc.assert(fc.asyncProperty(fc.array(traceOf, { minLength: 1, maxLength: 150 }), fc.constantFrom(1, 4, 12), async (traces, k) => {
    const policy = await compiled(call(k), group);
    expect(policy.wrappedSql).toMatch(/sampled_near/);
    await fill(traces);
    const found = await outcomeOf(policy.wrappedSql);
    expect(found).toEqual(await outcomeOf(asWritten(policy)));
    if (Array.isArray(found) && found.length > 0) results++;
  }), { numRuns: 20 });
  expect(results).toBeGreaterThan(5);
});

test('without its look for equal randomness the short way goes wrong', async () => {
  const { wrappedSql, ...policy } = await compiled('weighted_reservoir_sample(item, duration_time_unix_nano / 1e6, 4)', ' GROUP BY root_service');
  const trace = (n: bigint, weight = 1): Trace => ({ group: 'a', n, cut: 1n, weight });
  await fill([trace(1000n, 10), trace(1000n, 0.1), ...[200n, 300n, 400n, 500n].map((n) => trace(n))]);
  const right = await outcomeOf(asWritten({ wrappedSql, ...policy }));
  expect(await outcomeOf(wrappedSql)).toEqual(right);
  const control = wrappedSql.replace('HAVING (count_star() > 1)', 'HAVING (count_star() > 9)');
  expect(control).not.toBe(wrappedSql);
  expect(await outcomeOf(control)).not.toEqual(right);
});
