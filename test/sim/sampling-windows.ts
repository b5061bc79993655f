import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { sqlFunctionFiles } from '../../src/sampling/sql-functions.ts';

/**
 * Many seeded windows in one table, sampled by the real macros in one statement, decided by the engine's integer rule,
 * and the estimates held against the truth.
 *
 * Chance is two rounds of DuckDB's hash with 64 bits of (seed, purpose) between them: nothing that the code under test uses.
 */

export const windowCount = 10_000;

/** How input was sampled before it came. */
export type InputKind = 'unsampled' | 'threshold' | 'attribute' | 'mixed';
export const inputKinds: readonly InputKind[] = ['unsampled', 'threshold', 'attribute', 'mixed'];

/** 2^56 as SQL. */
export const whole = '72057594037927936';

export async function openEngine(): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '3GB' });
  const connection = await instance.connect();
  for (const { path } of sqlFunctionFiles()) await connection.run(readFileSync(path, 'utf8'));
  return connection;
}

/** A whole number in [1, 2^56], uniform by (seed, purpose, what); `what` is SQL of a whole number. */
export function drawn(seed: string, purpose: string, what: string): string {
  const between = createHash('sha256').update(`${seed}/${purpose}`).digest().readBigUInt64LE(0);
  return `((hash(xor(hash((${what})::UBIGINT), ${between}::UBIGINT)) >> 8) + 1)::BIGINT`;
}

/** A double in (0, 1], likewise. */
export function chance(seed: string, purpose: string, what: string): string {
  return `(${drawn(seed, purpose, what)} / ${whole}::DOUBLE)`;
}

/**
 * Table `originals`: what was there before anybody sampled: w (window), item (number, unique), unit (trace), value (attribute,
 * 1 to 20), how it is sampled upstream (how: 0 nothing, 1 threshold, 2 attribute) and n_up, N of the upstream probability.
 * `unitSize` is SQL of the size of unit (window w, number u); a trace's upstream rate is its own, a log record's is drawn a record.
 */
export async function makeOriginals(connection: DuckDBConnection, options: {
  readonly seed: string;
  readonly kind: InputKind;
  readonly unitsPerWindow: number;
  readonly unitSize: string;
}): Promise<void> {
  const { seed, kind, unitsPerWindow, unitSize } = options;
  const how = { unsampled: '0', threshold: '1', attribute: '2', mixed: `floor(${chance(seed, 'by', 'item')} * 2.999)::INTEGER` }[kind];
  await connection.run(`CREATE OR REPLACE TABLE originals AS
    WITH units AS (SELECT w, u, w * ${unitsPerWindow} + u AS unit, ${unitSize} AS size
                   FROM range(${windowCount}) a(w), range(${unitsPerWindow}) b(u)),
         records AS (SELECT w, unit, row_number() OVER (ORDER BY unit, i) AS item FROM (SELECT *, unnest(range(size)) AS i FROM units)),
         made AS (SELECT *, exp(ln(20) * ${chance(seed, 'value', 'item')}) AS value, ${how} AS how,
                         floor(${chance(seed, 'rate', 'item')} * 2.999)::INTEGER AS rate FROM records)
    SELECT w, item, unit, value, how,
           CASE WHEN how = 0 THEN ${whole} ELSE [${whole}, ${whole} // 3, ${whole} // 2][rate + 1] END::BIGINT AS n_up, rate
    FROM made`);
}

/**
 * Table `arrived`: what comes out of upstream, with n (N = 2^56 - R as the input rules give it), n_in, adjusted_count and
 * value. A threshold keeps N <= n_up of the trace's N; a count-only sampler keeps by a coin that has nothing to do with R, and R is drawn
 * anew within the count (rule 3), the same for records of one trace and count.
 */
export async function makeArrived(connection: DuckDBConnection, seed: string): Promise<void> {
  await connection.run(`CREATE OR REPLACE TABLE arrived AS
    WITH drawn AS (SELECT *, ${drawn(seed, 'trace', 'unit')} AS n_trace, ${drawn(seed, 'coin', 'item')} AS n_coin,
                          ${drawn(seed, 'fresh', 'unit * 4 + rate')} AS n_fresh FROM originals),
         here AS (SELECT w, item, unit, value, n_up AS n_in,
                         CASE WHEN how = 2 AND n_up < ${whole} THEN ceil(n_fresh::DOUBLE * (n_up / ${whole}::DOUBLE))::BIGINT ELSE n_trace END AS n
                  FROM drawn WHERE CASE WHEN how = 2 THEN n_coin <= n_up ELSE n_trace <= n_up END)
    SELECT w, item, unit, value, n, n_in, ${whole}::DOUBLE / n_in AS adjusted_count,
           {'key': ((${whole} - n)::UHUGEINT << 64) + item::UHUGEINT, 'r': (${whole} - n)::UBIGINT, 'n_in': n_in::UBIGINT} AS sampling_item
    FROM here`);
}

/** A statement over `arrived` that names items: columns key UHUGEINT, probability DOUBLE. */
export type Sampler = (k: number) => string;

export const bottomK: Sampler = (k) =>
  `SELECT unnest(bottom_k(sampling_item, ${k}), recursive := true) FROM arrived GROUP BY w`;

export const weighted: Sampler = (k) =>
  `SELECT unnest(weighted_reservoir_sample(sampling_item, adjusted_count * value, ${k}), recursive := true) FROM arrived GROUP BY w`;

export const exponential: Sampler = (k) =>
  `SELECT unnest(weighted_reservoir_sample_exp(sampling_item, adjusted_count * value, ${k}), recursive := true) FROM arrived GROUP BY w`;

