import { draws } from '../../../src/base/draws.ts';
import type { Seam } from '../../../src/base/seam.ts';

export const startUnixNano = 1_700_000_000_000_000_000n;

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Time of a simulated system: it stands still but for `advanceTo`, which wakes who slept until then. Processes of one system share it. */
export class SimClock implements Seam {
  readonly hashKey: Uint8Array = new Uint8Array(16);
  readonly firstBatchOrdinal = 0;
  readonly jitter: () => number;
  #sleepers: Sleeper[] = [];
  #nowMs = 0;

  constructor(seed: number) {
    this.jitter = draws(seed);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many wait for time to pass. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  readonly nowUnixNano = (): bigint => startUnixNano + BigInt(Math.round(this.#nowMs * 1e6));

  readonly monotonicMs = (): number => this.#nowMs;

  readonly sleepMs = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const sleeper = { atMs: this.#nowMs + ms, wake: resolve };
      const abort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      if (signal?.aborted === true) return abort();
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', abort, { once: true });
    });

  advanceTo(ms: number): void {
    this.#nowMs = Math.max(this.#nowMs, ms);
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { wake } of due) wake();
  }
}
