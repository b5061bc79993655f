import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/base/byte-budget.ts';
import { ByteChunks } from '../../../src/base/byte-chunks.ts';

/** Invariant: what is taken is what was pushed, in its order, however it was cut, and views that were given out do not change. */
test('takes what was pushed', () => {
  const step = fc.oneof(
    fc.record({ push: fc.oneof(fc.nat(20), fc.nat(2000), fc.nat(40_000)) }),
    fc.record({ take: fc.double({ min: 0, max: 1, noNaN: true }) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const chunks = new ByteChunks();
    const taken: Buffer[] = [];
    const copies: Buffer[] = [];
    let model = Buffer.alloc(0);
    let next = 0;
    const take = (length: number): void => {
      const bytes = chunks.take(length);
      expect(bytes.equals(model.subarray(0, length))).toBe(true);
      taken.push(bytes);
      copies.push(Buffer.from(bytes));
      model = model.subarray(length);
    };
    for (const each of steps) {
      if ('push' in each) {
        const chunk = Buffer.from(Uint8Array.from({ length: each.push }, () => next++));
        chunks.push(chunk);
        model = Buffer.concat([model, chunk]);
      } else take(Math.floor(each.take * model.length));
      expect(chunks.byteLength).toBe(model.length);
    }
    take(model.length);
    expect(taken.every((bytes, index) => bytes.equals(copies[index]))).toBe(true);
  }), { numRuns: 300 });
});

test('chunks of a byte are held in few pieces', () => {
  const chunks = new ByteChunks();
  for (let i = 0; i < 100_000; i++) chunks.push(Buffer.from([i & 0xff]));
  let pieces = 0;
  for (; chunks.byteLength > 0; pieces++) chunks.take(chunks.first?.length ?? 0);
  expect(pieces).toBeLessThan(10);
});

test('a budget is one over all shares, and comes back as they are released', () => {
  const budget = new ByteBudget(100);
  const [one, other] = [budget.open(), budget.open()];
  one.add(60);
  expect(() => other.add(41)).toThrow(expect.objectContaining({ status: 'RESOURCE_EXHAUSTED', reason: 'receive_buffers_full', retryAfterMs: 1000 }));
  expect(budget.bytes).toBe(101);
  other.release();
  other.release();
  expect(budget.bytes).toBe(60);
  other.add(40);
  one.release();
  other.release();
  expect(budget.bytes).toBe(0);
});
