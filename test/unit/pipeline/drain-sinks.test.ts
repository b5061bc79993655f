import { describe, expect, test } from 'vitest';
import { drainSinks } from '../../../src/pipeline/drain-sinks.ts';
import type { BatchSink } from '../../../src/pipeline/sink.ts';
import { VirtualSeam } from '../exporters/virtual-seam.ts';

/**
 * Scenario: the end of a process, in virtual time, with next hops that are quick, slow, or dead.
 * Guarantees: it is over by the deadline; a slow next hop gets all of it, a dead one only the time of a stall; nobody is held up by a full queue of a dead one.
 */
class FakeSink implements BatchSink {
  readonly name = 'fake';
  readonly #seam: VirtualSeam;
  readonly #batchMs: number;
  queuedBytes: number;
  delivered = 0;
  /** When it was told so, in virtual milliseconds. */
  droppedAtMs = -1;
  givenUp = 0;

  /** Each byte of the queue is a batch, which takes `batchMs`. */
  constructor(seam: VirtualSeam, queued: number, batchMs: number) {
    this.#seam = seam;
    this.#batchMs = batchMs;
    this.queuedBytes = queued;
    if (batchMs < Infinity) void this.#deliver();
  }

  async #deliver(): Promise<void> {
    while (this.queuedBytes > 0) {
      await this.#seam.sleepMs(this.#batchMs);
      if (this.queuedBytes === 0) return;
      this.queuedBytes--;
      this.delivered++;
    }
  }

  push(): Promise<void> {
    return Promise.resolve();
  }

  dropWhenFull(): void {
    if (this.droppedAtMs < 0) this.droppedAtMs = this.#seam.monotonicMs();
  }

  async drain(deadlineMs: number): Promise<void> {
    const endMs = this.#seam.monotonicMs() + deadlineMs;
    while (this.queuedBytes > 0 && this.#seam.monotonicMs() < endMs) await this.#seam.sleepMs(Math.min(10, endMs - this.#seam.monotonicMs()));
    this.givenUp += this.queuedBytes;
    this.queuedBytes = 0;
  }
}

async function end(sinks: (seam: VirtualSeam) => readonly FakeSink[], decideMs: number, times = { deadlineMs: 300_000, stallMs: 30_000 }): Promise<{ isDecided: boolean; tookMs: number; sinks: readonly FakeSink[] }> {
  const seam = new VirtualSeam(1);
  const made = sinks(seam);
  let isDecided: boolean | null = null;
  void drainSinks(() => (decideMs < Infinity ? seam.sleepMs(decideMs) : new Promise(() => {})), made, seam, times).then((is) => { isDecided = is; });
  await seam.runUntil(() => isDecided !== null);
  return { isDecided: isDecided === true, tookMs: seam.monotonicMs(), sinks: made };
}

describe('the end', () => {
  test('waits no longer than it takes', async () => {
    const { isDecided, tookMs, sinks: [sink] } = await end((seam) => [new FakeSink(seam, 5, 1000)], 2000);
    expect([isDecided, sink.delivered, sink.givenUp, sink.droppedAtMs]).toEqual([true, 5, 0, -1]);
    expect(tookMs).toBeLessThan(5100);
  });

  test('a slow next hop, that acknowledges one batch in 20 s, is waited for beyond the time of a stall', async () => {
    const { isDecided, tookMs, sinks: [sink] } = await end((seam) => [new FakeSink(seam, 10, 20_000)], 1000);
    expect([isDecided, sink.delivered, sink.givenUp, sink.droppedAtMs]).toEqual([true, 10, 0, -1]);
    expect(tookMs).toBeLessThan(201_000);
  });

  test('a dead one costs the time of a stall, and the other nothing', async () => {
    const { isDecided, tookMs, sinks: [dead, slow] } = await end((seam) => [new FakeSink(seam, 10, Infinity), new FakeSink(seam, 3, 25_000)], 40_000);
    expect([isDecided, dead.givenUp, slow.delivered, slow.givenUp]).toEqual([true, 10, 3, 0]);
    expect(dead.droppedAtMs).toBe(30_000);
    expect(tookMs).toBeLessThan(76_000);
  });

  test('is over at the deadline: what waits is given up, what is not decided is told', async () => {
    const slow = await end((seam) => [new FakeSink(seam, 1000, 5000)], 1000, { deadlineMs: 60_000, stallMs: 30_000 });
    expect([slow.isDecided, slow.sinks[0].delivered + slow.sinks[0].givenUp]).toEqual([true, 1000]);
    expect(slow.sinks[0].givenUp).toBeGreaterThan(900);
    expect(slow.tookMs).toBeLessThan(60_300);
    const stuck = await end((seam) => [new FakeSink(seam, 1000, 5000)], Infinity, { deadlineMs: 60_000, stallMs: 30_000 });
    expect([stuck.isDecided, stuck.sinks[0].droppedAtMs]).toEqual([false, 60_000]);
    expect(stuck.tookMs).toBeLessThan(60_300);
  });

  test('what has nothing to send does not stall', async () => {
    const { isDecided, sinks: [sink] } = await end((seam) => [new FakeSink(seam, 0, 1)], 100_000);
    expect([isDecided, sink.droppedAtMs]).toEqual([true, -1]);
  });
});
