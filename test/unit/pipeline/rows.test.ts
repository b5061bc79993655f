import { describe, expect, test } from 'vitest';
import { WindowClock } from '../../../src/pipeline/window-clock.ts';
import { OpenTraces } from '../../../src/pipeline/open-traces.ts';
import { routeTraces } from '../../../src/pipeline/trace-routes.ts';
import { earliestTime, type EventTimes, rowsBySlot, slotsOf } from '../../../src/pipeline/slot-rows.ts';
import { meanItemBytes } from '../../../src/pipeline/policy-counts-of.ts';
import { followDecisions } from '../../../src/pipeline/late-rows.ts';
import { DecisionCache } from '../../../src/policy/decision-cache.ts';
import { runIndexOf, HeldBatch, type RowRun } from '../../../src/store/held-batch.ts';
import { serialiseRetained } from '../../../src/store/retained-batch.ts';
import { StreamLayout } from '../../../src/otap/decode/layout.ts';
import { MemoryBudget } from '../../../src/pipeline/memory-budget.ts';

const second = 1_000_000_000n;

describe('the clock of windows', () => {
  test('cuts time from the epoch', () => {
    const clock = new WindowClock(10_000, 30_000);
    expect([0n, 10n * second - 1n, 10n * second, 1_700_000_000n * second].map((time) => clock.slotOf(time))).toEqual([0, 0, 1, 170_000_000]);
    expect(clock.startOf(3)).toBe(30n * second);
    expect(clock.slotsAfter).toBe(3);
  });

  test('a window is due when its wait after its end has gone by, to the nanosecond', () => {
    const clock = new WindowClock(10_000, 30_000);
    expect([50n * second - 1n, 50n * second].map((now) => clock.isDue(1, now))).toEqual([false, true]);
    const logs = new WindowClock(60_000, 0);
    expect([120n * second - 1n, 120n * second].map((now) => logs.isDue(1, now))).toEqual([false, true]);
    expect(logs.slotsAfter).toBe(0);
  });

  test('lengths that do not divide a wait, and lengths below a millisecond', () => {
    expect(new WindowClock(10_000, 25_000).slotsAfter).toBe(3);
    expect(new WindowClock(10_000, 1).slotsAfter).toBe(1);
    expect(new WindowClock(0.5, 0).slotOf(1_000_000n)).toBe(2);
  });
});

describe('rows by slot', () => {
  const times = (...values: readonly number[]): EventTimes => {
    const known = values.filter((value) => value > 0);
    return { values: Float64Array.from(values), min: known.length === 0 ? null : Math.min(...known), max: Math.max(0, ...known) };
  };

  test('all rows of one slot are not listed', () => {
    expect(rowsBySlot(3, () => 1)).toEqual([{ slot: 1, rows: null }]);
  });

  test('rows go to their slots in their order', () => {
    const slots = [2, 2, 3, 2, 4, 2];
    expect(rowsBySlot(6, (row) => slots[row])).toEqual([
      { slot: 2, rows: Uint32Array.of(0, 1, 3, 5) },
      { slot: 3, rows: Uint32Array.of(2) },
      { slot: 4, rows: Uint32Array.of(4) },
    ]);
    expect(slotsOf(6, (row) => slots[row])).toEqual([2, 3, 4]);
  });

  test('the earliest time of a batch, wrong clocks left out', () => {
    expect(earliestTime(times(50, 41, 60, 0, 1e18, 3), 20)).toBe(41);
    expect(earliestTime(times(0, 0), 20)).toBeNull();
    expect(earliestTime(times(7), 0)).toBe(7);
    const values = times(9, 5, 7);
    earliestTime(values, 100);
    expect(Array.from(values.values)).toEqual([9, 5, 7]);
  });

  test('no rows, no slots', () => {
    expect(slotsOf(0, () => 1)).toEqual([]);
  });
});

