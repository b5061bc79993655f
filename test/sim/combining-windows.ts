import type { DuckDBConnection } from '@duckdb/node-api';
import type { Combine } from '../../src/pipeline/combining.ts';
import type { RowFacts } from '../../src/pipeline/kept-of-policy.ts';
import { decideLogs } from '../../src/pipeline/log-verdict.ts';
import type { NamedRows } from '../../src/pipeline/named-rows.ts';
import { RowCeilings } from '../../src/pipeline/row-ceilings.ts';
import type { PolicyMode } from '../../src/policy/compile/compiled.ts';
import type { PolicyOutcome } from '../../src/policy/window-policies.ts';
import { encodeInputProbability } from '../../src/sampling/input-probability.ts';
import type { Probability } from '../../src/sampling/probability.ts';
import { inputStates, type SamplingInput } from '../../src/sampling/input-state.ts';
import { KeyedHash } from '../../src/sampling/keyed-hash.ts';
import { stampRows, TracestateCache } from '../../src/sampling/stamp.ts';
import { formatThreshold, isKeptAt, thresholdOf } from '../../src/sampling/threshold.ts';
import { reading } from '../sql/store/projected.ts';
import { windowCount } from './sampling-windows.ts';

const whole = 2 ** 56;

/** The rows of all windows, as one window of log records; row i is arrived item `items[i]`. */
export interface SimRows {
  readonly count: number;
  readonly w: Uint32Array;
  readonly value: Float64Array;
  /** N = 2^56 - R, and N of the input probability. */
  readonly n: BigInt64Array;
  readonly nIn: BigInt64Array;
  readonly rowOf: ReadonlyMap<number, number>;
  /** Four words a row, as the engine's ids have them. */
  readonly keys: Uint32Array;
  /** What was there before anybody sampled. */
  readonly originals: { readonly w: Uint32Array; readonly value: Float64Array };
}

async function columns(connection: DuckDBConnection, sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await connection.runAndReadAll(sql)).getColumns();
}

/** Reads the tables that makeOriginals and makeArrived made. */
export async function loadRows(connection: DuckDBConnection): Promise<SimRows> {
  const [w, item, value, n, nIn] = await columns(connection, 'SELECT w, item, value, n, n_in FROM arrived ORDER BY w, item');
  const [wAll, valueAll] = await columns(connection, 'SELECT w, value FROM originals');
  const count = w.length;
  const rows = {
    count, w: Uint32Array.from(w, Number), value: Float64Array.from(value, Number),
    n: BigInt64Array.from(n, (x) => BigInt(String(x))), nIn: BigInt64Array.from(nIn, (x) => BigInt(String(x))),
    rowOf: new Map(item.map((number, row) => [Number(number), row])), keys: new Uint32Array(count * 4),
    originals: { w: Uint32Array.from(wAll, Number), value: Float64Array.from(valueAll, Number) },
  };
  const codes = new Map([...new Set(rows.nIn)].map((each) => [each, encodeInputProbability(each)]));
  for (let row = 0; row < count; row++) {
    const r = 2n ** 56n - rows.n[row];
    rows.keys.set([row, codes.get(rows.nIn[row]) ?? 0, Number(r & 0xffffffffn), Number(r >> 32n)], row * 4);
  }
  return rows;
}

function named({ keys }: SimRows, rowNumbers: readonly number[], probabilities: readonly number[]): NamedRows {
  const own = new Uint32Array(rowNumbers.length * 4);
  const n = BigUint64Array.from(probabilities, (p) => BigInt(Math.floor(Math.abs(p) * whole)));
  rowNumbers.forEach((row, index) => own.set(keys.subarray(row * 4, row * 4 + 4), index * 4));
  const split = probabilities.some((p) => p < 0) ? Uint8Array.from(probabilities, (p) => (p < 0 ? 1 : 0)) : null;
  return { count: rowNumbers.length, keys: own, n: new Uint32Array(n.buffer), split };
}

