import { describe, expect, test } from 'vitest';
import { StressController } from '../../../src/sampling/stress-controller.ts';

const limits = { levelMax: 6, riseMs: 2000, fallMs: 120_000 };

describe('a level of stress', () => {
  test('is 0 where nothing presses', () => {
    const controller = new StressController(limits);
    expect([controller.update([], 1000), controller.update([{ pressure: 1, level: 0 }, { pressure: 0, level: 0 }], 1000)]).toEqual([0, 0]);
  });

  test('rises no faster than one halving in its time, and to no more than its greatest', () => {
    const controller = new StressController(limits);
    expect(controller.update([{ pressure: 1000, level: 0 }], 1000)).toBe(0.5);
    expect(controller.update([{ pressure: 1000, level: 0 }], 100_000)).toBe(6);
  });

  test('goes where a measurement of an earlier level wants it, and no further', () => {
    const controller = new StressController(limits);
    for (let second = 0; second < 60; second++) controller.update([{ pressure: 4, level: 0 }], 1000);
    expect(controller.level).toBe(2);
  });

  test('rests where the pressure is between 0.71 and 1, and falls slowly below', () => {
    const controller = new StressController(limits);
    for (let second = 0; second < 10; second++) controller.update([{ pressure: 4, level: 0 }], 1000);
    for (const pressure of [1, 0.9, 0.71]) expect(controller.update([{ pressure, level: 2 }], 1000)).toBe(2);
    expect(controller.update([{ pressure: 0.5, level: 2 }], 12_000)).toBeCloseTo(1.9, 10);
    expect(controller.update([], 1_000_000)).toBe(0);
  });
});
