import { describe, expect, test } from 'vitest';
import { inputStates } from '../../../src/sampling/input-state.ts';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';
import { inputFlags, type InputStates, leaves, type SamplingInput } from '../../../src/sampling/sampling-input.ts';
import { hexOf56 } from '../../../src/sampling/word56.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const own = 'ce929d0e0e4736';

interface Row {
  readonly signal: 'spans' | 'logs';
  readonly traceId?: string;
  readonly traceState?: string;
  readonly count?: number;
  readonly randomness?: string;
  readonly threshold?: string;
}

function inputOf(row: Row): SamplingInput {
  return {
    signal: row.signal,
    rowCount: 1,
    traceIds: row.traceId === undefined ? null : Uint8Array.from(Buffer.from(row.traceId, 'hex')),
    traceStates: row.traceState === undefined ? null : [row.traceState],
    adjustedCounts: row.count === undefined ? null : Float64Array.of(row.count),
    randomness: row.randomness === undefined ? null : [row.randomness],
    thresholds: row.threshold === undefined ? null : [row.threshold],
    batchOrdinal: 7,
  };
}

const hash = new KeyedHash(new Uint8Array(16).fill(9));

function stateOf(row: Row, withoutThreshold: 'unsampled' | 'unknown' = 'unsampled'): InputStates {
  return inputStates(inputOf(row), withoutThreshold, hash);
}

const randomnessOf = ({ randomness }: InputStates): string => hexOf56(randomness[0], randomness[1]);
const nOf = (words: Uint32Array): number => words[0] + words[1] * 2 ** 32;
const nOfR = (states: InputStates): number => 2 ** 56 - nOf(states.randomness);
const summary = (states: InputStates): unknown[] => [
  Object.keys(leaves)[states.leaves[0]], nOf(states.nIn) / 2 ** 56, states.adjustedCounts[0],
  Object.entries(inputFlags).filter(([, bit]) => (states.flags[0] & bit) !== 0).map(([name]) => name).join(' '),
];

describe('rule 1: where R comes from', () => {
  test.each<readonly [string, Row, string]>([
    ["a span's rv", { signal: 'spans', traceId, traceState: 'ot=rv:6e6d1a75832a2f' }, '6e6d1a75832a2f'],
    ["a span's trace id", { signal: 'spans', traceId }, own],
    ["a span's randomness attribute says nothing without a count", { signal: 'spans', traceId, randomness: '6e6d1a75832a2f' }, own],
    ["a log's randomness", { signal: 'logs', traceId, randomness: '6e6d1a75832a2f' }, '6e6d1a75832a2f'],
    ["a log's trace id", { signal: 'logs', traceId }, own],
  ])('%s', (_, row, r) => {
    const states = stateOf(row);
    expect(randomnessOf(states)).toBe(r);
    expect(summary(states)).toEqual(['exact', 1, 1, '']);
  });

  test.each([undefined, '00'.repeat(16)])('without a trace id (%s) a hash of the place, the same again', (none) => {
    const row = none === undefined ? {} : { traceId: none };
    const log = stateOf({ signal: 'logs', ...row });
    expect(summary(log)).toEqual(['exact', 1, 1, 'writesRandomness']);
    expect(randomnessOf(stateOf({ signal: 'logs', ...row }))).toBe(randomnessOf(log));
    expect(summary(stateOf({ signal: 'spans', ...row }))).toEqual(['counted', 1, 1, 'writesRandomness']);
  });

  test('a randomness that is none is flagged', () => {
    expect(summary(stateOf({ signal: 'logs', traceId, randomness: 'xyz' }))).toEqual(['exact', 1, 1, 'randomnessInvalid']);
  });
});

