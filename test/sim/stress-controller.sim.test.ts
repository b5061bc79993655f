import { describe, expect, test } from 'vitest';
import { nOfLevel, type StressOptions, StressRelief } from '../../src/pipeline/stress-relief.ts';
import { formatThreshold, thresholdOf } from '../../src/sampling/threshold.ts';
import { probabilityOf } from '../../src/sampling/probability.ts';

/**
 * Scenario: a processor of which deciding a window of 10 s, after a wait of 30 s, takes time in proportion to what came into it; the load rises tenfold and
 * falls again.
 * Guarantees: the level rises within seconds of the first measurement; windows then take no longer than they may; it rests, with few changes of direction, and is
 * back at 1 once the load is; every threshold in force has few digits.
 * Control: a controller that takes what it measures as of now winds up to a quarter of what is needed, since windows tell of their load late.
 */

const lengthMs = 10_000;
const waitMs = 30_000;
const options: StressOptions = { probabilityMin: 0.01, windowLoad: 0.8, loopDelayMs: 200, memory: 0.9, recoveryMs: 120_000, takeLoopDelayMs: () => 0 };

interface Second {
  readonly p: number;
  /** Share of its length that the last window took. */
  readonly load: number;
}

/** Runs for the seconds of `loads`, each the share of a window's length that deciding all would take. `isNow`: levels of windows are taken as those of now. */
function run(loads: readonly number[], isNow: boolean): Second[] {
  let nowMs = 0;
  let [n, last] = [2 ** 56, { ms: 0, nMax: 2 ** 56 }];
  const open: { readonly endMs: number; load: number; nMax: number }[] = [];
  const relief = new StressRelief(options, {
    monotonicMs: () => nowMs, fullness: () => 0, onChange: () => undefined,
    limitInput: (limit) => {
      n = Number(limit);
      for (const slot of open) slot.nMax = Math.min(slot.nMax, n);
    },
    deciders: [{ lengthMs, decider: { time: () => (isNow ? { ...last, nMax: n } : last) } }],
  });
  return loads.map((load, second) => {
    if ((second * 1000) % lengthMs === 0) open.push({ endMs: nowMs + lengthMs + waitMs, load: 0, nMax: n });
    open[open.length - 1].load += load / (lengthMs / 1000);
    nowMs += 1000;
    const due = open.findIndex(({ endMs }) => endMs <= nowMs);
    if (due >= 0) {
      const [slot] = open.splice(due, 1);
      last = { ms: slot.load * (slot.nMax / 2 ** 56) * lengthMs, nMax: slot.nMax };
    }
    relief.update();
    return { p: relief.probability, load: last.ms / lengthMs };
  });
}

const times = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);

/** How often p turned from falling to rising, or back. */
function turns(seconds: readonly Second[]): number {
  const moves = seconds.map(({ p }, i) => Math.sign(p - (seconds[i - 1]?.p ?? p))).filter((move) => move !== 0);
  return moves.filter((move, i) => i > 0 && move !== moves[i - 1]).length;
}

describe('a load ten times what can be followed, and back', () => {
  const loads = [...times(100, 0.5), ...times(600, 5), ...times(1500, 0.5)];

  test('is met, without oscillation', () => {
    const seconds = run(loads, false);
    expect(new Set(seconds.slice(0, 100).map(({ p }) => p))).toEqual(new Set([1]));
    const settled = seconds.slice(200, 700);
    console.log('settled between', Math.min(...settled.map(({ p }) => p)), 'and', Math.max(...settled.map(({ p }) => p)), 'load', Math.max(...settled.map(({ load }) => load)), 'turns', turns(seconds));
    expect(Math.min(...settled.map(({ p }) => p))).toBeGreaterThan(0.1);
    expect(Math.max(...settled.map(({ p }) => p))).toBeLessThan(0.25);
    expect(Math.max(...settled.map(({ load }) => load))).toBeLessThan(1);
    expect(turns(seconds)).toBeLessThanOrEqual(3);
    expect(seconds[seconds.length - 1].p).toBe(1);
    for (let i = 1; i < seconds.length; i++) expect(seconds[i].p / seconds[i - 1].p).toBeLessThan(2 ** 0.25);
  });

  test('control: windows taken as if they had been filled at the level of now', () => {
    const seconds = run(loads, true);
    expect(Math.min(...seconds.map(({ p }) => p))).toBeLessThan(0.16 / 4);
  });
});

test('thresholds of levels are of few digits and within a thousandth of 2^-level', () => {
  for (let level = 0.25; level < 13; level += 0.125) {
    const n = nOfLevel(level);
    expect(formatThreshold(thresholdOf(probabilityOf(Number(n) / 2 ** 56))).replace(/^f*/, '').length).toBeLessThanOrEqual(5);
    expect(Number(n) / 2 ** (56 - level)).toBeCloseTo(1, 2);
  }
});
