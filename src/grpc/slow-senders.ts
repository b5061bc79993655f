import type { Seam } from '../base/seam.ts';

/** A call that can be ended because its message takes too long to come. */
interface SlowCall {
  refuseSlow(nowMs: number, limitMs: number): void;
}

/** How often calls are looked at, at least. */
const lookMs = 1000;

/** Looks at all calls of a server every now and then: a timer for each would cost every call, and few senders are slow. */
export class SlowSenders {
  readonly #limitMs: number;
  readonly #seam: Seam;
  readonly #calls = new Set<SlowCall>();
  readonly #stop = new AbortController();
  #isLooking = false;

  constructor(limitMs: number, seam: Seam) {
    this.#limitMs = limitMs;
    this.#seam = seam;
  }

  add(call: SlowCall): void {
    this.#calls.add(call);
    if (!this.#isLooking) void this.#look();
  }

  delete(call: SlowCall): void {
    this.#calls.delete(call);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const { signal } = this.#stop;
    while (this.#calls.size > 0 && !signal.aborted) {
      await this.#seam.sleepMs(Math.min(lookMs, this.#limitMs / 4), signal).catch(() => undefined);
      const nowMs = this.#seam.monotonicMs();
      for (const call of this.#calls) call.refuseSlow(nowMs, this.#limitMs);
    }
    this.#isLooking = false;
  }
}
