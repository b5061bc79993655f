import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keepNamed, type NamedRows } from '../../../src/pipeline/named-rows.ts';
import { isKeptAt } from '../../../src/sampling/threshold.ts';

/**
 * Strategy: random names of a few items by several policies, with N and R near each other and at their ends.
 * Invariants: what is kept, and at which N, is what a brute force over BigInts says (sampling.md, rules 5, 6 and 14).
 */
const all = 2n ** 56n;
const edges = [0n, 1n, 2n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 32n + 1n, 2n ** 55n, all - 1n];
const randomness = fc.oneof(fc.constantFrom(...edges), fc.bigInt(0n, all - 1n));
const named = fc.record({ item: fc.nat(12), n: fc.oneof(fc.constantFrom(...edges, all), fc.bigInt(0n, all)), split: fc.boolean() });

interface Name {
  readonly item: number;
  readonly n: bigint;
  readonly split: boolean;
}

function rowsOf(names: readonly Name[], r: readonly bigint[], hasSplit: boolean): NamedRows {
  return {
    count: names.length,
    keys: Uint32Array.from(names.flatMap(({ item }) => [item * 7, 123, Number(r[item] & 0xffffffffn), Number(r[item] >> 32n)])),
    n: Uint32Array.from(names.flatMap(({ n }) => [Number(n & 0xffffffffn), Number(n >> 32n)])),
    split: hasSplit ? Uint8Array.from(names, ({ split }) => (split ? 1 : 0)) : null,
  };
}

function words(array: Uint32Array, at: number): bigint {
  return BigInt(array[at * 2]) | (BigInt(array[at * 2 + 1]) << 32n);
}

const most = (values: readonly bigint[]): bigint => values.reduce((a, b) => (b > a ? b : a), 0n);

describe('kept among the named', () => {
  test('without hashes of their own: R >= 2^56 - N for the greatest N', () => {
    fc.assert(fc.property(fc.array(fc.array(named, { maxLength: 20 }), { maxLength: 4 }), fc.array(randomness, { minLength: 13, maxLength: 13 }), (policies, r) => {
      const found = keepNamed(policies.map((names) => rowsOf(names, r, false)));
      const names = policies.flat();
      const kept = [...new Set(names.map(({ item }) => item))].sort((a, b) => a - b)
        .map((item) => ({ item, n: most(names.filter((name) => name.item === item).map(({ n }) => n)) }))
        .filter(({ item, n }) => r[item] >= all - n);
      expect(Array.from(found.wseq)).toEqual(kept.map(({ item }) => item * 7));
      expect(Array.from(found.wseq, (_, at) => words(found.n, at))).toEqual(kept.map(({ n }) => n));
      expect(found.nSplit).toBeNull();
    }), { numRuns: 500 });
  });

  test('with hashes of their own: who may be kept, and both N', () => {
    const policy = fc.record({ names: fc.array(named, { maxLength: 20 }), hasSplit: fc.boolean() });
    fc.assert(fc.property(fc.array(policy, { minLength: 1, maxLength: 4 }), fc.array(randomness, { minLength: 13, maxLength: 13 }), (policies, r) => {
      const found = keepNamed(policies.map(({ names, hasSplit }) => rowsOf(names, r, hasSplit)));
      const names = policies.flatMap((each) => each.names.map((name) => ({ ...name, split: each.hasSplit && name.split })));
      const greatest = (item: number, split: boolean): bigint => most(names.filter((name) => name.item === item && name.split === split).map(({ n }) => n));
      const kept = [...new Set(names.map(({ item }) => item))].sort((a, b) => a - b)
        .map((item) => ({ item, n: greatest(item, false), nSplit: greatest(item, true) }))
        .filter(({ item, n, nSplit }) => nSplit > 0n || r[item] >= all - n);
      expect(Array.from(found.wseq)).toEqual(kept.map(({ item }) => item * 7));
      const { nSplit } = found;
      if (nSplit === null) {
        expect(policies.some(({ hasSplit }) => hasSplit)).toBe(false);
        return;
      }
      expect(Array.from(found.wseq, (_, at) => [words(found.n, at), words(nSplit, at)])).toEqual(kept.map((item) => [item.n, item.nSplit]));
    }), { numRuns: 500 });
  });

  test('R against T in words is R against T', () => {
    fc.assert(fc.property(randomness, fc.oneof(fc.constantFrom(...edges, all), fc.bigInt(0n, all)), (r, n) => {
      expect(isKeptAt(Number(r & 0xffffffffn), Number(r >> 32n), Number(n & 0xffffffffn), Number(n >> 32n))).toBe(r >= all - n);
    }), { numRuns: 2000 });
  });

  test('nobody named anything', () => {
    expect(keepNamed([])).toMatchObject({ wseq: new Uint32Array(0), n: new Uint32Array(0), nSplit: null });
  });
});
