import { describe, expect, test } from 'vitest';
import { WindowClock } from '../../../src/pipeline/window-clock.ts';

const second = 1_000_000_000n;
const seconds = (clock: WindowClock, slot: number): number[] => {
  const { startNano, endNano } = clock.boundsOf(slot);
  return [Number(startNano / second), Number(endNano / second)];
};

describe('slots that are closed before their stretch is over', () => {
  test('the rest of the stretch has the next number, which is due when the stretch is', () => {
    const clock = new WindowClock(10_000, 5_000);
    clock.cut(10, 103n * second);
    expect([seconds(clock, 10), seconds(clock, 11)]).toEqual([[100, 103], [103, 120]]);
    clock.resume(11, 104n * second);
    expect([clock.slotOf(104n * second), clock.slotOf(110n * second)]).toEqual([11, 12]);
    expect([seconds(clock, 11), seconds(clock, 12)]).toEqual([[103, 110], [110, 120]]);
    expect([clock.isDue(11, 115n * second - 1n), clock.isDue(11, 115n * second), clock.overdueNano(11, 117n * second)]).toEqual([false, true, 2n * second]);
  });

  test('as often as may be, numbers go on by one, bounds lie side by side, and after that time is as before', () => {
    const clock = new WindowClock(10_000, 0);
    let slot = clock.slotOf(1000n * second);
    const bounds: number[][] = [];
    for (let at = 1001n; at < 1010n; at++) {
      clock.cut(slot, at * second);
      bounds.push(seconds(clock, slot));
      clock.resume(++slot, at * second);
      expect(clock.slotOf(at * second)).toBe(slot);
    }
    expect(bounds).toEqual([...bounds.keys()].map((index) => [1000 + index, 1001 + index]));
    expect([seconds(clock, slot), clock.isDue(slot, 1010n * second), clock.slotOf(1010n * second)]).toEqual([[1009, 1010], true, slot + 1]);
    expect([clock.slotOf(5000n * second) - clock.slotOf(4990n * second), clock.dueAt(clock.slotOf(5000n * second))]).toEqual([1, 5010n * second]);
  });

  test('a slot whose stretch is over is not cut, nor where time went on to the next slot meanwhile', () => {
    const clock = new WindowClock(10_000, 30_000);
    clock.cut(10, 125n * second);
    clock.resume(11, 125n * second);
    expect([clock.slotOf(125n * second), seconds(clock, 10), seconds(clock, 11)]).toEqual([12, [100, 110], [110, 120]]);
    clock.cut(12, 129n * second);
    clock.resume(13, 130n * second);
    expect([clock.slotOf(130n * second), seconds(clock, 13)]).toEqual([13, [129, 140]]);
  });
});