describe('late rows', () => {
  const ids = (...numbers: readonly number[]): Uint32Array => Uint32Array.from(numbers.flatMap((n) => [n, 0, 0, 0]));

  test('rows go by what is known of their traces, run or no run', () => {
    const cache = new DecisionCache(10);
    cache.put(ids(1), 0, 2n ** 55n + 3n);
    cache.put(ids(2), 0, 0n);
    const late = followDecisions(cache, ids(1, 1, 2, 3, 1, 2, 2, 3), Uint32Array.of(0, 1, 2, 3, 4, 5, 6, 7));
    expect(late).toEqual({
      arrived: Uint32Array.of(0, 1, 2, 3, 4, 5, 6, 7),
      kept: Uint32Array.of(0, 1, 4), n: Uint32Array.of(3, 2 ** 23, 3, 2 ** 23, 3, 2 ** 23), rootN: null, reasons: null, partials: null, droppedCount: 3, forgotten: Uint32Array.of(3, 7),
      lateness: [['kept', 2], ['dropped', 1], ['kept', 1], ['dropped', 2]].map(([outcome, rows]) => ({ outcome, ageMs: 0, rows })),
    });
    expect(followDecisions(cache, ids(1, 1, 2), Uint32Array.of(1))).toMatchObject({ kept: Uint32Array.of(1), droppedCount: 0 });
  });

  test('traces that are open, decided and new are told apart', () => {
    const traces = { open: new OpenTraces(), decided: new DecisionCache(10) };
    traces.decided.put(ids(1), 0, 5n);
    traces.decided.put(ids(2), 0, 0n);
    traces.open.open(ids(3), 0, 7);
    expect(routeTraces(ids(1, 3, 2, 4, 1), 5, traces, () => 9)).toEqual({
      slots: [{ slot: 7, rows: Uint32Array.of(1) }, { slot: 9, rows: Uint32Array.of(3) }], decided: Uint32Array.of(0, 2, 4),
    });
    expect(routeTraces(ids(4, 4), 2, traces, () => 11)).toEqual({ slots: [{ slot: 9, rows: null }], decided: null });
    expect(routeTraces(ids(1, 2), 2, traces, () => 11)).toEqual({ slots: [], decided: Uint32Array.of(0, 1) });
    expect(routeTraces(ids(), 0, traces, () => 11)).toEqual({ slots: [], decided: null });
  });
});

describe('held batches', () => {
  const account = { retained: 0 };
  const header = { kind: 'batch', signal: 'logs', encoding: 'none', withoutThreshold: 'unsampled', isChecked: false, batchOrdinal: 1, arrivalUnixNano: 0n, streamNumber: 0, bodyBytes: 100 } as const;
  const batch = new HeldBatch(serialiseRetained(header, new Uint8Array(100)), 8, new StreamLayout('logs', [], 11), account);

  test('count once, however many hold them', () => {
    batch.hold();
    batch.hold();
    expect(account.retained).toBe(batch.byteLength);
    batch.release();
    expect(account.retained).toBe(batch.byteLength);
    batch.release();
    expect(account.retained).toBe(0);
  });

  test('the run of a row, at each border', () => {
    const runs: RowRun[] = [[0, 5], [5, 1], [6, 2048], [2054, 3]].map(([seqStart, count]) => ({ seqStart, count, batch, rows: null }));
    expect([0, 4, 5, 6, 2053, 2054, 2056].map((seq) => runIndexOf(runs, seq))).toEqual([0, 0, 1, 2, 2, 3, 3]);
    expect(runIndexOf(runs.slice(0, 1), 3)).toBe(0);
  });

  test('an item has its share of its batch, however few of the batch a slot holds', () => {
    const half = batch.serialisedBytes / 8;
    expect(meanItemBytes([{ batch, count: 8 }])).toBe(half);
    expect(meanItemBytes([{ batch, count: 1 }, { batch, count: 2 }])).toBe(half);
    expect(meanItemBytes([])).toBe(0);
  });

  test('the budget adds up what everyone holds', () => {
    const held = { a: 10, b: 20 };
    const budget = new MemoryBudget({ limitBytes: 100, duckdbBytes: 50, tablesBytesMax: 30, windowBytesMax: 20, othersBytesMax: 50 });
    budget.count('retained', () => held.a);
    budget.count('retained', () => held.b);
    expect([budget.heldBytes, budget.fullness, budget.hasRoom(20), budget.hasRoom(21)]).toEqual([30, 0.6, true, false]);
    held.a = 60;
    expect(budget.hasRoom(0)).toBe(false);
  });

  test('tables have a bound of their own, and whoever watches is told from the soft limit on', () => {
    const held = { tables: 15, retained: 0 };
    const budget = new MemoryBudget({ limitBytes: 100, duckdbBytes: 50, tablesBytesMax: 30, windowBytesMax: 20, othersBytesMax: 50 });
    budget.count('tables', () => held.tables);
    budget.count('retained', () => held.retained);
    let told = 0;
    budget.watch(0.8, () => told++);
    expect([budget.fullness, budget.hasRoom(39), told]).toEqual([0.5, true, 0]);
    expect([budget.hasRoom(40), told]).toEqual([true, 1]);
    held.tables = 31;
    expect([budget.heldBytes, budget.hasRoom(0), told]).toEqual([31, false, 2]);
    held.tables = 15;
    budget.countLargest(() => 10);
    expect(budget.fullness).toBe(0.5);
    budget.countLargest(() => 21);
    expect(budget.hasRoom(0)).toBe(false);
  });
});
