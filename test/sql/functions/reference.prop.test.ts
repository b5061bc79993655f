import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import fc from 'fast-check';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import { exponential, linear, type ReferencePick, type ReferenceRow, referenceSample, type Spread } from './reference.ts';

/**
 * Strategy: random groups, many of them in one statement: units of one to many rows, equal and unequal weights and sizes, thresholds
 * mixed within a unit, budgets from 1 to past the group, R dense at both ends.
 * Invariants: the macros name exactly the rows that the definition names; a probability never exceeds the row's input, is
 * the input's where nothing was left out, and its integer N keeps exactly what the walk took: rank(N) < tau <= rank(N + a trifle).
 * The form that names every row gives the named ones the same probability and the others one that their R does not reach.
 */

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  for (const { path } of sqlFunctionFiles()) await connection.run(readFileSync(path, 'utf8'));
});
afterAll(() => connection.closeSync());

const whole = 2n ** 56n;
const numRuns = 40;

const rOf = fc.oneof(
  fc.integer({ min: 0, max: 30 }).map((n) => whole - 1n - BigInt(n)),
  fc.integer({ min: 0, max: 30 }).map((n) => BigInt(n)),
  fc.bigInt({ min: 0n, max: whole - 1n }),
);
const weightOf = fc.oneof(fc.constant(1), fc.constantFrom(0.5, 2, 3), fc.double({ min: 1e-6, max: 1e6, noNaN: true }));

/** One unit: rows of one R, each with an input probability that lets the R through. */
const unitOf = fc.tuple(rOf, fc.array(fc.tuple(weightOf, fc.constantFrom(0n, 0n, 0n, 1n, 2n, 3n), fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 9 }))
  .map(([r, rows]) => rows.map(([weight, cut, size]) => ({ r, weight, nIn: inputOf(whole - r, cut), size })));

function inputOf(n: bigint, cut: bigint): bigint {
  return cut === 0n ? whole : n + ((whole - n) / 4n) * cut;
}

const groupOf = fc.array(unitOf, { minLength: 1, maxLength: 25 });

/** A function under test: its arguments after the item are SQL over columns weight, size and the budget. */
interface Sampler {
  readonly name: string;
  readonly args: (budget: number) => string;
  readonly isWeighted: boolean;
  readonly isSized: boolean;
  readonly spread: Spread;
}

const weight = 'weight / (n_in / pow(2, 56))';
const samplers: readonly Sampler[] = [
  { name: 'bottom_k', args: (k) => `${k}`, isWeighted: false, isSized: false, spread: linear },
  { name: 'weighted_reservoir_sample', args: (k) => `${weight}, ${k}`, isWeighted: true, isSized: false, spread: linear },
  { name: 'weighted_reservoir_sample_exp', args: (k) => `${weight}, ${k}`, isWeighted: true, isSized: false, spread: exponential },
  { name: 'budget_sample', args: (budget) => `size, ${budget}`, isWeighted: false, isSized: true, spread: linear },
  { name: 'weighted_budget_sample', args: (budget) => `${weight}, size, ${budget}`, isWeighted: true, isSized: true, spread: linear },
];

async function fill(groups: readonly (readonly ReferenceRow[])[]): Promise<void> {
  await connection.run('CREATE OR REPLACE TABLE given (g INTEGER, "key" UHUGEINT, r UBIGINT, n_in UBIGINT, weight DOUBLE, size INTEGER)');
  const values = groups.flatMap((rows, g) => rows.map((row) => `(${g}, ${row.key}, ${row.r}, ${row.nIn}, ${row.weight}::DOUBLE, ${row.size ?? 1})`));
  await connection.run(`INSERT INTO given VALUES ${values.join(',')}`);
}

async function namedBy(name: string, args: string): Promise<Map<bigint, number>> {
  const item = `{'key': "key", 'r': r, 'n_in': n_in}`;
  const reader = await connection.runAndReadAll(`SELECT unnest(${name}(${item}, ${args}), recursive := true) FROM given GROUP BY g`);
  return new Map(reader.getRowsJS().map(([key, probability]) => [BigInt(String(key)), Number(probability)]));
}

/** How much the threshold may keep less than the walk, as a share: inclusion_bound and exponential_bound. */
const slack = new Map([[linear, 2 ** -49], [exponential, 2 ** -45]]);

function check(row: ReferenceRow, pick: ReferencePick, probability: number, spread: Spread): void {
  if (pick.q !== null) {
    expect(probability).toBe(-pick.q);
    return;
  }
  const n = BigInt(Math.floor(probability * 2 ** 56));
  expect(n).toBeLessThanOrEqual(row.nIn + 16n);
  if (n >= row.nIn) return;
  if (pick.tau === null) throw new Error(`${row.key}: ${n} is less than its input ${row.nIn}`);
  expect(spread(n, pick.nIn) / pick.weight).toBeLessThan(pick.tau);
  const more = n + BigInt(Math.ceil(Number(n) * (slack.get(spread) ?? 0))) + 1n;
  if (more < pick.nIn) expect(spread(more, pick.nIn) / pick.weight).toBeGreaterThanOrEqual(pick.tau * (1 - 2 ** -50));
}

/** Whether rows of two units have ranks, -ln(1 - u') / weight, that doubles cannot tell apart: logarithms of two libraries may order them differently. */
function hasNearTie(rows: readonly ReferenceRow[]): boolean {
  const ranks = rows.map(({ r, nIn, weight: ofRow }) => ({ r, rank: exponential(whole - r, nIn) / ofRow })).sort((a, b) => a.rank - b.rank);
  return ranks.some(({ r, rank }, index) => index > 0 && ranks[index - 1].r !== r && rank - ranks[index - 1].rank <= rank * 2 ** -45);
}

test.each(samplers)('$name names what the definition names', async ({ name, args, isWeighted, isSized, spread }) => {
  await fc.assert(fc.asyncProperty(fc.array(groupOf, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 60 }), async (made, drawn) => {
    const budget = isSized ? drawn : Math.ceil(drawn / 2);
    let key = 0n;
    const groups = made.map((units) => distinctR(units).flat().map((row) => (
      { ...row, weight: isWeighted ? roundTrip(row) : 1, size: isSized ? row.size : 1, key: ++key })));
    if (spread === exponential) fc.pre(groups.every((rows) => !hasNearTie(rows)));
    await fill(groups);
    const named = await namedBy(name, args(budget));
    const every = await namedBy(`${name}_every`, args(budget));
    const expected = new Map(groups.flatMap((rows) => [...referenceSample(rows, budget, spread)]));
    expect([...named.keys()].sort(ascending)).toEqual([...expected.keys()].sort(ascending));
    for (const row of groups.flat()) {
      const pick = expected.get(row.key);
      const probability = every.get(row.key) ?? Number.NaN;
      if (pick === undefined) expect(BigInt(Math.floor(probability * 2 ** 56))).toBeLessThan(whole - row.r);
      else expect(probability).toBe(named.get(row.key));
      if (pick !== undefined) check(row, pick, probability, spread);
    }
  }), { numRuns });
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
