import { describe, expect, test } from 'vitest';
import { SlotRing } from '../../../src/pipeline/slot-ring.ts';
import type { WindowDecision } from '../../../src/pipeline/trace-windows.ts';
import { WindowClock } from '../../../src/pipeline/window-clock.ts';
import { type WindowDecider, WindowLoop } from '../../../src/pipeline/window-loop.ts';
import type { SlotPlan } from '../../../src/store/slot-plan.ts';
import { useEngine } from '../../sql/store/engine.ts';

const engine = useEngine();
const plan: SlotPlan = { signal: 'logs', fields: [], keys: [], children: [], stars: [] };
const second = 1_000_000_000n;
let rings = 0;

interface Scene {
  readonly ring: SlotRing;
  readonly loop: WindowLoop;
  readonly log: string[];
}

function scene(failing: { readonly decide?: ReadonlySet<number>; readonly dispatch?: ReadonlySet<number> } = {}): Scene {
  const ring = new SlotRing(engine.session(), `r${rings++}_`, plan);
  const log: string[] = [];
  const decision = (slot: number): WindowDecision => ({
    slot, items: 1, truth: 1, services: [], outcomes: [], policies: [], certificate: [], kept: [],
    release: async () => {
      log.push(`release ${slot}`);
      await ring.drop(slot);
    },
  });
  const decider: WindowDecider = {
    decide: async (slot) => {
      log.push(`decide ${slot}, first open ${ring.firstOpen}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (failing.decide?.has(slot) === true) throw new Error('out of memory');
      return decision(slot);
    },
    fallBack: (slot) => {
      log.push(`fall back ${slot}`);
      return decision(slot);
    },
  };
  const loop = new WindowLoop({
    ring, decider, clock: new WindowClock(10_000, 0), policies: () => [],
    dispatch: async ({ slot }) => {
      log.push(`dispatch ${slot}`);
      if (failing.dispatch?.has(slot) === true) throw new Error('no sink');
    },
    onEngineError: (slot, error) => log.push(`engine error ${slot}: ${String(error)}`),
  });
  return { ring, loop, log };
}

const steps = (slot: number): string[] => [`decide ${slot}, first open ${slot + 1}`, `dispatch ${slot}`, `release ${slot}`];

describe('the loop of windows', () => {
  test('says how late the oldest undecided window is', async () => {
    const { ring, loop } = scene();
    expect(loop.lagMs(60n * second)).toBe(0);
    for (const slot of [5, 3]) await ring.ensure(slot);
    expect([39n, 40n, 42n].map((seconds) => loop.lagMs(seconds * second))).toEqual([0, 0, 2000]);
    await loop.advance(40n * second);
    expect(loop.lagMs(61_500_000_000n)).toBe(1500);
  });

  test('decides what is due, in order, and leaves the rest', async () => {
    const { ring, loop, log } = scene();
    for (const slot of [7, 3, 5]) await ring.ensure(slot);
    await loop.advance(60n * second - 1n);
    expect(log).toEqual(steps(3));
    await loop.advance(60n * second);
    expect(log).toEqual([...steps(3), ...steps(5)]);
    expect(ring.numbers).toEqual([7]);
  });

  test('calls that overlap decide each window once', async () => {
    const { ring, loop, log } = scene();
    for (const slot of [1, 2]) await ring.ensure(slot);
    await Promise.all([loop.advance(100n * second), loop.advance(100n * second), loop.drain()]);
    expect(log).toEqual([...steps(1), ...steps(2)]);
    expect(loop.isBusy).toBe(false);
  });

  test('draining decides windows that are not due', async () => {
    const { ring, loop, log } = scene();
    await ring.ensure(9);
    await loop.drain();
    expect(log).toEqual(steps(9));
  });

  test('when the engine fails, the fallback decides, and the next window has its chance', async () => {
    const { ring, loop, log } = scene({ decide: new Set([1]) });
    for (const slot of [1, 2]) await ring.ensure(slot);
    await loop.advance(100n * second);
    expect(log).toEqual(['decide 1, first open 2', 'engine error 1: Error: out of memory', 'fall back 1', 'dispatch 1', 'release 1', ...steps(2)]);
  });

  test('when what is kept cannot be handed on, the window is released all the same and not decided again', async () => {
    const { ring, loop, log } = scene({ dispatch: new Set([1]) });
    for (const slot of [1, 2]) await ring.ensure(slot);
    await expect(loop.advance(100n * second)).rejects.toThrow('no sink');
    await loop.advance(100n * second);
    expect(log).toEqual([...steps(1), ...steps(2)]);
  });

  test('those who bring items wait for a window where more than one is due, and not for ever', async () => {
    const { ring, loop, log } = scene();
    const sleep = (ms: number, signal: AbortSignal): Promise<void> => new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
    for (const slot of [1, 2, 3]) await ring.ensure(slot);
    await loop.pace(20n * second, 60_000, sleep);
    await loop.pace(30n * second, 1, sleep);
    expect(log).toEqual([]);
    const decided = loop.advance(100n * second);
    await loop.pace(30n * second, 60_000, sleep);
    expect(log.filter((line) => line.startsWith('release'))).toContain('release 1');
    await decided;
    await loop.pace(1000n * second, 60_000, sleep);
  });
});

describe('the ring of slots', () => {
  test('makes a slot once, however many ask for it at the same time', async () => {
    const { ring } = scene();
    const made = await Promise.all([ring.ensure(4), ring.ensure(4), ring.ensure(4)]);
    expect(new Set(made).size).toBe(1);
    expect(await ring.ensure(4)).toBe(made[0]);
    expect(ring.numbers).toEqual([4]);
  });

  test('a slot that is closed while another is being made takes rows no more; both are there', async () => {
    const { ring } = scene();
    const making = ring.ensure(4);
    ring.closeBefore(6);
    await making;
    expect([ring.firstOpen, ring.numbers]).toEqual([6, [4]]);
    ring.closeBefore(5);
    expect(ring.firstOpen).toBe(6);
    await ring.drop(4);
    await ring.drop(4);
    expect([ring.numbers, ring.get(4), ring.byteLength]).toEqual([[], null, 0]);
  });

  test('a slot whose making failed can be made later', async () => {
    const ring = new SlotRing(engine.session(), 'taken', plan);
    await engine.session().run('CREATE TABLE taken0_rows (x INTEGER)');
    await expect(ring.ensure(1)).rejects.toThrow(/already exists/);
    expect(ring.numbers).toEqual([]);
    await ring.ensure(1);
    expect(ring.numbers).toEqual([1]);
  });

  test('a dropped slot leaves no table behind, and its name is not used again', async () => {
    const { ring } = scene();
    const tables = async (): Promise<string> => JSON.stringify((await engine.session().api.runAndReadAll('SELECT table_name FROM duckdb_tables() ORDER BY 1')).getRowsJson());
    const before = await tables();
    const first = (await ring.ensure(1)).name;
    expect(await tables()).not.toBe(before);
    await ring.drop(1);
    expect(await tables()).toBe(before);
    expect((await ring.ensure(1)).name).not.toBe(first);
  });
});
