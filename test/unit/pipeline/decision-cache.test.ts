import { describe, expect, test } from 'vitest';
import { registerDecisionMetrics } from '../../../src/pipeline/decision-metrics.ts';
import { DecisionCache } from '../../../src/policy/decision-cache.ts';
import { MetricRegistry } from '../../../src/telemetry/metrics.ts';

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

describe('the horizon of time', () => {
  const horizonMs = 60_000;

  test('a decision is known up to the horizon and not beyond, kept or dropped, whatever generation it lies in', () => {
    const cache = new DecisionCache(1000, 0, false, horizonMs);
    for (let second = 0; second < 300; second++) {
      cache.advanceTo(second * 1000);
      cache.startWindow(2);
      cache.put(ids(second * 2), 0, 9n);
      cache.put(ids(second * 2 + 1), 0, 0n);
      const from = Math.max(0, second - 60);
      const known = Array.from({ length: second + 1 }, (_, past) => [cache.outcome(ids(past * 2), 0), cache.outcome(ids(past * 2 + 1), 0)]);
      expect(known).toEqual(Array.from({ length: second + 1 }, (_, past) => (past >= from ? ['kept', 'dropped'] : ['unknown', 'unknown'])));
    }
    expect(cache.forgottenBeforeMs).toBe(299_000 - horizonMs);
    expect(cache.ageMs(ids(250 * 2), 0)).toBe(49_000);
    expect(cache.size).toBeLessThanOrEqual(2 * 2 * 61);
  });

  test('where there is no room for all of that time, what is forgotten reaches further', () => {
    const cache = new DecisionCache(10, 0, false, horizonMs);
    for (let second = 0; second < 30; second++) {
      cache.advanceTo(second * 1000);
      cache.put(ids(second), 0, 9n);
    }
    const first = Array.from({ length: 30 }, (_, second) => cache.outcome(ids(second), 0)).indexOf('kept');
    expect(cache.forgottenBeforeMs).toBeGreaterThan((first - 1) * 1000);
    expect(cache.forgottenBeforeMs).toBeLessThanOrEqual(first * 1000);
  });

  test('a decision says on what evidence it was made, through growing too', () => {
    const cache = new DecisionCache(100_000, 0, true, horizonMs);
    for (let n = 0; n < 5000; n++) cache.put(ids(n), 0, BigInt(n), n % 7, n % 3 === 0 ? 'trace_size' : n % 3 === 1 ? 'memory' : null);
    for (let n = 0; n < 5000; n++) {
      expect([cache.partial(ids(n), 0), cache.reason(ids(n), 0)]).toEqual([n % 3 === 0 ? 'trace_size' : n % 3 === 1 ? 'memory' : null, n % 7]);
    }
    expect(cache.partial(ids(5000), 0)).toBeNull();
  });

  test('time does not go back, and more moments than there are codes do not fail', () => {
    const cache = new DecisionCache(1_000_000);
    for (let n = 0; n < 70_000; n++) {
      cache.advanceTo(n * 100);
      cache.put(ids(n), 0, 1n);
    }
    cache.advanceTo(5);
    expect(cache.nowMs).toBe(69_999 * 100);
    expect([cache.outcome(ids(0), 0), cache.outcome(ids(69_999), 0)]).toEqual(['kept', 'kept']);
    expect(cache.ageMs(ids(0), 0)).toBe(69_999 * 100);
  });
});

test('what is remembered is published, and how far back it reaches where there is an end', () => {
  const registry = new MetricRegistry();
  const remembered = { count: 7, reachMs: 90_000 };
  registerDecisionMetrics(registry, () => remembered);
  expect(registry.text()).toContain('thresher_decisions_reach_seconds 90\n');
  remembered.reachMs = Infinity;
  remembered.count = 8;
  expect(registry.text()).toContain('thresher_decisions_remembered 8\n');
  expect(registry.text()).not.toContain('Inf');
});
