import { describe, expect, test } from 'vitest';
import { OpenTraces } from '../../../src/pipeline/open-traces.ts';
import { DecisionCache } from '../../../src/policy/decision-cache.ts';
import { routeTraces } from '../../../src/pipeline/trace-routes.ts';

const ids = (...numbers: readonly number[]): Uint32Array => Uint32Array.from(numbers.flatMap((number) => [number, 7, 0, number ^ 5]));

describe('open traces', () => {
  test('are what a map is, while slots open and close in order', () => {
    const open = new OpenTraces(3);
    const model = new Map<number, number>();
    let seed = 1;
    const next = (below: number): number => (seed = (seed * 48_271) % 0x7fffffff) % below;
    for (let step = 0, first = 0; step < 60_000; step++) {
      const trace = next(9000);
      const known = open.slotOf(ids(trace), 0);
      expect(known).toBe(model.get(trace) ?? null);
      if (known === null) {
        const slot = first + next(4);
        open.open(ids(trace), 0, slot);
        model.set(trace, slot);
      }
      if (step % 3000 !== 0) continue;
      open.close(first);
      for (const [id, slot] of model) if (slot <= first) model.delete(id);
      first++;
    }
    expect(open.byteLength).toBeLessThan(25 * 6 * 9000);
  });

  test('what was closed does not stay', () => {
    const open = new OpenTraces();
    for (let slot = 0; slot < 100; slot++) {
      for (let trace = 0; trace < 1000; trace++) open.open(ids(slot * 1000 + trace), 0, slot);
      open.close(slot);
    }
    expect(open.byteLength).toBeLessThan(25 * 6 * 2000);
  });
});

describe('rows find the slot of their trace', () => {
  test('the earliest of its rows that come together, and later the same', () => {
    const open = new OpenTraces();
    const slots = [3, 2, 5, 4, 4];
    const traces = { open, decided: new DecisionCache(10) };
    expect(routeTraces(ids(1, 1, 2, 3, 1), 5, traces, (row) => slots[row]).slots).toEqual([
      { slot: 2, rows: Uint32Array.of(0, 1, 4) }, { slot: 5, rows: Uint32Array.of(2) }, { slot: 4, rows: Uint32Array.of(3) },
    ]);
    expect(routeTraces(ids(2, 2), 2, traces, () => 9).slots).toEqual([{ slot: 5, rows: null }]);
    expect(routeTraces(ids(8, 2), 2, traces, () => 9).slots).toEqual([{ slot: 9, rows: Uint32Array.of(0) }, { slot: 5, rows: Uint32Array.of(1) }]);
  });
});
