import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { sqlFunctionFiles } from '../../src/sampling/sql-functions.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: 12,000 windows of one trace of 500 records among 500 single ones, sampled by bottom_k, weighted_reservoir_sample and budget_sample, the large
 * trace larger than the sample (split, kept, dropped) and smaller. The walk is written here from the rules; that it names what the SQL functions
 * name, with their probabilities, is tested first on windows of the same making.
 * Guarantees (sampling.md, rules 14 and 15): count and sum of all records are unbiased; with 'drop' those of the single ones.
 * Controls: records of one trace taken for independent (0.67 for a trace of 20 among 40 single ones); a split on R itself; the large trace in the walk.
 */

const windows = 12_000;
const singles = 500;
const large = 500;

interface Row {
  readonly unit: number;
  readonly value: number;
  readonly size: number;
}

const spread = mulberry(1);
/** Units 0 to 499 are single records, unit 500 has 500. */
const rows: readonly Row[] = Array.from({ length: singles + large }, (_, i) => ({ unit: Math.min(i, singles), value: 1 + Math.floor(spread() * 20), size: 1 + Math.floor(spread() * 5) }));

interface Sampler {
  readonly name: string;
  readonly call: (budget: number, oversize: string) => string;
  readonly weight: (row: Row) => number;
  readonly size: (row: Row) => number;
  /** Two budgets: the large trace does not fit, and fits. */
  readonly budgets: readonly [number, number];
}

const samplers: readonly Sampler[] = [
  { name: 'bottom_k', call: (k, oversize) => `bottom_k(item, ${k}, oversize := '${oversize}')`, weight: () => 1, size: () => 1, budgets: [60, 800] },
  { name: 'weighted_reservoir_sample', call: (k, oversize) => `weighted_reservoir_sample(item, value, ${k}, oversize := '${oversize}')`, weight: ({ value }) => value, size: () => 1, budgets: [60, 800] },
  { name: 'budget_sample', call: (budget, oversize) => `budget_sample(item, size, ${budget}, oversize := '${oversize}')`, weight: () => 1, size: ({ size }) => size, budgets: [180, 2400] },
];

type Oversize = 'split' | 'keep' | 'drop';

/** What is asked of each unit: kept at `p` on its u, or (q) each of its rows by a hash of its own; null = not named. */
interface Said {
  readonly p: number;
  readonly q: number | null;
}

const unitRows = Array.from({ length: singles + 1 }, (_, unit) => rows.filter((row) => row.unit === unit));

interface Units {
  readonly weights: readonly number[];
  readonly sizes: readonly number[];
  readonly total: number;
}

function unitsOf({ weight, size }: Sampler): Units {
  const sizes = unitRows.map((own) => own.reduce((sum, row) => sum + size(row), 0));
  return { weights: unitRows.map((own) => Math.max(...own.map(weight))), sizes, total: sizes.reduce((sum, one) => sum + one, 0) };
}

/** The walk over units by rank, which stops at the first that does not fit; what is larger than the budget is not in it. */
function walk({ weights, sizes, total }: Units, u: Float64Array, budget: number, oversize: Oversize): (Said | null)[] {
  const order = Array.from(u.keys()).filter((unit) => sizes[unit] <= budget).sort((a, b) => u[a] / weights[a] - u[b] / weights[b]);
  let used = 0;
  let taken = 0;
  while (taken < order.length && used + sizes[order[taken]] <= budget) used += sizes[order[taken++]];
  const tau = taken === order.length ? Infinity : u[order[taken]] / weights[order[taken]];
  const said = new Array<Said | null>(u.length).fill(null);
  for (const unit of order.slice(0, taken)) said[unit] = { p: Math.min(1, weights[unit] * tau), q: null };
  sizes.forEach((one, unit) => {
    if (one > budget && oversize !== 'drop') said[unit] = oversize === 'keep' ? { p: 1, q: null } : { p: 0, q: Math.min(1, budget / total) };
  });
  return said;
}

/** How a window's draws and hashes become an estimate of how many records there are, and of their values' sum. */
type Estimate = (u: Float64Array, chance: () => number) => readonly [count: number, sum: number];

function estimateBy(sampler: Sampler, budget: number, oversize: Oversize, isSplitOnR = false): Estimate {
  const units = unitsOf(sampler);
  return (u, chance) => {
    let [count, sum] = [0, 0];
    walk(units, u, budget, oversize).forEach((said, unit) => {
      if (said === null || (said.q === null && u[unit] > said.p)) return;
      for (const { value } of unitRows[unit]) {
        if (said.q !== null && (isSplitOnR ? u[unit] : chance()) > said.q) continue;
        count += 1 / (said.q ?? said.p);
        sum += value / (said.q ?? said.p);
      }
    });
    return [count, sum];
  };
}

interface Found {
  readonly ratio: number;
  readonly z: number;
  /** Four standard errors over the truth. */
  readonly resolution: number;
}

/** Estimates over the truth, in 12,000 windows. */
function simulate(estimate: Estimate, units: number, truth: readonly [number, number], seed: number, runs = windows): Found[] {
  const chance = mulberry(seed);
  const sums = [[0, 0], [0, 0]];
  const u = new Float64Array(units);
  for (let run = 0; run < runs; run++) {
    for (let unit = 0; unit < units; unit++) u[unit] = 1 - chance();
    estimate(u, chance).forEach((found, i) => {
      sums[i][0] += found - truth[i];
      sums[i][1] += (found - truth[i]) ** 2;
    });
  }
  return sums.map(([off, squares], i) => {
    const error = Math.sqrt(squares / runs - (off / runs) ** 2) / Math.sqrt(runs);
    return { ratio: 1 + off / runs / truth[i], z: off / runs / error, resolution: (4 * error) / truth[i] };
  });
}

