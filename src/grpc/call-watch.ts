import type { Seam } from '../base/seam.ts';

/** A call that is looked at: it ends itself where its time is up. */
interface WatchedCall {
  look(nowMs: number, readTimeoutMs: number): void;
}

/** How often calls are looked at, at least. */
const lookMs = 1000;

/** Looks at all calls of a server every now and then: a timer for each would cost every call, and few are late. */
export class CallWatch {
  readonly #readTimeoutMs: number;
  readonly #seam: Seam;
  readonly #calls = new Set<WatchedCall>();
  readonly #stop = new AbortController();
  #isLooking = false;

  constructor(readTimeoutMs: number, seam: Seam) {
    this.#readTimeoutMs = readTimeoutMs;
    this.#seam = seam;
  }

  add(call: WatchedCall): void {
    this.#calls.add(call);
    if (!this.#isLooking) void this.#look();
  }

  delete(call: WatchedCall): void {
    this.#calls.delete(call);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const { signal } = this.#stop;
    while (this.#calls.size > 0 && !signal.aborted) {
      await this.#seam.sleepMs(Math.min(lookMs, this.#readTimeoutMs / 4), signal).catch(() => undefined);
      const nowMs = this.#seam.monotonicMs();
      for (const call of this.#calls) call.look(nowMs, this.#readTimeoutMs);
    }
    this.#isLooking = false;
  }
}
