import type { OpenPolicies } from '../../policies.ts';
import type { GivenItems } from '../given/given-items.ts';
import { TraceKeys } from '../given/trace-keys.ts';
import { type Items, readItems } from '../kept-items.ts';
import { PipelineRun, type RunSettings } from '../pipeline-run.ts';
import { Gathered, type NamedItems } from './case-run.ts';
import { type Failure, shownNumber } from './check-kept.ts';
import type { Unbiased } from './declaration.ts';
import { keptUnits } from './kept-units.ts';

/** How an estimate did over seeds. */
export interface SeedEstimate {
  /** What is estimated, as `spans of cart`. */
  readonly key: string;
  readonly truth: number;
  readonly mean: number;
  /** Standard error of the mean. */
  readonly error: number;
  /** (mean - truth) / error; 0 where both are equal, infinite where only the error is 0. */
  readonly z: number;
  readonly seeds: number;
}

export interface UnbiasedRun {
  readonly estimates: readonly SeedEstimate[];
  readonly failures: readonly Failure[];
}

interface Sum { truth: number; sum: number; squares: number }

export interface UnbiasedOptions {
  /** Names the seeds' ids. */
  readonly seedName: string;
  readonly progress: (share: number) => void;
  readonly signal: AbortSignal;
}

/** Engines that share the seeds: planning a policy is most of the work, and keeps one core busy. */
const lanes = 2;

/**
 * Runs the same telemetry under many seeds' ids, each seed in windows of its own, and holds the mean estimate of every key against the
 * truth: |z| must stay within `zMax`.
 */
export async function checkUnbiased(
  compiled: OpenPolicies, settings: RunSettings, items: GivenItems, wanted: Unbiased, options: UnbiasedOptions,
): Promise<UnbiasedRun> {
  items.batches.forEach((batch) => TraceKeys.assertRenamable(batch));
  const keys = new TraceKeys();
  items.batches.forEach((batch) => keys.add(batch));
  const sums = truths(compiled, settings, { items, keys, ids: keys.idsOf(options.seedName) }, wanted.by);
  let seeds = 0;
  const take = (estimated: ReadonlyMap<string, number>): void => {
    addTo(sums, estimated);
    options.progress(++seeds / wanted.seeds);
  };
  const errors = await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(
    { compiled, settings, items, keys, by: wanted.by, seedName: options.seedName, seeds: lane, end: wanted.seeds }, take, options.signal)));
  const error = errors.find((one) => one !== null) ?? null;
  if (error !== null) return { estimates: [], failures: [{ path: 'unbiased', expected: 'policies that run', got: error }] };
  if (seeds < wanted.seeds) return { estimates: [], failures: [{ path: 'unbiased', expected: `${wanted.seeds} seeds`, got: `stopped after ${seeds}` }] };
  const results = [...sums].map(([key, sum]) => seedEstimate(key, sum, seeds));
  return { estimates: results, failures: results.flatMap((result) => failureOf(result, wanted.zMax)) };
}

interface Lane {
  readonly compiled: OpenPolicies;
  readonly settings: RunSettings;
  readonly items: GivenItems;
  readonly keys: TraceKeys;
  readonly by: Unbiased['by'];
  readonly seedName: string;
  /** The first seed; every `lanes`th after it, up to `end`. */
  readonly seeds: number;
  readonly end: number;
}

/** Runs one lane's seeds in one engine after the other; gives the first error of a policy. */
async function runLane({ compiled, settings, items, keys, by, seedName, seeds, end }: Lane, take: (estimated: ReadonlyMap<string, number>) => void, signal: AbortSignal): Promise<string | null> {
  const gathered = new Gathered(settings.inputWithoutThreshold);
  const seedNano = BigInt(Math.round(settings.windowMs * 1e6)) * BigInt(items.windows + windowsBetween(compiled, settings));
  const run = await PipelineRun.open(compiled, settings, gathered);
  try {
    for (let seed = seeds; seed < end && !signal.aborted; seed += lanes) {
      const ids = keys.idsOf(`${seedName} ${seed}`);
      for (const number of items.batches.keys()) await run.give(keys.renamed(number, ids, seedNano * BigInt(seed)));
      await run.drain();
      take(estimates(items, gathered.take().items, by));
      if (run.tally.firstError !== null) return run.tally.firstError;
    }
    return null;
  } finally {
    run.close();
  }
}

