import { describe, expect, test } from 'vitest';
import { violationsOf } from './system/checks.ts';
import { Estimates } from './system/estimates.ts';
import { crashesAtEveryOperation } from './system/every-write.ts';
import { biasedSet } from './system/policies.ts';
import type { Scenario } from './system/scenario.ts';
import { sabotages } from './system/sabotage.ts';
import { Simulation } from './system/simulate.ts';

/**
 * Scenario: runs of test/sim/system, some seconds of `npm run sim`: the real processor over a fake clock, disk and network. Senders lose answers and send again,
 * batches are delayed, the next hop fails, policies fail and are replaced, memory is short, stress relief sets in, processes and machines crash.
 * Guarantees: what checks.ts says.
 * Controls: the same runs with a system that was broken in one place, each found by the complaint that belongs to it.
 */

/** What was found in runs from a seed on, until one of them is complained of by these words, or `runsMax`. */
async function complaints(from: number, runsMax: number, words: RegExp | null = null, changed: Partial<Scenario> = {}): Promise<string[]> {
  const found: string[] = [];
  for (let seed = from; seed < from + runsMax; seed++) {
    found.push(...violationsOf(await new Simulation(seed, changed).run()));
    if (words !== null && found.some((complaint) => words.test(complaint))) break;
  }
  return found;
}

const calm: Partial<Scenario> = { isDurable: false, crashes: [], diskAway: null, retainsOnDisk: false };
const crashing: Partial<Scenario> = {
  isDurable: true, sync: 'fsync', waitAfterRootMs: null, spansMax: null, isAtOnce: false, sessions: null, disk: { shortWrite: 0.1, writeError: 0, syncError: 0 }, diskAway: null,
  crashes: [30, 45, 60].map((afterOperations) => ({ afterOperations, by: 'kill' as const })), policies: [{ atMs: 0, set: 0 }], stress: [], relief: null,
};
const losingPower: Partial<Scenario> = { ...crashing, sync: 'async', crashes: [60, 60].map((afterOperations) => ({ afterOperations, by: 'powerLoss' as const })) };

describe('the system under faults', () => {
  test('a few runs: no violations', { timeout: 300_000 }, async () => {
    expect(await complaints(1, 4)).toEqual([]);
  });

  test('a seed gives the same run again', { timeout: 60_000 }, async () => {
    for (const seed of [7]) {
      const [first, again] = [await new Simulation(seed).run(), await new Simulation(seed).run()];
      expect(again.backend.received).toEqual(first.backend.received);
      expect(again.faults).toEqual(first.faults);
    }
  });

  /** Complaints of runs that crash at every `step`th operation of the disk, until one of them has these words. */
  async function complaintsOfCrashes(step: number, words: RegExp | null = null): Promise<string[]> {
    const found: string[] = [];
    for await (const { run } of crashesAtEveryOperation(3, step)) {
      expect(run.processes).toBe(2);
      found.push(...violationsOf(run));
      if (words !== null && found.some((complaint) => words.test(complaint))) break;
    }
    return found;
  }

  test('a process that dies at operations all along the way loses nothing, and tears nothing', { timeout: 300_000 }, async () => {
    expect(await complaintsOfCrashes(10)).toEqual([]);
  });

  test('control: where batches are acknowledged early, some of these crashes lose them', { timeout: 300_000 }, async () => {
    const mend = sabotages.acknowledgesEarly();
    try {
      expect((await complaintsOfCrashes(3, /is lost/)).some((complaint) => /is lost/.test(complaint))).toBe(true);
    } finally {
      mend();
    }
  });

  const torn = /is torn|two thresholds|left with/;
  const controls: readonly [name: keyof typeof sabotages, from: number, words: RegExp, changed: Partial<Scenario>][] = [
    ['forgetsKept', 2, torn, calm],
    ['decidesUnlogged', 2, torn, { ...crashing, policies: [{ atMs: 0, set: 1 }] }],
    ['neverSyncs', 1, /is lost/, losingPower],
    ['marksNothing', 1, /went both ways/, { ...calm, routesDropped: true }],
    ['halvesLate', 1, /R is below its threshold|without a threshold/, calm],
    // So little that a system which keeps to it takes next to nothing.
    ['takesAll', 7, /memory was filled/, { ...calm, memoryLimitBytes: 80_000, softLimit: null, splices: false, routesDropped: false }],
  ];
  test.each(controls)('control: %s is found', { timeout: 300_000 }, async (name, from, words, changed) => {
    const mend = sabotages[name]();
    try {
      expect((await complaints(from, 20, words, changed)).some((complaint) => words.test(complaint))).toBe(true);
    } finally {
      mend();
    }
  });

  test('control: without a change, the same runs are not complained of', { timeout: 300_000 }, async () => {
    expect(await complaints(1, 2, null, crashing)).toEqual([]);
    expect(await complaints(1, 2, null, losingPower)).toEqual([]);
  });

  test('control: estimates of a policy that hides what it drops are off', { timeout: 300_000 }, async () => {
    const estimates = new Estimates();
    for (let seed = 1; seed <= 2; seed++) estimates.add(await new Simulation(seed, { ...calm, policies: [{ atMs: 0, set: biasedSet }], stress: [], relief: null, pastHorizon: 'policy' }).run());
    expect(estimates.of('traces').z).toBeLessThan(-4);
  });
});