/** What a statement over `arrived` names: key, probability. */
export async function namedBy(connection: DuckDBConnection, rows: SimRows, sql: string): Promise<NamedRows> {
  const [item, probability] = await columns(connection, `SELECT (k & 4294967295::UHUGEINT)::BIGINT, p FROM (SELECT COLUMNS(*) FROM (${sql})) t(k, p)`);
  return named(rows, item.map((number) => rows.rowOf.get(Number(number)) ?? -1), probability.map(Number));
}

/** What a rule by value (and, for controls, N) names; null names nothing. */
export function rule(rows: SimRows, p: (value: number, n: number) => number | null): NamedRows {
  const found = Array.from(rows.value, (value, row) => ({ row, p: p(value, Number(rows.n[row])) })).filter((each) => each.p !== null);
  return named(rows, found.map(({ row }) => row), found.map((each) => each.p ?? 0));
}

/** Of what was named those that R keeps: what a wrong first_match goes by. */
export function keptOnly(rows: SimRows, { count, keys, n }: NamedRows): NamedRows {
  const kept = Array.from({ length: count }, (_, i) => i).filter((i) => isKeptAt(keys[i * 4 + 2], keys[i * 4 + 3], n[i * 2], n[i * 2 + 1]));
  return named(rows, kept.map((i) => keys[i * 4]), kept.map(() => 1));
}

export interface How {
  readonly combine?: Combine;
  readonly drops?: readonly NamedRows[];
  /** Place of a policy that fails; all rows of the window go by `fallback` in its place. */
  readonly failing?: number;
  readonly fallback?: number;
  /** Tempting and wrong: 1 / (1 - product of 1 - p); counts of p before ceilings; splits without the ceiling's share. */
  readonly countAs?: 'independent' | 'uncapped' | 'ceilings of splits ignored';
}

export interface Outcome {
  readonly ratio: number;
  readonly z: number;
  /** Four standard errors as a share of the truth. */
  readonly resolution: number;
}

export interface Estimated {
  readonly count: Outcome;
  readonly sum: Outcome;
  /** Each policy's own estimate of how many there are, over the truth. */
  readonly own: readonly number[];
  /** Whether some were named for a hash of their own. */
  readonly hasSplits: boolean;
}

const hash = new KeyedHash(Uint8Array.from({ length: 16 }, (_, i) => i));

/** Decides all windows, stamps what is kept, and holds the estimates of what `isMeant` against the truth. */
export function estimated(rows: SimRows, policies: readonly NamedRows[], how: How, isMeant: (value: number) => boolean): Estimated {
  const { combine = 'union', drops = [], failing = -1, fallback = whole } = how;
  const ceilings = drops.length === 0 ? null : new RowCeilings(rows.count);
  for (const drop of drops) ceilings?.lower(drop);
  const isFailed = (place: number): boolean => place === failing;
  const said = policies.map((each, place) => (isFailed(place) ? rule(rows, () => fallback / whole) : each));
  const facts: RowFacts = {
    rowCount: rows.count, unknown: null, ceilings: ceilings?.n ?? null,
    isHashWithin: (row, rLow, rHigh, nLow, nHigh) => {
      hash.hashSplit(rLow, rHigh, 7, row);
      return isKeptAt(hash.low, hash.high, nLow, nHigh);
    },
  };
  const outcomes = [...said.map((_, place) => outcome('enforce', isFailed(place))), ...drops.map(() => outcome('drop', false))];
  const verdict = decideLogs({ outcomes, named: [...said, ...drops], ceilings, facts, itemBytes: 0 }, { combine, reasons: null });
  const input = inputOf(rows);
  const { kept } = verdict;
  const stamps = stampRows(input, inputStates(input, 'unsampled', hash), {
    rows: kept.wseq, n: kept.n, nSplit: kept.nSplit, nCeiling: how.countAs === 'ceilings of splits ignored' ? null : kept.nCeiling, decidedBy: 'row',
  }, hash, new TracestateCache());
  const counts = how.countAs === 'independent' || how.countAs === 'uncapped' ? wrongCounts(rows, said, stamps.rows, how.countAs) : stamps.adjustedCount;
  const truth = rows.originals;
  return {
    count: compared(totals(stamps.rows, (i) => counts[i], rows.w), totalsOfAll(truth.w, (i) => (isMeant(truth.value[i]) ? 1 : 0))),
    sum: compared(totals(stamps.rows, (i, row) => counts[i] * rows.value[row], rows.w), totalsOfAll(truth.w, (i) => (isMeant(truth.value[i]) ? truth.value[i] : 0))),
    own: verdict.policies.map(({ estimate }) => estimate / truth.value.filter(isMeant).length),
    hasSplits: kept.nSplit !== null,
  };
}

