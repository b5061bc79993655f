import { describe, expect, test } from 'vitest';
import { interval95, unitVariance, zScore } from '../../src/audit/interval.ts';
import { mulberry } from '../support/mulberry.ts';
import { findingsIn, sampledSpans } from '../unit/audit/streams.ts';

/**
 * Scenario: clean streams and honest samples, many seeds.
 * Guarantees: an audit of a clean stream finds something about as often as its level says; 95 % intervals hold the truth in
 * 94 to 96 % of 10,000 windows. Controls that must fail: an audit that judges every test at the level by itself, an interval that takes
 * the items of one unit for independent.
 */

const seed = 20_261_121;

describe('false alarms', () => {
  const level = 0.1;
  const runs = 500;
  const random = mulberry(seed);
  const streams = Array.from({ length: runs }, () => [
    ...sampledSpans(random, 120, 1, 'a'), ...sampledSpans(random, 400, 0.25, 'b'), ...sampledSpans(random, 90, 0.5, 'c'),
    ...sampledSpans(random, 60, 1, 'd').map((span) => ({ ...span, th: null, count: null })),
  ]);
  const share = (found: number): number => found / runs;

  test('come with about the stated chance', () => {
    const alarms = streams.filter((spans) => findingsIn(spans, level).length > 0).length;
    console.log(`seed ${seed}: ${alarms} alarms in ${runs} clean streams at level ${level}`);
    const sd = Math.sqrt((level * (1 - level)) / runs);
    expect(share(alarms)).toBeLessThan(level + 3 * sd);
    expect(share(alarms)).toBeGreaterThan(level - 4 * sd);
  });

  test('control: without a correction for the number of services they come too often', () => {
    const alarms = streams.filter((spans) => ['a', 'b', 'c', 'd'].some((name) => findingsIn(spans.filter(({ service }) => service === name), level).length > 0)).length;
    expect(share(alarms)).toBeGreaterThan(level * 2);
  });
});

describe('coverage of 95 % intervals', () => {
  interface Unit {
    readonly size: number;
    readonly p: number;
  }
  const windows = 10_000;

  /** Truth against what a window's sample says, with the variance of units, and that of items taken for independent. */
  function windowOf(units: readonly Unit[], random: () => number): { measured: { truth: number; estimate: number; variance: number }; independent: number } {
    const sums = { truth: 0, estimate: 0, variance: 0 };
    let independent = 0;
    for (const { size, p } of units) {
      sums.truth += size;
      if (random() >= p) continue;
      sums.estimate += size / p;
      sums.variance += unitVariance(size, size / p);
      independent += size * unitVariance(1, 1 / p);
    }
    return { measured: sums, independent };
  }

  /** k of n units of equal weight by the threshold of the first that is left out (rule 13). */
  function bottomKWindow(sizes: readonly number[], k: number, random: () => number): { truth: number; estimate: number; variance: number } {
    const u = sizes.map(() => random());
    const tau = [...u].sort((a, b) => a - b)[k];
    const kept = sizes.filter((_, index) => u[index] < tau);
    return {
      truth: sizes.reduce((sum, size) => sum + size, 0), estimate: kept.reduce((sum, size) => sum + size / tau, 0),
      variance: kept.reduce((sum, size) => sum + unitVariance(size, size / tau), 0),
    };
  }

  const covers = ({ truth, estimate, variance }: { truth: number; estimate: number; variance: number }): boolean => {
    const [low, high] = interval95({ truth, estimate, variance });
    return low <= truth && truth <= high;
  };

  test('units of many sizes at several probabilities', () => {
    const random = mulberry(seed + 1);
    let covered = 0;
    let naive = 0;
    let squares = 0;
    for (let window = 0; window < windows; window++) {
      const units = Array.from({ length: 800 }, (_, index): Unit => ({ size: 1 + Math.floor(random() * 8), p: [0.3, 0.5, 1][index % 3] }));
      const { measured, independent } = windowOf(units, random);
      if (covers(measured)) covered++;
      if (covers({ ...measured, variance: independent })) naive++;
      squares += zScore(measured) ** 2;
    }
    console.log(`seed ${seed + 1}: ${covered / windows} covered, ${naive / windows} with independent items, mean z^2 ${squares / windows}`);
    expect(covered / windows).toBeGreaterThan(0.94);
    expect(covered / windows).toBeLessThan(0.96);
    expect(naive / windows).toBeLessThan(0.75);
    expect(Math.abs(squares / windows - 1)).toBeLessThan(0.05);
  });

  test('bottom-k', () => {
    const random = mulberry(seed + 2);
    let covered = 0;
    for (let window = 0; window < windows; window++) {
      const sizes = Array.from({ length: 600 }, () => 1 + Math.floor(random() * 3));
      if (covers(bottomKWindow(sizes, 200, random))) covered++;
    }
    expect(covered / windows).toBeGreaterThan(0.94);
    expect(covered / windows).toBeLessThan(0.96);
  });
});
