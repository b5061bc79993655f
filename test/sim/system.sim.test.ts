import { describe, expect, test } from 'vitest';
import { violationsOf } from './system/checks.ts';
import { sabotages } from './system/sabotage.ts';
import { Simulation } from './system/simulate.ts';

/**
 * Scenario: runs of test/sim/system, some seconds of `npm run sim`: the real processor over a fake clock, disk and network. Senders lose answers and send again,
 * batches are delayed, the next hop fails, policies fail and are replaced, memory is short, stress relief sets in, processes and machines crash.
 * Guarantees: what checks.ts says.
 * Controls: the same runs with a system that was broken in one place, each found by the complaint that belongs to it.
 */

/** What was found in runs from seed 1 on, until one of them is complained of by these words, or `runsMax`. */
async function complaints(runsMax: number, words: RegExp | null): Promise<string[]> {
  const found: string[] = [];
  for (let seed = 1; seed <= runsMax; seed++) {
    found.push(...violationsOf(await new Simulation(seed).run()));
    if (words !== null && found.some((complaint) => words.test(complaint))) break;
  }
  return found;
}

describe('the system under faults', () => {
  test('a few runs: no violations', { timeout: 300_000 }, async () => {
    expect(await complaints(8, null)).toEqual([]);
  });

  test('a run again is the same', { timeout: 120_000 }, async () => {
    const sentOf = async (): Promise<string[]> => (await new Simulation(3).run()).backend.received.map(({ key, threshold, count }) => `${key} ${threshold} ${count}`).sort();
    expect(await sentOf()).toEqual(await sentOf());
  });

  const controls: readonly [name: keyof typeof sabotages, words: RegExp][] = [
    ['forgetsKept', /is torn|two thresholds|left with/],
    ['acknowledgesEarly', /is lost/],
    ['decidesUnlogged', /is torn|two thresholds|left with/],
    ['takesAll', /memory was filled/],
  ];
  test.each(controls)('control: %s is found', { timeout: 300_000 }, async (name, words) => {
    const mend = sabotages[name]();
    try {
      expect((await complaints(40, words)).some((complaint) => words.test(complaint))).toBe(true);
    } finally {
      mend();
    }
  });
});
