import { assert } from './assert.ts';
import { deferred, type Deferred } from './deferred.ts';

export interface QueueBounds {
  readonly itemsMax: number;
  readonly bytesMax: number;
}

interface Entry<T> {
  readonly item: T;
  readonly bytes: number;
}

interface Link<T> extends Entry<T> {
  next: Link<T> | null;
}

interface Waiter<T> extends Entry<T> {
  readonly admitted: Deferred<boolean>;
}

/**
 * A first-in, first-out queue between tasks of one thread, bounded in items and bytes.
 *
 * Life: open (offer, push, take) -> closed by `close()` (nothing more comes in; `take` gives what is left, then null)
 * or by `abort()` (what is left is dropped and returned). An item larger than `bytesMax` enters an empty queue alone,
 * so that no item waits for ever; whoever must refuse it checks its size before.
 */
export class BoundedQueue<T extends NonNullable<unknown>> {
  readonly #bounds: QueueBounds;
  #head: Link<T> | null = null;
  #tail: Link<T> | null = null;
  #length = 0;
  #bytes = 0;
  #closed = false;
  readonly #senders: Waiter<T>[] = [];
  readonly #takers: Deferred<T | null>[] = [];
  #idle: Deferred<void> | null = null;

  constructor(bounds: QueueBounds) {
    assert(bounds.itemsMax >= 1 && bounds.bytesMax >= 1, 'a queue holds at least one item and one byte');
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Puts the item in if there is room and nobody waits before it; false otherwise, and when closed. */
  offer(item: T, bytes: number): boolean {
    assert(bytes >= 0, 'an item has a size');
    if (this.#closed || this.#senders.length > 0 || !this.#fits(bytes)) return false;
    this.#admit({ item, bytes });
    return true;
  }

  /** Puts the item in, waiting for room; false when the queue is closed before there is any. */
  push(item: T, bytes: number): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    if (this.offer(item, bytes)) return Promise.resolve(true);
    const admitted = deferred<boolean>();
    this.#senders.push({ item, bytes, admitted });
    return admitted.promise;
  }

  /** The oldest item, waiting for one; null when the queue is closed and empty. */
  take(): Promise<T | null> {
    const item = this.#shift();
    if (item !== null || this.#closed) return Promise.resolve(item);
    const taker = deferred<T | null>();
    this.#takers.push(taker);
    return taker.promise;
  }

  /** Lets nothing more in: waiting senders get false, waiting takers null; what is queued can still be taken. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { admitted } of this.#senders.splice(0)) admitted.resolve(false);
    for (const taker of this.#takers.splice(0)) taker.resolve(null);
    this.#settleIdle();
  }

  /** Closes the queue and takes everything out of it at once. */
  abort(): T[] {
    this.close();
    const left: T[] = [];
    for (let item = this.#shift(); item !== null; item = this.#shift()) left.push(item);
    return left;
  }

  /** Resolves when nothing is queued (at once if that is so now). Items already taken are their taker's. */
  drained(): Promise<void> {
    if (this.length === 0) return Promise.resolve();
    this.#idle ??= deferred<void>();
    return this.#idle.promise;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (let item = await this.take(); item !== null; item = await this.take()) yield item;
  }

  #fits(bytes: number): boolean {
    if (this.length === 0) return true;
    return this.length < this.#bounds.itemsMax && this.#bytes + bytes <= this.#bounds.bytesMax;
  }

  #admit(entry: Entry<T>): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker.resolve(entry.item);
      return;
    }
    const link: Link<T> = { ...entry, next: null };
    if (this.#tail === null) this.#head = link;
    else this.#tail.next = link;
    this.#tail = link;
    this.#length += 1;
    this.#bytes += entry.bytes;
  }

  #shift(): T | null {
    const first = this.#head;
    if (first === null) return null;
    this.#head = first.next;
    if (this.#head === null) this.#tail = null;
    this.#length -= 1;
    this.#bytes -= first.bytes;
    this.#admitSenders();
    this.#settleIdle();
    return first.item;
  }

  #admitSenders(): void {
    for (let sender = this.#senders[0]; sender !== undefined && this.#fits(sender.bytes); sender = this.#senders[0]) {
      this.#senders.shift();
      this.#admit(sender);
      sender.admitted.resolve(true);
    }
  }

  #settleIdle(): void {
    if (this.length > 0) return;
    this.#idle?.resolve();
    this.#idle = null;
  }
}
