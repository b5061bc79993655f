import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';

/**
 * The one seam through which time and chance enter. A run with the same input and the same seam decides the same.
 */
export interface Seam {
  /** Wall clock, nanoseconds since the Unix epoch. */
  nowUnixNano(): bigint;
  /** Monotonic clock, milliseconds from some start. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleepMs(ms: number, signal?: AbortSignal): Promise<void>;
  /** Uniform in [0, 1): jitter only. No sampling decision may use it (sampling.md: chance comes from the item). */
  jitter(): number;
  /** 16 bytes that key the hashes of items without randomness of their own (sampling.md, rules 1, 3, 4). */
  readonly hashKey: Uint8Array;
}

/** The real clock and real entropy. `hashKey` may be given so that replicas agree. */
export function realSeam(hashKey: Uint8Array = randomBytes(16)): Seam {
  return {
    nowUnixNano: () => BigInt(Date.now()) * 1_000_000n,
    monotonicMs: () => performance.now(),
    sleepMs: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
    jitter: () => Math.random(),
    hashKey,
  };
}

/** Everything from a seed: time stands still but for `advanceMs`, chance is a fixed sequence. */
export function seededSeam(seed: number, startUnixNano = 1_700_000_000_000_000_000n): Seam & { advanceMs(ms: number): void } {
  let elapsedMs = 0;
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const hashKey = Uint8Array.from({ length: 16 }, () => Math.floor(next() * 256));
  return {
    nowUnixNano: () => startUnixNano + BigInt(Math.round(elapsedMs * 1e6)),
    monotonicMs: () => elapsedMs,
    sleepMs: (ms, signal) => {
      elapsedMs += ms;
      return signal?.aborted === true ? Promise.reject(signal.reason) : Promise.resolve();
    },
    jitter: next,
    hashKey,
    advanceMs: (ms) => {
      elapsedMs += ms;
    },
  };
}
