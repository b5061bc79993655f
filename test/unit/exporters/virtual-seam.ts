import { setImmediate as turn } from 'node:timers/promises';
import { seededSeam, type Seam } from '../../../src/base/seam.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A seam whose time passes only in `runUntil`, which wakes sleepers in the order of their times. */
export class VirtualSeam implements Seam {
  readonly hashKey = new Uint8Array(16);
  readonly firstBatchOrdinal = 0;
  readonly #chance: Seam;
  readonly #sleepers = new Set<Sleeper>();
  #nowMs = 0;

  constructor(seed: number) {
    this.#chance = seededSeam(seed);
  }

  nowUnixNano(): bigint {
    return BigInt(Math.round(this.#nowMs * 1e6));
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  jitter(): number {
    return this.#chance.jitter();
  }

  sleepMs(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const sleeper = { atMs: this.#nowMs + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      }, { once: true });
    });
  }

  /** Sleepers that nobody has woken or aborted: what a clean end leaves at 0. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Lets time pass until `done` holds; fails when nothing sleeps that could bring it about, or after `limitMs`. */
  async runUntil(done: () => boolean, limitMs = 3_600_000): Promise<void> {
    for (;;) {
      for (let turns = 0; turns < 5 && !done(); turns++) await turn();
      if (done()) return;
      const [next] = [...this.#sleepers].sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) throw new Error('nothing sleeps: the condition cannot come true');
      if (next.atMs > limitMs) throw new Error(`not done after ${limitMs} virtual ms`);
      this.#sleepers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
  }
}