describe('rule 2: thresholds', () => {
  test.each<readonly [string, Row, unknown[]]>([
    ['valid in a tracestate', { signal: 'spans', traceId, traceState: 'ot=th:8' }, ['exact', 0.5, 2, '']],
    ['valid on a log, over a count that disagrees', { signal: 'logs', traceId, threshold: 'c', count: 100 }, ['exact', 0.25, 4, '']],
    ['R = T is kept', { signal: 'spans', traceId, traceState: `ot=th:${own}` }, ['exact', Number(2n ** 56n - 0xce929d0e0e4736n) / 2 ** 56, expect.closeTo(5.18, 2), '']],
    ['above R: contradiction', { signal: 'spans', traceId, traceState: 'ot=th:d', count: 8 }, ['unknown', 1, 1, 'contradiction']],
    ['not to be read: unknown', { signal: 'logs', traceId, threshold: 'zz' }, ['unknown', 1, 1, 'thresholdInvalid']],
    ['not to be read, with a count: the count', { signal: 'logs', traceId, threshold: 'zz', count: 2 }, ['counted', 0.5, 2, 'thresholdInvalid writesRandomness']],
    ['without any R: one that fits, written', { signal: 'logs', threshold: 'c' }, ['exact', 0.25, 4, 'writesRandomness']],
    ['without any R, on a span: no th on the way out', { signal: 'spans', traceState: 'ot=th:c' }, ['counted', 0.25, 4, 'writesRandomness']],
  ])('%s', (_, row, expected) => {
    const states = stateOf(row);
    expect(summary(states)).toEqual(expected);
    if (states.leaves[0] !== leaves.unknown) expect(nOfR(states)).toBeLessThanOrEqual(nOf(states.nIn));
  });
});

describe('rule 3: counts', () => {
  test('u within 1 / w, the same for all spans of a trace and in every process', () => {
    const states = stateOf({ signal: 'spans', traceId, count: 8 });
    expect(summary(states)).toEqual(['counted', 0.125, 8, 'writesRandomness']);
    expect(nOfR(states)).toBeLessThanOrEqual(2 ** 53);
    expect(randomnessOf(states)).toBe(randomnessOf(stateOf({ signal: 'spans', traceId, count: 8 })));
  });
  test('logs of one trace: equal counts share R, different ones do not', () => {
    const [a, b, c] = [8, 8, 8.5].map((count) => randomnessOf(stateOf({ signal: 'logs', traceId, count })));
    expect(b).toBe(a);
    expect(Math.abs(Number.parseInt(c, 16) - Number.parseInt(a, 16))).toBeGreaterThan(2 ** 40);
  });
  test('a randomness that fits the count is used, another is not', () => {
    for (const signal of ['spans', 'logs'] as const) {
      expect(randomnessOf(stateOf({ signal, traceId, count: 2, randomness: '80000000000000' }))).toBe('80000000000000');
      expect(randomnessOf(stateOf({ signal, traceId, count: 2, randomness: '7fffffffffff00' }))).not.toBe('7fffffffffff00');
    }
  });
  test('a count of 1 leaves nothing out', () => {
    expect(summary(stateOf({ signal: 'spans', traceId, count: 1 }, 'unknown'))).toEqual(['exact', 1, 1, '']);
    expect(summary(stateOf({ signal: 'spans', traceId, count: 1, randomness: own }))).toEqual(['counted', 1, 1, 'writesRandomness']);
  });
  test.each([0, 0.5, -3, Number.POSITIVE_INFINITY])('%d is no count', (count) => {
    expect(summary(stateOf({ signal: 'logs', traceId, count }))).toEqual(['exact', 1, 1, 'countInvalid']);
  });
  test('its u is uniform on (0, 1 / w]', () => {
    const rowCount = 20_000;
    const ids = Uint8Array.from(Buffer.concat(Array.from({ length: rowCount }, (_, i) => {
      const id = Buffer.alloc(16, 1);
      id.writeUInt32BE(i + 1, 4);
      return id;
    })));
    const states = inputStates({ ...inputOf({ signal: 'spans' }), rowCount, traceIds: ids, adjustedCounts: new Float64Array(rowCount).fill(3) }, 'unsampled', hash);
    const cells = new Float64Array(10);
    for (let row = 0; row < rowCount; row++) {
      const n = 2 ** 56 - nOf(states.randomness.subarray(row * 2, row * 2 + 2));
      cells[Math.min(9, Math.floor((n * 3 * 10) / 2 ** 56))]++;
    }
    const chiSquare = cells.reduce((sum, cell) => sum + (cell - rowCount / 10) ** 2 / (rowCount / 10), 0);
    expect(chiSquare).toBeLessThan(27.9); // 9 degrees of freedom, p = 0.001
  });
});

describe('rule 4: nothing said', () => {
  test('unknown where the receiver says so, hashed by trace', () => {
    const states = stateOf({ signal: 'spans', traceId }, 'unknown');
    expect(summary(states)).toEqual(['unknown', 1, 1, '']);
    expect(randomnessOf(states)).not.toBe(own);
  });
});