/** What there is by key, as the input's own counts say; of signals that some policy decides on. */
function truths({ policies }: OpenPolicies, { inputWithoutThreshold }: RunSettings, { items, keys, ids }: NamedItems, by: Unbiased['by']): Map<string, Sum> {
  const decided = new Set(policies.map(({ signal }) => signal));
  const said = items.batches.map((_, number) => readItems(keys.renamed(number, ids, 0n), inputWithoutThreshold)).filter(({ signal }) => decided.has(signal));
  return new Map([...estimates(items, said, by)].map(([key, truth]) => [key, { truth, sum: 0, squares: 0 }]));
}

/** Empty windows between two seeds: no span of one is waited for in the other, and policies that look back see nothing of it. */
function windowsBetween({ policies }: OpenPolicies, { windowMs, decisionWaitMs }: RunSettings): number {
  return policies.reduce((most, { history }) => Math.max(most, history?.windowsMax ?? 0), 2 + Math.ceil(decisionWaitMs / windowMs));
}

/** What the items say there are, by key. */
function estimates(given: GivenItems, kept: readonly Items[], by: Unbiased['by']): Map<string, number> {
  const sums = new Map<string, number>();
  const add = (key: string, count: number): void => void sums.set(key, (sums.get(key) ?? 0) + count);
  if (by === 'name') {
    for (const { unit, count } of keptUnits(given, kept)) add(given.units?.[unit].name ?? '', count);
    return sums;
  }
  for (const { signal, count, services, counts, isUnknown } of kept) {
    const what = signal === 'traces' ? 'spans' : 'log records';
    for (let row = 0; row < count; row++) if (isUnknown[row] === 0) add(by === 'service' ? `${what} of ${services[row] === '' ? 'no service' : services[row]}` : what, counts[row]);
  }
  return sums;
}

function addTo(sums: Map<string, Sum>, estimated: ReadonlyMap<string, number>): void {
  for (const [key, value] of estimated) {
    const sum = sums.get(key) ?? { truth: 0, sum: 0, squares: 0 };
    sums.set(key, sum);
    sum.sum += value;
    sum.squares += (value - sum.truth) ** 2;
  }
  for (const [key, sum] of sums) if (!estimated.has(key)) sum.squares += sum.truth ** 2;
}

/**
 * Deviations are summed about the truth, which loses no digits: the variance is mean square minus square of the mean deviation. Where the
 * mean is below the truth the variance is scaled to what it would be at the truth: it is small exactly when little was kept by chance, and
 * rare keys would else fail by it.
 */
function seedEstimate(key: string, { truth, sum, squares }: Sum, seeds: number): SeedEstimate {
  const mean = sum / seeds;
  const variance = Math.max(0, (squares / seeds - (mean - truth) ** 2) * (seeds / Math.max(1, seeds - 1)));
  const error = Math.sqrt((variance * (mean > 0 && mean < truth ? truth / mean : 1)) / seeds);
  const off = Math.abs(mean - truth) <= 1e-9 * Math.max(1, Math.abs(truth)) ? 0 : mean - truth;
  return { key, truth, mean, error, z: off === 0 ? 0 : off / Math.max(error, 1e-12 * Math.abs(truth)), seeds };
}

function failureOf({ key, truth, mean, error, z, seeds }: SeedEstimate, zMax: number): Failure[] {
  if (Math.abs(z) <= zMax) return [];
  if (mean === 0) return [{ path: 'unbiased', expected: `${shownNumber(truth)} ${key} on average`, got: `none kept over ${seeds} seeds; where that is chance, give more of them, or more seeds` }];
  const ratio = truth === 0 ? '' : `, ${shownNumber(mean / truth)} of the truth`;
  return [{ path: 'unbiased', expected: `${shownNumber(truth)} ${key} on average`, got: `${shownNumber(mean)} +- ${shownNumber(error)} over ${seeds} seeds (z ${shownNumber(z)}${ratio})` }];
}
