import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { notQuick } from '../../../src/policy/compile/quick/walk-sql.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';

/**
 * Strategy: windows of rows in a few groups, one of them NULL, as traces, spans and logs: rows of one R (two, and more than the limit, in one group
 * and in several), equal, drawn and spoiled weights and sizes, sizes beyond the budget, input thresholds that are mixed within a unit and that are not.
 * Invariant: each quick way of a policy names what its macros name, with the same N, or says that it does not hold; where the macros fail
 * it does not succeed.
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
const maybe = <T>(most: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>): fc.Arbitrary<T> => fc.oneof({ weight: 300, arbitrary: most }, { weight: 1, arbitrary: seldom });

/** A row; `n` names its unit: rows of one n share R, and `cut` where `isEven`. */
const rowOf = fc.record({
  group: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', null),
  n: fc.bigInt({ min: 1n, max: whole / 4n }),
  cut: fc.constantFrom(1n, 1n, 1n, 2n, 3n).map((cut): bigint => cut),
  weight: maybe<number | null>(fc.oneof(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), fc.constantFrom(1, 2)), fc.constantFrom(1, 0, -1, Number.NaN, Infinity, 1e200, null)),
  size: maybe<number | null>(fc.oneof({ weight: 30, arbitrary: fc.integer({ min: 0, max: 9 }) }, { weight: 1, arbitrary: fc.integer({ min: 40, max: 300 }) }), fc.constantFrom(-1, 2.5, 2 ** 41, null)),
});
type Row = typeof rowOf extends fc.Arbitrary<infer T> ? T : never;

/** Rows, of which the first `tied` have few R; `isEven` gives all of one R one input threshold. */
const windowOf = fc.record({
  rows: fc.array(rowOf, { minLength: 1, maxLength: 160 }),
  tied: fc.constantFrom(0, 0, 0, 3, 40, 160),
  units: fc.constantFrom(2n, 9n, 40n),
  isEven: fc.boolean(),
}).map(({ rows, tied, units, isEven }) => rows.map((row, index) => {
  if (index >= tied) return row;
  const n = (row.n % units) * (whole / 200n) + 5n;
  return { ...row, n, cut: isEven ? 1n + (n % 3n) : row.cut };
}));

async function fill(rows: readonly Row[]): Promise<void> {
  const text = (value: number | null): string => (value === null ? 'NULL' : `'${value}'`);
  const values = rows.map(({ group, n, cut, weight, size }, index) => (
    `(${index}, ${group === null ? 'NULL' : `'${group}'`}, ${whole - n}, ${whole / cut}, ${text(weight)}, ${text(size)})`));
  await connection.run(`CREATE OR REPLACE TABLE given AS
    SELECT i, root_service, r::UBIGINT AS r, n_in::UBIGINT AS n_in, pow(2, 56) / n_in AS adjusted_count, w::DOUBLE * 1e6 AS duration_time_unix_nano,
           i % 2 AS severity_number, i % 2 AS flags, root_service AS service_name, s::DOUBLE AS span_count, s::DOUBLE AS dropped_attributes_count
    FROM (VALUES ${values.join(',')}) t(i, root_service, r, n_in, w, s)`);
  await connection.run(`CREATE OR REPLACE TABLE traces AS SELECT *, md5(i::VARCHAR)::UUID AS trace_id, {'key': trace_id, 'r': r, 'n_in': n_in} AS item FROM given`);
  const e = 'floor(log2(n_in))';
  await connection.run(`CREATE OR REPLACE TABLE logs AS SELECT *, duration_time_unix_nano AS observed_time_unix_nano, {'key': id, 'r': r, 'n_in': n_in} AS item
    FROM (SELECT *, ((r::UHUGEINT << 64) | ((${e}::UHUGEINT << 58) | (((n_in / pow(2, ${e}) - 1) * 67108864)::UHUGEINT << 32)) | i::UHUGEINT) AS id FROM given)`);
  await connection.run('CREATE OR REPLACE TABLE spans AS FROM logs');
}

async function outcomeOf(sql: string): Promise<unknown> {
  try {
    return (await connection.runAndReadAll(`SELECT k::VARCHAR, n, split FROM (${sql}) ORDER BY ALL`)).getRowsJS();
  } catch (error) {
    const text = String(error);
    return text.includes(notQuick) ? notQuick : /sampling: a (weight|size)/.exec(text)?.[0] ?? text;
  }
}

const policies = new Map<string, CompiledPolicy>();

async function compiled(text: string): Promise<CompiledPolicy> {
  const policy = policies.get(text) ?? await compiler.compile('p', text);
  policies.set(text, policy);
  return policy;
}

/** Calls by name; `weight` and `size` are columns of the view. */
const calls: readonly (readonly [name: string, args: string, k: number])[] = [
  ['bottom_k', 'item', 4],
  ['bottom_k', 'item', 12],
  ['weighted_reservoir_sample', 'item, adjusted_count', 4],
  ['weighted_reservoir_sample', 'item, WEIGHT', 1],
  ['weighted_reservoir_sample', 'item, WEIGHT', 12],
  ['weighted_reservoir_sample_exp', 'item, adjusted_count', 4],
  ['weighted_reservoir_sample_exp', 'item, adjusted_count * WEIGHT', 12],
  ['budget_sample', 'item, SIZE', 35],
  ['budget_sample', 'item, SIZE::BIGINT', 35],
  ['weighted_budget_sample', 'item, WEIGHT, SIZE', 35],
];
const options = ['', ", oversize := 'keep'", ", oversize := 'drop'"];

