import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import fc from 'fast-check';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import { type ReferencePick, type ReferenceRow, referenceSample } from './reference.ts';

/**
 * Strategy: random groups, many of them in one statement: units of one to many rows, equal and unequal weights, thresholds mixed
 * within a unit, k from 1 to past the group, R dense at both ends.
 * Invariants: the macros name exactly the rows that the definition names; a probability never exceeds the row's input, is
 * the input's where nothing was left out, and its integer N keeps exactly what the walk took: rank(N) < tau <= rank(N + 2^-50 N + 1).
 */

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  for (const { path } of sqlFunctionFiles()) await connection.run(readFileSync(path, 'utf8'));
});
afterAll(() => connection.closeSync());

const whole = 2n ** 56n;

const rOf = fc.oneof(
  fc.integer({ min: 0, max: 30 }).map((n) => whole - 1n - BigInt(n)),
  fc.integer({ min: 0, max: 30 }).map((n) => BigInt(n)),
  fc.bigInt({ min: 0n, max: whole - 1n }),
);
const weightOf = fc.oneof(fc.constant(1), fc.constantFrom(0.5, 2, 3), fc.double({ min: 1e-6, max: 1e6, noNaN: true }));

/** One unit: rows of one R, each with an input probability that lets the R through. */
const unitOf = fc.tuple(rOf, fc.array(fc.tuple(weightOf, fc.constantFrom(0n, 0n, 0n, 1n, 2n, 3n)), { minLength: 1, maxLength: 9 }))
  .map(([r, rows]) => rows.map(([weight, cut]) => ({ r, weight, nIn: inputOf(whole - r, cut) })));

function inputOf(n: bigint, cut: bigint): bigint {
  return cut === 0n ? whole : n + ((whole - n) / 4n) * cut;
}

const groupOf = fc.record({ k: fc.integer({ min: 1, max: 30 }), units: fc.array(unitOf, { minLength: 1, maxLength: 25 }) });

type Group = { readonly k: number; readonly rows: readonly ReferenceRow[] };

async function namedBy(groups: readonly Group[], k: number, isWeighted: boolean): Promise<Map<bigint, number>> {
  await connection.run('CREATE OR REPLACE TABLE given (g INTEGER, k INTEGER, "key" UHUGEINT, r UBIGINT, n_in UBIGINT, weight DOUBLE)');
  const values = groups.flatMap(({ rows }, g) => rows.map((row) => `(${g}, ${k}, ${row.key}, ${row.r}, ${row.nIn}, ${row.weight}::DOUBLE)`));
  await connection.run(`INSERT INTO given VALUES ${values.join(',')}`);
  const item = `{'key': "key", 'r': r, 'n_in': n_in}`;
  const call = isWeighted ? `weighted_sample(${item}, weight / (n_in / pow(2, 56)), ${k})` : `bottom_k(${item}, ${k})`;
  const reader = await connection.runAndReadAll(`SELECT unnest(${call}, recursive := true) FROM given GROUP BY g`);
  return new Map(reader.getRowsJS().map(([key, probability]) => [BigInt(String(key)), Number(probability)]));
}

function check(row: ReferenceRow, pick: ReferencePick, probability: number): void {
  if (pick.q !== null) {
    expect(probability).toBe(-pick.q);
    return;
  }
  const n = Math.floor(probability * 2 ** 56);
  const nIn = Number(row.nIn);
  expect(n).toBeLessThanOrEqual(nIn + 16);
  if (n >= nIn) return;
  if (pick.tau === null) throw new Error(`${row.key}: ${n} is less than its input ${nIn}`);
  expect(n / pick.weight).toBeLessThan(pick.tau);
  expect((n + n * 2 ** -49 + 1) / pick.weight).toBeGreaterThanOrEqual(pick.tau);
}

test.each([['bottom_k', false], ['weighted_reservoir_sample', true]] as const)('%s names what the definition names', async (_, isWeighted) => {
  await fc.assert(fc.asyncProperty(fc.array(groupOf, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 30 }), async (made, k) => {
    let key = 0n;
    const groups = made.map(({ units }) => ({
      k,
      rows: distinctR(units).flat().map((row) => ({ ...row, weight: isWeighted ? roundTrip(row) : 1, key: ++key })),
    }));
    const named = await namedBy(groups, k, isWeighted);
    const expected = new Map(groups.flatMap(({ rows }) => [...referenceSample(rows, k)]));
    expect([...named.keys()].sort(ascending)).toEqual([...expected.keys()].sort(ascending));
    for (const row of groups.flatMap(({ rows }) => rows)) {
      const pick = expected.get(row.key);
      if (pick !== undefined) check(row, pick, named.get(row.key) ?? Number.NaN);
    }
  }), { numRuns: 150 });
});

/** Units of one R are one unit, so keep the first of each. */
function distinctR<T extends readonly { readonly r: bigint }[]>(units: readonly T[]): T[] {
  return [...new Map(units.map((unit) => [unit[0].r, unit])).values()];
}

/** The weight as it comes back from weight / p_in * p_in, which is what the macro ranks by. */
function roundTrip({ weight, nIn }: { readonly weight: number; readonly nIn: bigint }): number {
  const p = Number(nIn) / 2 ** 56;
  return (weight / p) * p;
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