function outcome(mode: PolicyMode, isFailed: boolean): PolicyOutcome {
  const picks = { count: 0, keyBytes: new Uint8Array(0), n: new BigUint64Array(0), split: null };
  return { policy: { ...reading('logs', []), mode }, picks: isFailed ? null : picks, error: null, elapsedMs: 0, history: null };
}

/** Log records whose trace ids have R, with the thresholds that they came with. */
function inputOf(rows: SimRows): SamplingInput {
  const traceIds = new Uint8Array(rows.count * 16).fill(1);
  const view = new DataView(traceIds.buffer);
  for (let row = 0; row < rows.count; row++) {
    view.setUint8(row * 16 + 9, rows.keys[row * 4 + 3] >>> 16);
    view.setUint16(row * 16 + 10, rows.keys[row * 4 + 3] & 0xffff);
    view.setUint32(row * 16 + 12, rows.keys[row * 4 + 2]);
  }
  const text = new Map([...new Set(rows.nIn)].map((nIn) => [nIn, formatThreshold(thresholdOf(nIn as Probability))]));
  return {
    signal: 'logs', rowCount: rows.count, traceIds, traceStates: null, adjustedCounts: null, randomness: null,
    thresholds: Array.from(rows.nIn, (nIn) => text.get(nIn) ?? null), batchOrdinal: 7,
  };
}

function wrongCounts(rows: SimRows, said: readonly NamedRows[], kept: Uint32Array, how: 'independent' | 'uncapped'): Float64Array {
  const missed = new Float64Array(rows.count).fill(1);
  const most = new Float64Array(rows.count);
  for (const { count, keys, n } of said) {
    for (let i = 0; i < count; i++) {
      const row = keys[i * 4];
      const p = Math.min((n[i * 2 + 1] * 2 ** 32 + n[i * 2]) / whole, Number(rows.nIn[row]) / whole);
      missed[row] *= 1 - p;
      most[row] = Math.max(most[row], p);
    }
  }
  return Float64Array.from(kept, (row) => 1 / (how === 'independent' ? 1 - missed[row] : most[row]));
}

function totals(kept: Uint32Array, of: (i: number, row: number) => number, w: Uint32Array): Float64Array {
  const sums = new Float64Array(windowCount);
  kept.forEach((row, i) => { sums[w[row]] += of(i, row); });
  return sums;
}

function totalsOfAll(w: Uint32Array, of: (i: number) => number): Float64Array {
  const sums = new Float64Array(windowCount);
  w.forEach((window, i) => { sums[window] += of(i); });
  return sums;
}

function compared(estimates: Float64Array, truths: Float64Array): Outcome {
  const mean = (of: Float64Array): number => of.reduce((sum, x) => sum + x, 0) / of.length;
  const deviations = estimates.map((estimate, i) => estimate - truths[i]);
  const off = mean(deviations);
  const error = Math.sqrt(mean(deviations.map((each) => (each - off) ** 2)) / (deviations.length - 1));
  const truth = mean(truths);
  return { ratio: 1 + off / truth, z: off / error, resolution: (4 * error) / truth };
}

export function isUnbiased({ count, sum }: Estimated): boolean {
  return Math.abs(count.z) < 4 && Math.abs(sum.z) < 4;
}

export function printed(name: string, { count, sum, own }: Estimated): string {
  const of = ({ ratio, z, resolution }: Outcome): string => `${ratio.toFixed(4)} z ${z.toFixed(2)} (4 s.e. ${(resolution * 100).toFixed(2)} %)`;
  return `${name.padEnd(44)} count ${of(count)}  sum ${of(sum)}  own ${own.map((ratio) => ratio.toFixed(3)).join(' ')}`;
}
