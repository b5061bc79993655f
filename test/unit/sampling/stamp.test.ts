import { describe, expect, test } from 'vitest';
import { inputStates } from '../../../src/sampling/input-state.ts';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';
import type { SamplingInput } from '../../../src/sampling/sampling-input.ts';
import { type Stamps, stampRows, TracestateCache } from '../../../src/sampling/stamp.ts';

const key = new Uint8Array(16).fill(3);
const id = (last7: string): string => `0102030405060708ff${last7}`;

interface Case {
  readonly signal: 'spans' | 'logs';
  readonly ids: readonly string[];
  readonly rest?: Partial<SamplingInput>;
  /** N as a share of 2^56. */
  readonly p: number;
  readonly q?: number;
  readonly decidedBy?: 'row' | 'trace';
  readonly mode?: 'unsampled' | 'unknown';
}

function words(n: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count * 2 }, (_, i) => (i % 2 === 0 ? n % 2 ** 32 : Math.floor(n / 2 ** 32)));
}

function stamp({ signal, ids, rest, p, q, decidedBy, mode }: Case): Stamps {
  const input: SamplingInput = {
    signal, rowCount: ids.length, traceIds: Uint8Array.from(Buffer.from(ids.join(''), 'hex')), traceStates: null, adjustedCounts: null,
    randomness: null, thresholds: null, batchOrdinal: 1, ...rest,
  };
  const hash = new KeyedHash(key);
  const states = inputStates(input, mode ?? 'unsampled', hash);
  const candidates = {
    rows: Uint32Array.from(ids.keys()), n: words(p * 2 ** 56, ids.length), nSplit: q === undefined ? null : words(q * 2 ** 56, ids.length),
    decidedBy: decidedBy ?? 'row',
  };
  return stampRows(input, states, candidates, hash, new TracestateCache());
}

const high = id('f0000000000000');
const half = id('80000000000000');
const low = id('7fffffffffffff');

describe('decided in integers', () => {
  test('R >= T leaves with threshold and count, R < T not at all', () => {
    const out = stamp({ signal: 'spans', ids: [high, half, low], p: 0.5 });
    expect([...out.rows]).toEqual([0, 1]);
    expect(out.traceState).toEqual(['ot=th:8', 'ot=th:8']);
    expect([...out.adjustedCount]).toEqual([2, 2]);
    expect([out.threshold, out.randomness, out.estimate]).toEqual([null, null, 4]);
  });
  test('logs carry the threshold as an attribute', () => {
    const out = stamp({ signal: 'logs', ids: [high], p: 0.25 });
    expect([out.threshold, out.traceState, out.adjustedCount[0]]).toEqual([['c'], null, 4]);
  });
  test('p = 1 says so', () => expect(stamp({ signal: 'spans', ids: [low], p: 1 }).traceState).toEqual(['ot=th:0']));
  test('rows of a kept trace all go; one that does not reach the threshold goes without it', () => {
    const out = stamp({ signal: 'spans', ids: [high, low], p: 0.5, decidedBy: 'trace', rest: { traceStates: [null, 'a=1,ot=th:4'] } });
    expect(out.traceState).toEqual(['ot=th:8', 'a=1']);
    expect([...out.adjustedCount]).toEqual([2, 2]);
  });
});

describe('what the input brought', () => {
  test('a threshold is never lowered, and unchanged it stays as it stood', () => {
    const out = stamp({ signal: 'spans', ids: [high, high], p: 0.5, rest: { traceStates: ['a=1,ot=th:c;p:1', 'a=1,ot=th:4;p:1'] } });
    expect(out.traceState).toEqual([null, 'ot=th:8;p:1,a=1']);
    expect([...out.adjustedCount]).toEqual([4, 2]);
  });
  test('counted rows leave with count and randomness alone', () => {
    const out = stamp({ signal: 'spans', ids: [half], p: 1, rest: { adjustedCounts: Float64Array.of(3) } });
    expect([out.traceState, out.adjustedCount[0], out.randomness?.[0]?.length]).toEqual([[null], 3, 14]);
  });
  test('a contradiction loses th and count, and is counted', () => {
    const out = stamp({ signal: 'spans', ids: [low], p: 1, rest: { traceStates: ['ot=th:8;p:1'], adjustedCounts: Float64Array.of(2) } });
    expect([out.traceState, out.adjustedCount[0], out.unknownCount, out.contradictedCount, out.estimate]).toEqual([['ot=p:1'], Number.NaN, 1, 1, 1]);
  });
  test('randomness that came stays, beside rows that have none', () => {
    const out = stamp({ signal: 'logs', ids: [half, half], p: 1, rest: { randomness: [null, 'f0000000000000'] } });
    expect([out.randomness, out.threshold]).toEqual([[null, 'f0000000000000'], ['0', '0']]);
  });
  test('no room in ot: the count alone', () => {
    const out = stamp({ signal: 'spans', ids: [half], p: 0.5, rest: { traceStates: [`ot=x:${'a'.repeat(250)};th:4`] } });
    expect([out.traceState, out.noRoomCount, out.adjustedCount[0]]).toEqual([[`ot=x:${'a'.repeat(250)}`], 1, 2]);
  });
});

describe('split (rule 14)', () => {
  const ids = Array.from({ length: 4000 }, () => low);
  test('rows of one R are kept each by a hash of its own, at q, without threshold', () => {
    const out = stamp({ signal: 'logs', ids, p: 0, q: 0.25 });
    expect(Math.abs(out.rows.length - 1000)).toBeLessThan(4 * Math.sqrt(4000 * 0.25 * 0.75));
    expect(new Set(out.adjustedCount)).toEqual(new Set([4]));
    expect(new Set(out.threshold)).toEqual(new Set([null]));
  });
  test('kept on R too: all, each for itself', () => {
    const out = stamp({ signal: 'logs', ids: ids.map(() => high), p: 0.5, q: 0.25 });
    expect([out.rows.length, out.estimate]).toEqual([4000, 4000]);
  });
  test('a trace is one item: all its rows or none', () => {
    const sizes = new Set(['01', '02', '03', '04', '05', '06'].map((byte) =>
      stamp({ signal: 'spans', ids: ids.slice(0, 20).map((text) => byte + text.slice(2)), p: 0, q: 0.5, decidedBy: 'trace' }).rows.length));
    expect([...sizes].sort()).toEqual([0, 20]);
  });
});