/** Sizes follow values, so that what is large is also what counts. */
export const budget: Sampler = (k) =>
  `SELECT unnest(budget_sample(sampling_item, ceil(value), ${k * 6}), recursive := true) FROM arrived GROUP BY w`;

export const weightedBudget: Sampler = (k) =>
  `SELECT unnest(weighted_budget_sample(sampling_item, adjusted_count * value, ceil(value), ${k * 6}), recursive := true) FROM arrived GROUP BY w`;

/** Two samples of different sizes and two rules, on one u. */
export const union: Sampler = (k) => `
  ${bottomK(k)} UNION ALL ${weighted(Math.ceil(k / 2))} UNION ALL
  SELECT sampling_item."key", 0.3 FROM arrived WHERE value > 15 UNION ALL
  SELECT sampling_item."key", 0.1 FROM arrived WHERE value < 5`;

/** What an estimator came to over all windows. */
export interface Outcome {
  /** Mean of the estimate over mean of the truth. */
  readonly ratio: number;
  /** Mean deviation from the truth over its own standard error. */
  readonly z: number;
  /**
   * The same for the deviation from what the arrived items stand for: upstream's noise, which is no fault of ours and has mean zero,
   * is not in it.
   */
  readonly zArrived: number;
  /** Four standard errors of that, as a share of the truth: a bias of this size shows as |z| near 4. */
  readonly resolution: number;
}

export interface Outcomes {
  readonly count: Outcome;
  readonly sum: Outcome;
  readonly kept: number;
  readonly splitKept: number;
}

/**
 * Decides what a statement names as the engine does (N_p = floor(p * 2^56), kept when N <= the greatest N_p, negative
 * probabilities by a coin of the record's own) and estimates count and sum a window. `both` is SQL of what a row stands for, over
 * its input's count, that is named either way and kept on its R.
 */
export async function outcomesOf(connection: DuckDBConnection, seed: string, named: string, both = '1'): Promise<Outcomes> {
  return estimate(connection, `
    WITH named AS (${named}),
         best AS (SELECT column_key AS key,
                         coalesce(max(floor(p * ${whole}::DOUBLE)::BIGINT) FILTER (WHERE p > 0), 0) AS n_p,
                         coalesce(max(-p) FILTER (WHERE p < 0), 0) AS q
                  FROM (SELECT COLUMNS(*) FROM named) t(column_key, p) GROUP BY ALL),
         decided AS (SELECT a.w, a.value, a.n_in, a.n, b.n_p, b.q
                     FROM best b JOIN arrived a ON a.sampling_item."key" = b.key
                     WHERE a.n <= b.n_p OR (b.q > 0 AND ${drawn(seed, 'split', 'a.item')} <= floor(b.q * ${whole}::DOUBLE)))
    SELECT w, value, q > 0 AS is_split,
           ${whole}::DOUBLE / n_in * CASE WHEN q = 0 THEN n_in / least(n_p, n_in)::DOUBLE WHEN n <= n_p THEN ${both} ELSE 1 / q END AS adjusted_count
    FROM decided`);
}

/** Estimates over a statement that gives kept rows: w, value, is_split, adjusted_count. */
export async function estimate(connection: DuckDBConnection, kept: string): Promise<Outcomes> {
  const reader = await connection.runAndReadAll(`
    WITH truth AS (SELECT w, count(*)::DOUBLE AS count, sum(value) AS sum FROM originals GROUP BY w),
         came AS (SELECT w, sum(adjusted_count) AS count, sum(adjusted_count * value) AS sum FROM arrived GROUP BY w),
         estimated AS (SELECT w, sum(adjusted_count) AS count, sum(adjusted_count * value) AS sum, count(*) AS kept,
                              count(*) FILTER (WHERE is_split) AS split FROM (${kept}) GROUP BY w),
         compared AS (SELECT t.count, t.sum, coalesce(e.count, 0) AS e_count, coalesce(e.sum, 0) AS e_sum, coalesce(c.count, 0) AS c_count,
                             coalesce(c.sum, 0) AS c_sum, coalesce(e.kept, 0) AS kept, coalesce(e.split, 0) AS split
                      FROM truth t LEFT JOIN estimated e USING (w) LEFT JOIN came c USING (w))
    SELECT ${['count', 'sum'].map((of) => `avg(${of}), ${meanAndError(`e_${of} - ${of}`)}, ${meanAndError(`e_${of} - c_${of}`)}`).join(', ')},
           avg(kept), avg(split) FROM compared`);
  const row = reader.getRowsJS()[0].map(Number);
  return { count: outcome(row.slice(0, 5)), sum: outcome(row.slice(5, 10)), kept: row[10], splitKept: row[11] };
}

function meanAndError(deviation: string): string {
  return `avg(${deviation}), stddev_samp(${deviation}) / sqrt(count(*))`;
}

function outcome([truth, mean, error, meanArrived, errorArrived]: readonly number[]): Outcome {
  return { ratio: 1 + mean / truth, z: mean / error, zArrived: meanArrived / errorArrived, resolution: (4 * errorArrived) / truth };
}

export function printed(name: string, { count, sum, kept, splitKept }: Outcomes): string {
  const of = ({ ratio, z, zArrived, resolution }: Outcome): string =>
    `${ratio.toFixed(4)} z ${z.toFixed(2)} and ${zArrived.toFixed(2)} (4 s.e. ${(resolution * 100).toFixed(2)} %)`;
  return `${name.padEnd(44)} count ${of(count)}  sum ${of(sum)}  kept ${kept.toFixed(1)} split ${splitKept.toFixed(1)}`;
}
