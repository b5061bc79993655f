import { describe, expect, test } from 'vitest';
import { violationsOf } from './system/checks.ts';
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

const crashing: Partial<Scenario> = { isDurable: true, waitAfterRootMs: null, spansMax: null, disk: { shortWrite: 0.1, writeError: 0, syncError: 0 } };

describe('the system under faults', () => {
  test('a few runs: no violations', { timeout: 300_000 }, async () => {
    expect(await complaints(1, 5)).toEqual([]);
  });

  test('a seed gives the same run again', { timeout: 60_000 }, async () => {
    for (const seed of [7, 12]) {
      const [first, again] = [await new Simulation(seed).run(), await new Simulation(seed).run()];
      expect(again.backend.received).toEqual(first.backend.received);
      expect(again.faults).toEqual(first.faults);
    }
  });

  const torn = /is torn|two thresholds|left with/;
  const controls: readonly [name: keyof typeof sabotages, from: number, words: RegExp, changed: Partial<Scenario>][] = [
    ['forgetsKept', 1, torn, {}],
    ['acknowledgesEarly', 20, /is lost/, crashing],
    ['decidesUnlogged', 20, torn, crashing],
    // So little that a system which keeps to it takes next to nothing.
    ['takesAll', 7, /memory was filled/, { isDurable: false, crashes: [], memoryLimitBytes: 80_000, softLimit: null }],
  ];
  test.each(controls)('control: %s is found', { timeout: 300_000 }, async (name, from, words, changed) => {
    const mend = sabotages[name]();
    try {
      expect((await complaints(from, 20, words, changed)).some((complaint) => words.test(complaint))).toBe(true);
    } finally {
      mend();
    }
  });
});