const truthOf = (some: readonly Row[]): readonly [number, number] => [some.length, some.reduce((sum, { value }) => sum + value, 0)];
const printed = (found: readonly Found[]): string => found.map(({ ratio, z, resolution }) => `${ratio.toFixed(4)} z ${z.toFixed(2)} (4 s.e. ${(resolution * 100).toFixed(1)} %)`).join('  ');

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  for (const { path } of sqlFunctionFiles()) await connection.run(readFileSync(path, 'utf8'));
});
afterAll(() => connection.closeSync());

const cases = samplers.flatMap((sampler) => sampler.budgets.flatMap((budget, i) => (
  (i === 0 ? ['split', 'keep', 'drop'] as const : ['split'] as const).map((oversize) => ({ name: sampler.name, sampler, budget, oversize })))));

describe.each(cases)('$name within $budget, $oversize', ({ sampler, budget, oversize }) => {
  test('the walk is that of the SQL function', async () => {
    const chance = mulberry(budget);
    for (let run = 0; run < 20; run++) {
      const u = Float64Array.from({ length: singles + 1 }, () => 1 - chance());
      const values = rows.map(({ unit, value, size }, i) => `(${i}, ${2n ** 56n - BigInt(u[unit] * 2 ** 56)}, ${value}, ${size})`);
      const reader = await connection.runAndReadAll(`SELECT unnest(${sampler.call(budget, oversize)}, recursive := true)
        FROM (SELECT {'key': i::UHUGEINT, 'r': r::UBIGINT, 'n_in': ${2n ** 56n}::UBIGINT} AS item, value::DOUBLE AS value, size FROM (VALUES ${values.join(',')}) t(i, r, value, size))`);
      const named = new Map(reader.getRowsJS().map(([key, p]) => [Number(key), Number(p)]));
      const said = walk(unitsOf(sampler), u, budget, oversize);
      rows.forEach(({ unit }, i) => {
        const expected = said[unit] === null ? undefined : said[unit].q === null ? said[unit].p : -said[unit].q;
        const found = named.get(i);
        if (expected === undefined || found === undefined) expect(found).toBe(expected);
        else expect(found / expected).toBeCloseTo(1, 9);
      });
    }
  });

  test('is unbiased', () => {
    const found = simulate(estimateBy(sampler, budget, oversize), singles + 1, truthOf(oversize === 'drop' ? rows.slice(0, singles) : rows), budget + oversize.length);
    console.log(sampler.name, budget, oversize, printed(found));
    for (const { z, resolution } of found) {
      expect(Math.abs(z)).toBeLessThan(4);
      expect(resolution).toBeLessThan(0.02);
    }
  });
});

describe('controls', () => {
  const [sampler] = samplers;

  test('records of one trace taken for independent: a trace of 20 among 40 single ones is never kept, 0.67', () => {
    const k = 10;
    const found = simulate((u) => {
      const records = Array.from(u).flatMap((one, unit) => new Array<number>(unit === 40 ? 20 : 1).fill(one)).sort((a, b) => a - b);
      const tau = records[k];
      const count = records.filter((one) => one < tau).length / tau;
      return [count, count];
    }, 41, [60, 60], 5);
    console.log('control: records taken for independent', printed(found));
    expect(found[0].ratio).toBeCloseTo(2 / 3, 1);
    expect(found[0].z).toBeLessThan(-20);
  });

  test('a split on R itself, beside a rule on the same R, is too low', () => {
    // With p1 = 0.5 for all and q on the same R the count 1 / (1 - (1 - p1)(1 - q)) is that of two independent choices.
    const [p1, q] = [0.5, 0.06];
    const both = (isSplitOnR: boolean): Estimate => (u, chance) => {
      let count = 0;
      for (let i = 0; i < large; i++) if (u[0] <= p1 || (isSplitOnR ? u[0] : chance()) <= q) count += 1 / (1 - (1 - p1) * (1 - q));
      return [count, count];
    };
    const [own, onR] = [false, true].map((isSplitOnR) => simulate(both(isSplitOnR), 1, [large, large], 6));
    console.log('control: split by a hash', printed(own), 'on R', printed(onR));
    expect(Math.abs(own[0].z)).toBeLessThan(4);
    expect(onR[0].ratio).toBeCloseTo(p1 / (1 - (1 - p1) * (1 - q)), 1);
    expect(onR[0].z).toBeLessThan(-4);
  });

  test('a large trace in the walk that stops at it: the single ones behind it and the trace itself are short', () => {
    const k = sampler.budgets[0];
    const found = simulate((u) => {
      const order = Array.from(u.keys()).sort((a, b) => u[a] - u[b]);
      let used = 0;
      let taken = 0;
      while (taken < order.length && used + unitRows[order[taken]].length <= k) used += unitRows[order[taken++]].length;
      const count = taken === order.length ? rows.length : used / u[order[taken]];
      return [count, count];
    }, singles + 1, [rows.length, rows.length], 7);
    console.log('control: the large trace in the walk', printed(found));
    expect(found[0].z).toBeLessThan(-20);
  });
});