const views = {
  traces: { key: 'trace_id', weight: 'duration_time_unix_nano', size: 'span_count', group: 'root_service' },
  logs: { key: 'id', weight: 'observed_time_unix_nano', size: 'dropped_attributes_count', group: 'service_name' },
} as const;

/** The policies that call it, as SQL: its forms over a view. */
function policiesOf(view: keyof typeof views, call: (typeof calls)[number]): readonly string[] {
  const [name, args, k] = call;
  const place = calls.indexOf(call);
  const option = options[place % options.length];
  const { key, weight, size, group } = views[view];
  const own = `${args.replace('WEIGHT', `${weight} / 1e6`).replace('SIZE', size)}, ${k}`;
  const unnested = (every: string, from: string, groups: string): string => `SELECT unnest(${name}${every}(${own}${option}), recursive := true) FROM ${from}${groups}`;
  return [
    unnested('', view, ` WHERE adjusted_count < 3 GROUP BY ${group}`),
    unnested('', view, ''),
    unnested('_every', view, ` GROUP BY ${group}`),
    `WITH chosen AS (SELECT *, ${group} AS g FROM ${view} WHERE adjusted_count < 3) ${unnested('', 'chosen', ' GROUP BY g, g')}`,
    `SELECT ${group}, ${name}(${own}${option}) AS picks FROM ${view} GROUP BY ${group}`,
    `SELECT ${key}, ${name}_p(${own}, ${group}${option}) AS probability FROM ${view}`,
    `SELECT ${key}, ${name}_p(${own}${option}) AS probability, * EXCLUDE (${key}) FROM ${view} v WHERE adjusted_count < 3`,
    ...(view === 'logs' ? [unnested('', view, ` GROUP BY ${group}`).replace('(item,', '(id,'), unnested('', 'spans', ` GROUP BY ${group}`)] : []),
  ].filter((text, form) => (form === 0 || (form + place) % 4 === 0) && !(text.includes('spans') && /observed|dropped/.test(text)));
}

describe.each(['traces', 'logs'] as const)('samples of %s', (view) => {
  test.each(calls.map((call) => [call] as const))('%s', async (call) => {
    const texts = policiesOf(view, call);
    const held = new Map<string, number>();
    await fc.assert(fc.asyncProperty(windowOf, async (rows) => {
      await fill(rows);
      for (const text of texts) {
        const policy = await compiled(text);
        const quick = policy.quickSqls ?? [];
        expect(quick.length, text).toBe(view === 'traces' ? 2 : 1);
        const expected = await outcomeOf(policy.wrappedSql);
        for (const [way, sql] of quick.entries()) {
          const found = await outcomeOf(sql);
          const key = `${way} ${text}`;
          held.set(key, (held.get(key) ?? 0) + Number(found !== notQuick && Array.isArray(expected) && expected.length > 0));
          if (found !== notQuick) expect(found, text).toEqual(expected);
        }
      }
    }), { numRuns: 9, endOnFailure: true });
    for (const [text, count] of held) expect(count, text).toBeGreaterThan(0);
  });
});

const rowsWith = (rows: readonly (readonly [n: bigint, weight: number])[]): readonly Row[] => rows.map(([n, weight]) => ({ group: 'a', n, cut: 1n, weight, size: 1 }));

test.each([
  {
    without: 'its look for equal randomness',
    call: 'weighted_reservoir_sample(item, duration_time_unix_nano / 1e6, 4)',
    rows: rowsWith([[1000n, 10], [1000n, 0.1], [200n, 1], [300n, 1], [400n, 1], [500n, 1]]),
    part: '(row_count != (SELECT count_star() FROM sampled_near))', changed: '(row_count < 0)',
  },
  {
    without: 'the whole of groups whose rows below the bound do not overflow',
    call: 'weighted_budget_sample(item, duration_time_unix_nano / 1e6, span_count, 4)',
    rows: rowsWith([[whole - 1n, 1e9], ...Array.from({ length: 30 }, (_, index) => [whole - 1000n * BigInt(index + 1), 1] as const)]),
    part: '(b.size <= 4)', changed: '(b.size <= -1)',
  },
  {
    without: 'its look for units beyond the limit',
    call: 'bottom_k(item, 2)',
    rows: rowsWith([[10n, 1], [20n, 1], [30n, 1], [40n, 1], [1000n, 1], [1000n, 1], [1000n, 1]]),
    part: 'HAVING ((count_star() > 1) AND (count_star() > 2))', changed: 'HAVING (count_star() > 9)',
  },
])('without $without the quick way goes wrong', async ({ call, rows, part, changed }) => {
  const { quickSqls = [], wrappedSql } = await compiled(`SELECT unnest(${call}, recursive := true) FROM traces GROUP BY root_service`);
  await fill(rows);
  const right = await outcomeOf(wrappedSql);
  for (const sql of quickSqls) expect([right, notQuick]).toContainEqual(await outcomeOf(sql));
  const control = quickSqls[0].replace(part, changed);
  expect(control).not.toBe(quickSqls[0]);
  expect(await outcomeOf(control)).not.toEqual(right);
});
