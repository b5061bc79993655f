import { describe, expect, test } from 'vitest';
import { BoundedQueue } from '../../../src/base/bounded-queue.ts';

const bounds = { itemsMax: 3, bytesMax: 100 };

describe('bounded queue', () => {
  test('gives items in order and accounts for them', async () => {
    const queue = new BoundedQueue<string>(bounds);
    expect([queue.offer('a', 40), queue.offer('b', 60), queue.offer('c', 1)]).toEqual([true, true, false]);
    expect([queue.length, queue.bytes]).toEqual([2, 100]);
    expect([await queue.take(), await queue.take()]).toEqual(['a', 'b']);
    expect([queue.length, queue.bytes]).toEqual([0, 0]);
  });

  test('an item over the byte bound enters an empty queue, alone', () => {
    const queue = new BoundedQueue<string>(bounds);
    expect(queue.offer('huge', 1000)).toBe(true);
    expect(queue.offer('b', 0)).toBe(false);
  });

  test('senders wait in order; nobody overtakes them', async () => {
    const queue = new BoundedQueue<string>(bounds);
    queue.offer('a', 90);
    const big = queue.push('big', 80);
    expect(queue.offer('small', 1)).toBe(false);
    const small = queue.push('small', 1);
    expect(await queue.take()).toBe('a');
    expect([await big, await small]).toEqual([true, true]);
    expect([await queue.take(), await queue.take()]).toEqual(['big', 'small']);
  });

  test('a waiting taker gets the next item, and null at the end', async () => {
    const queue = new BoundedQueue<string>(bounds);
    const takes = [queue.take(), queue.take()];
    queue.offer('a', 1);
    expect(queue.length).toBe(0);
    queue.close();
    expect(await Promise.all(takes)).toEqual(['a', null]);
  });

  test('close leaves what is queued to be taken, and refuses waiting senders', async () => {
    const queue = new BoundedQueue<string>({ itemsMax: 1, bytesMax: 10 });
    queue.offer('a', 1);
    const waiting = queue.push('b', 1);
    const drained = queue.drained();
    queue.close();
    expect(await waiting).toBe(false);
    expect(await queue.push('c', 1)).toBe(false);
    const all: string[] = [];
    for await (const item of queue) all.push(item);
    await drained;
    expect(all).toEqual(['a']);
  });

  test('abort hands back what was queued', async () => {
    const queue = new BoundedQueue<string>(bounds);
    queue.offer('a', 1);
    queue.offer('b', 1);
    expect(queue.abort()).toEqual(['a', 'b']);
    expect([await queue.take(), queue.bytes, queue.offer('c', 1)]).toEqual([null, 0, false]);
  });

  test('drained resolves only when nothing is queued, waiting senders included', async () => {
    const queue = new BoundedQueue<string>({ itemsMax: 1, bytesMax: 10 });
    queue.offer('a', 1);
    void queue.push('b', 1);
    let done = false;
    const drained = queue.drained().then(() => (done = true));
    await queue.take();
    await Promise.resolve();
    expect(done).toBe(false);
    await queue.take();
    await drained;
    expect(done).toBe(true);
  });
});
