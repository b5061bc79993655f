import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BufferPool } from '../../../src/base/buffer-pool.ts';

const lengths = fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.constantFrom(16_383, 16_384, 16_385, 65_536, 65_537));
/** Lends a buffer of so many bytes, or gives the oldest back. */
const steps = fc.array(fc.oneof({ weight: 3, arbitrary: lengths }, { weight: 2, arbitrary: fc.constant('give' as const) }), { maxLength: 100 });
const freeBytesMax = 300_000;

/** Runs the steps against a pool; each lent buffer is filled with a number of its own, which must be there when it is given back. */
function lendAll(plan: readonly (number | 'give')[], lend: (length: number) => Buffer, give: (buffer: Buffer) => void): boolean {
  const lent: { buffer: Buffer; mark: number }[] = [];
  return plan.every((step, index) => {
    if (step === 'give') {
      const oldest = lent.shift();
      if (oldest === undefined) return true;
      const isWhole = oldest.buffer.every((byte) => byte === oldest.mark);
      give(oldest.buffer);
      return isWhole;
    }
    const buffer = lend(step);
    lent.push({ buffer: buffer.fill(index % 256), mark: index % 256 });
    return buffer.length >= step;
  }) && lent.every(({ buffer, mark }) => buffer.every((byte) => byte === mark));
}

describe('a pool of buffers', () => {
  test('lends each to one at a time, long enough, and keeps no more than it may', () => {
    fc.assert(fc.property(steps, (plan) => {
      const pool = new BufferPool(freeBytesMax);
      const isWhole = lendAll(plan, (length) => pool.take(length), (buffer) => pool.give(buffer));
      return isWhole && pool.freeBytes <= freeBytesMax;
    }), { numRuns: 300 });
  });

  test('control: a pool that lends what is still lent is found out', () => {
    const shared = Buffer.alloc(200_000);
    expect(() => fc.assert(fc.property(steps, (plan) => lendAll(plan, () => shared, () => {})), { numRuns: 300 })).toThrow();
  });

  test('uses again what came back', () => {
    const pool = new BufferPool(freeBytesMax);
    const first = pool.take(100_000);
    pool.give(first);
    expect(pool.freeBytes).toBe(131_072);
    expect(pool.take(70_000)).toBe(first);
    expect(pool.freeBytes).toBe(0);
  });
});
