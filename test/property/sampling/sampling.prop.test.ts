import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeInputProbability, encodeInputProbability, encodeInputProbabilityWords } from '../../../src/sampling/input-probability.ts';
import { inputStates } from '../../../src/sampling/input-state.ts';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';
import { leaves } from '../../../src/sampling/sampling-input.ts';
import { stampRows, TracestateCache } from '../../../src/sampling/stamp.ts';
import { readTracestate, writeThreshold } from '../../../src/sampling/tracestate.ts';
import { compare56, complementHigh, complementLow, hexOf56 } from '../../../src/sampling/word56.ts';

const whole = 2n ** 56n;
const n56 = fc.oneof(fc.bigInt({ min: 1n, max: whole }), fc.integer({ min: 0, max: 56 }).chain((bits) =>
  fc.integer({ min: -2, max: 2 }).map((by) => 2n ** BigInt(bits) + BigInt(by))).filter((n) => n >= 1n && n <= whole));
const low = (n: bigint): number => Number(n & 0xffffffffn);
const high = (n: bigint): number => Number(n >> 32n);

test('input probabilities: never below, by less than 2^-26, in order, words as bigints', () => {
  fc.assert(fc.property(n56, n56, (a, b) => {
    const code = encodeInputProbability(a);
    const back = decodeInputProbability(code);
    expect(back >= a && (back - a) * 2n ** 26n <= a).toBe(true);
    expect(encodeInputProbability(back)).toBe(code);
    expect(encodeInputProbabilityWords(low(a), high(a))).toBe(code);
    if (a <= b) expect(code).toBeLessThanOrEqual(encodeInputProbability(b));
  }));
});

test('words complement and compare as bigints do', () => {
  fc.assert(fc.property(n56, n56, (a, b) => {
    expect(BigInt(complementLow(low(a))) + (BigInt(complementHigh(low(a), high(a))) << 32n)).toBe(whole - a);
    expect(compare56(low(a), high(a), low(b), high(b))).toBe(a < b ? -1 : a > b ? 1 : 0);
  }));
});

const entry = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/).filter((key) => key !== 'ot'), fc.stringMatching(/^[!-+\--<>-~]{1,20}$/)).map(([key, value]) => `${key}=${value}`);
const subKey = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9]{0,3}$/).filter((key) => key !== 'th'), fc.stringMatching(/^[A-Za-z0-9._-]{0,8}$/)).map(([key, value]) => `${key}:${value}`);
const tracestate = fc.tuple(fc.array(entry, { maxLength: 5 }), fc.option(fc.array(subKey, { maxLength: 4 }))).map(([others, ot]) =>
  [...others.slice(0, 2), ...(ot === null || ot.length === 0 ? [] : [`ot=${ot.join(';')}`]), ...others.slice(2)].join(','));
const digits = fc.stringMatching(/^[0-9a-f]{1,14}$/);

test('a written threshold reads back; all else is as it was; removed again, too', () => {
  fc.assert(fc.property(tracestate, digits, (before, th) => {
    const written = writeThreshold(before, th);
    if (written === null) throw new Error('no room');
    expect(readTracestate(written)).toEqual({ ...readTracestate(before), th });
    const parts = (text: string): string[] => text.split(',').filter((part) => part !== '' && !part.startsWith('ot='));
    expect(parts(written)).toEqual(parts(before));
    const removed = writeThreshold(written, null) ?? '';
    const ot = (text: string): string[] => text.split(',').filter((part) => part.startsWith('ot='));
    expect([...ot(removed), ...parts(removed)]).toEqual([...ot(before), ...parts(before)]);
  }));
});

test('any text is read and written without an error', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.option(digits), (text, th) => {
    readTracestate(text);
    writeThreshold(`ot=${text}`, th);
  }));
});

/**
 * Two tiers: what the first keeps is input to the second. Invariants: no threshold goes down, R is the same, R >= T for all that leaves
 * with a threshold, and the second tier contradicts nothing that the first wrote. (Items of unknown probability leave with nothing, so the
 * second tier understands them as its own receiver says, rule 4.)
 */
test('our own output is valid input', () => {
  const hash = new KeyedHash(new Uint8Array(16).fill(5));
  const row = fc.record({ id: fc.uint8Array({ minLength: 16, maxLength: 16 }), th: fc.option(digits), count: fc.option(fc.constantFrom(1, 2, 3.7, 1e6, 0)), hasId: fc.boolean() });
  fc.assert(fc.property(fc.constantFrom('spans' as const, 'logs' as const), fc.array(row, { minLength: 1, maxLength: 20 }), n56, n56, (signal, rows, n1, n2) => {
    const input = {
      signal, rowCount: rows.length, batchOrdinal: 3, randomness: null,
      traceIds: Uint8Array.from(rows.flatMap(({ id, hasId }) => [...(hasId ? id : new Uint8Array(16))])),
      traceStates: signal === 'spans' ? rows.map(({ th }) => (th === null ? null : `a=1,ot=th:${th}`)) : null,
      thresholds: signal === 'logs' ? rows.map(({ th }) => th) : null,
      adjustedCounts: Float64Array.from(rows, ({ count }) => count ?? Number.NaN),
    };
    const states = inputStates(input, 'unsampled', hash);
    const stamp = (given: typeof input | SecondInput, from: typeof states, n: bigint) => stampRows(given, from, {
      rows: Uint32Array.from({ length: given.rowCount }, (_, i) => i), nSplit: null, decidedBy: 'row' as const,
      n: Uint32Array.from({ length: given.rowCount * 2 }, (_, i) => (i % 2 === 0 ? low(n) : high(n))),
    }, hash, new TracestateCache());
    const first = stamp(input, states, n1);
    const second: SecondInput = secondInput(input, first);
    const again = inputStates(second, 'unsampled', hash);
    first.rows.forEach((from, i) => {
      if (states.leaves[from] === leaves.unknown) return;
      expect(again.leaves[i]).toBe(states.leaves[from]);
      expect(again.flags[i] & 7).toBe(0);
      expect(hexOf56(again.randomness[i * 2], again.randomness[i * 2 + 1])).toBe(hexOf56(states.randomness[from * 2], states.randomness[from * 2 + 1]));
      expect(again.adjustedCounts[i]).toBe(first.adjustedCount[i]);
    });
    const last = stamp(second, again, n2);
    last.rows.forEach((from, i) => {
      if (!Number.isNaN(first.adjustedCount[from])) expect(last.adjustedCount[i]).toBeGreaterThanOrEqual(first.adjustedCount[from]);
    });
  }), { numRuns: 500 });
});

type SecondInput = Parameters<typeof inputStates>[0];

/** The kept rows as a second tier reads them. */
function secondInput(input: SecondInput, first: ReturnType<typeof stampRows>): SecondInput {
  const rows = [...first.rows];
  return {
    signal: input.signal, rowCount: rows.length, batchOrdinal: 99,
    traceIds: Uint8Array.from(rows.flatMap((row) => [...(input.traceIds ?? new Uint8Array()).subarray(row * 16, row * 16 + 16)])),
    traceStates: first.traceState?.map((text, i) => text ?? input.traceStates?.[rows[i]] ?? null) ?? null,
    thresholds: first.threshold, randomness: first.randomness, adjustedCounts: first.adjustedCount,
  };
}
