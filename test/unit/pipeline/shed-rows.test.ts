import { describe, expect, test } from 'vitest';
import { OpenTraces } from '../../../src/pipeline/open-traces.ts';
import { ShedRows } from '../../../src/pipeline/shed-rows.ts';
import { routeTraces } from '../../../src/pipeline/trace-routes.ts';
import { DecisionCache } from '../../../src/policy/decision-cache.ts';
import { capWords } from '../../../src/sampling/cap-input.ts';
import { leaves } from '../../../src/sampling/sampling-input.ts';
import type { InputColumns } from '../../../src/store/input-columns.ts';

const half = 2n ** 55n;
/** Rows of traces 1, 2, ... by the high words of their R; those of traces below the half are shed. */
const [low, high] = [0x7fffff, 0x800000];

function inputsOf(highs: readonly number[], counted: readonly number[] = []): InputColumns {
  return {
    randomness: Uint32Array.from(highs.flatMap((word) => [0xffffffff, word])), traceIds: null, sampled: null, adjustedCount: highs.length,
    leaves: Uint8Array.from(highs, (_, row) => (counted.includes(row) ? leaves.counted : leaves.exact)),
  };
}

const ids = (...numbers: readonly number[]): Uint32Array => Uint32Array.from(numbers.flatMap((n) => [n, 0, 0, 0]));
const memory = () => ({ open: new OpenTraces(), decided: new DecisionCache(10) });

describe('rows below the threshold in force', () => {
  test('are shed with their trace, which is remembered as dropped', () => {
    const traces = memory();
    const shed = new ShedRows(inputsOf([low, low, high, low]), half, 0, traces.decided);
    expect(routeTraces(ids(1, 1, 2, 3), 4, traces, () => 9, null, shed)).toEqual({ slots: [{ slot: 9, rows: Uint32Array.of(2) }], decided: null });
    expect([shed.count, traces.decided.outcome(ids(1), 0), traces.decided.outcome(ids(3), 0), traces.open.slotOf(ids(1), 0)]).toEqual([3, 'dropped', 'dropped', null]);
    expect(routeTraces(ids(1), 1, traces, () => 9)).toEqual({ slots: [], decided: Uint32Array.of(0) });
    const again = new ShedRows(inputsOf([low]), half, 0, traces.decided);
    expect([routeTraces(ids(1), 1, traces, () => 9, null, again), again.count]).toEqual([{ slots: [], decided: null }, 1]);
  });

  test('are shed of traces that are open, but not of those that are being decided or were kept', () => {
    const traces = memory();
    traces.open.open(ids(1), 0, 7);
    traces.open.open(ids(2), 0, 6);
    traces.decided.put(ids(3), 0, 5n);
    const shed = new ShedRows(inputsOf([low, low, low]), half, 7, traces.decided);
    expect(routeTraces(ids(1, 2, 3), 3, traces, () => 9, null, shed)).toEqual({ slots: [{ slot: 6, rows: Uint32Array.of(1) }], decided: Uint32Array.of(2) });
    expect([shed.count, traces.decided.outcome(ids(1), 0)]).toEqual([1, 'unknown']);
  });

  test('of a count alone say nothing of their trace', () => {
    const traces = memory();
    routeTraces(ids(1), 1, traces, () => 9, null, new ShedRows(inputsOf([low], [0]), half, 0, traces.decided));
    expect(traces.decided.outcome(ids(1), 0)).toBe('unknown');
  });

  test('of logs are left out of their slot, and a slot of nothing else altogether', () => {
    const shed = new ShedRows(inputsOf([low, high, low]), half, 0, null);
    expect([shed.passing([{ slot: 3, rows: null }], 3), shed.count]).toEqual([[{ slot: 3, rows: Uint32Array.of(1) }], 2]);
    expect(shed.passing([{ slot: 3, rows: Uint32Array.of(0, 2) }], 3)).toEqual([]);
    expect(new ShedRows(inputsOf([high]), half, 0, null).passing([{ slot: 3, rows: null }], 1)).toEqual([{ slot: 3, rows: null }]);
  });

  test('the threshold itself is reached', () => {
    const at = (words: readonly number[]): boolean => new ShedRows({ ...inputsOf([0]), randomness: Uint32Array.from(words) }, half - 5n, 0, null).isBelow(0);
    expect([at([5, 0x800000]), at([4, 0x800000]), at([6, 0x800000]), at([0, 0x800001])]).toEqual([false, true, false, false]);
  });
});

test('N of a decision is lowered to the limit, but not where it is of another item', () => {
  const elsewhere = 0x80000000 + 0x1000000;
  expect(capWords(Uint32Array.of(0, 0x1000000, 7, 0x10, 0, elsewhere), half)).toEqual(Uint32Array.of(0, 0x800000, 7, 0x10, 0, elsewhere));
});
