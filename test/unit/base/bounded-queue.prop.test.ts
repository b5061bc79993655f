import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedQueue } from '../../../src/base/bounded-queue.ts';

/*
 * Strategy: random interleavings of push (waiting), offer and take, against a plain list.
 * Invariants: items come out in the order in which they were let in, none twice, none lost; the bounds hold
 * whenever more than one item is queued; bytes are those of what is queued.
 */
test('order, bounds and accounting hold under any interleaving', async () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), bytes: fc.integer({ min: 0, max: 12 }) }),
    fc.record({ kind: fc.constant('offer' as const), bytes: fc.integer({ min: 0, max: 12 }) }),
    fc.record({ kind: fc.constant('take' as const) }),
  );
  await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
    const queue = new BoundedQueue<number>({ itemsMax: 4, bytesMax: 20 });
    const sizes = new Map<number, number>();
    const entered: number[] = [];
    const taken: Promise<number | null>[] = [];
    for (const [i, step] of actions.entries()) {
      if (step.kind === 'take') taken.push(queue.take());
      else {
        sizes.set(i, step.bytes);
        if (step.kind === 'offer') {
          if (queue.offer(i, step.bytes)) entered.push(i);
        } else {
          void queue.push(i, step.bytes);
          entered.push(i);
        }
      }
      expect(queue.length).toBeLessThanOrEqual(4);
      if (queue.length > 1) expect(queue.bytes).toBeLessThanOrEqual(20);
    }
    for (let i = taken.length; i < entered.length; i++) taken.push(queue.take());
    queue.close();
    const out = (await Promise.all(taken)).filter((item) => item !== null);
    expect(out).toEqual(entered.slice(0, out.length));
    expect(out.length).toBe(entered.length);
    expect(queue.bytes).toBe(0);
  }), { numRuns: 300 });
});
