import { describe, expect, test } from 'vitest';
import { DecisionCache } from '../../../src/policy/decision-cache.ts';

/** Four words that are different for each number. */
function ids(...numbers: readonly number[]): Uint32Array {
  return Uint32Array.from(numbers.flatMap((n) => [n, n * 3, 0, 0x80000000]));
}

describe('decisions', () => {
  test('are found, kept with their N and dropped, and nothing else is', () => {
    const cache = new DecisionCache(1000);
    cache.put(ids(1), 0, 2n ** 56n);
    cache.put(ids(7, 2), 4, 0n);
    cache.put(ids(3), 0, 1n);
    expect(['kept', 'dropped', 'kept', 'unknown', 'unknown']).toEqual([1, 2, 3, 4, 7].map((n) => cache.outcome(ids(n), 0)));
    expect([2n ** 56n, 0n, 1n, -1n]).toEqual([1, 2, 3, 4].map((n) => cache.get(ids(n), 0)));
    expect(cache.size).toBe(3);
  });

  test('the zero id, a prefix and a permutation are ids of their own', () => {
    const cache = new DecisionCache(10);
    cache.put(Uint32Array.of(0, 0, 0, 0), 0, 5n);
    cache.put(Uint32Array.of(1, 2, 3, 4), 0, 6n);
    expect(cache.get(Uint32Array.of(0, 0, 0, 0), 0)).toBe(5n);
    expect(cache.get(Uint32Array.of(0, 0, 0, 1), 0)).toBe(-1n);
    expect(cache.get(Uint32Array.of(4, 3, 2, 1), 0)).toBe(-1n);
  });

  test('a later decision takes the place of an earlier one', () => {
    const cache = new DecisionCache(10);
    cache.put(ids(1), 0, 5n);
    cache.put(ids(1), 0, 0n);
    expect([cache.outcome(ids(1), 0), cache.get(ids(1), 0), cache.size]).toEqual(['dropped', 0n, 1]);
  });

  test('kept and dropped are forgotten together, a generation at a time, and memory is bounded', () => {
    const cache = new DecisionCache(5000);
    for (let n = 0; n < 23_000; n++) {
      cache.put(ids(n), 0, n % 2 === 0 ? 9n : 0n);
      expect(cache.size).toBeLessThanOrEqual(10_000);
    }
    // Generations: 15,000 to 19,999 and 20,000 to 22,999.
    const known = Array.from({ length: 23_000 }, (_, n) => cache.outcome(ids(n), 0));
    expect(known.slice(0, 15_000).every((outcome) => outcome === 'unknown')).toBe(true);
    expect(known.slice(15_000).every((outcome, index) => outcome === (index % 2 === 0 ? 'kept' : 'dropped'))).toBe(true);
    expect(cache.byteLength).toBeLessThan(10_000 * 4 * 25 + 50_000);
    cache.rotate();
    cache.rotate();
    expect([cache.size, cache.outcome(ids(22_999), 0)]).toEqual([0, 'unknown']);
  });

  test('those of one window are forgotten together', () => {
    const cache = new DecisionCache(10);
    for (let window = 0; window < 5; window++) {
      cache.startWindow(4);
      for (let i = 0; i < 4; i++) cache.put(ids(window * 4 + i), 0, 1n);
    }
    expect(Array.from({ length: 20 }, (_, i) => cache.get(ids(i), 0) === 1n)).toEqual(Array.from({ length: 20 }, (_, i) => i >= 8));
    cache.startWindow(11);
    expect(cache.size).toBe(12);
  });

  test('grows without losing any', () => {
    const cache = new DecisionCache(1_000_000, 77);
    for (let n = 0; n < 50_000; n++) cache.put(ids(n), 0, BigInt(n));
    for (let n = 0; n < 50_000; n++) if (cache.get(ids(n), 0) !== BigInt(n)) throw new Error(`lost ${n}`);
    expect(cache.size).toBe(50_000);
  });
});

describe('ids that are made to collide', () => {
  const count = 40_000;
  const inverse = (k: number): number => { // Of an odd number, modulo 2^32.
    let x = k;
    for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(k, x));
    return x;
  };
  const attacks: { readonly [name: string]: (n: number) => number[] } = {
    'sequential': (n) => [n, 0, 0, 0],
    'equal low bits': (n) => [n << 16, 0, 0, 0],
    'words that cancel by XOR': (n) => [n, n, 0, 0],
    'words that cancel by the golden ratio': (n) => [Math.imul(n, 0x9e3779b1), n, 0, 0],
    'words that cancel whatever the first is': (n) => [0, n, Math.imul(Math.imul(n, 0x9e3779b1), inverse(0x85ebca6b)), 0],
  };

  test.each(Object.entries(attacks))('%s: no slower than random ids', (_, idOf) => {
    const took = (make: (n: number) => number[]): number => {
      const all = Uint32Array.from(Array.from({ length: count }, (__, n) => make(n)).flat());
      const start = performance.now();
      const cache = new DecisionCache(count, 0x1234567);
      for (let n = 0; n < count; n++) cache.put(all, n * 4, 1n);
      expect(cache.size).toBe(count);
      return performance.now() - start;
    };
    const random = (n: number): number[] => [Math.imul(n, 0x2c1b3c6d), Math.imul(n, 0x297a2d39), n, ~n];
    took(random);
    // A chain of 40,000 takes 800 million steps; what is measured is an order of magnitude.
    expect(took(idOf)).toBeLessThan(took(random) * 20 + 100);
  });
});
