import type { Crash, RunRecord } from './simulate.ts';
import { Simulation } from './simulate.ts';
import type { Scenario } from './scenario.ts';

/** A scenario with a disk that does not fail but by crashes, and little else to do. */
const small: Partial<Scenario> = { activeMs: 4000, lengthMs: 4000, waitMs: 0, isDurable: true, sync: 'fsync', disk: { shortWrite: 0.1, writeError: 0, syncError: 0 }, diskAway: null };

/** A run that died at an operation of the disk, and came back. */
export interface CrashRun {
  readonly afterOperations: number;
  readonly by: Crash['by'];
  readonly run: RunRecord;
}

/** The run of a seed, made small, once for each operation of the disk (every `step`th) that its process may die at, killed and without power in turn. */
export async function* crashesAtEveryOperation(seed: number, step = 1): AsyncGenerator<CrashRun, number, undefined> {
  const { operations } = await new Simulation(seed, { ...small, crashes: [] }).run();
  for (let afterOperations = 1; afterOperations <= operations; afterOperations += step) {
    for (const by of ['kill', 'powerLoss'] as const) yield { afterOperations, by, run: await new Simulation(seed, { ...small, crashes: [{ afterOperations, by }] }).run() };
  }
  return operations;
}
