import { setTimeout as sleep } from 'node:timers/promises';
import { createHash, randomInt } from 'node:crypto';
import { draws } from './draws.ts';

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
  /** 16 bytes that key the hashes of items without randomness of their own; replicas share them. */
  readonly hashKey: Uint8Array;
  /** Where this process starts to number its batches, so that items known by batch and row alone are hashed apart from other processes'. */
  readonly firstBatchOrdinal: number;
}

/** The documented key that all processes share which are not given another: the ASCII bytes of "thresher-hash-01". */
export const defaultHashKey: Uint8Array = new TextEncoder().encode('thresher-hash-01');

/** A hash key that depends on a seed alone. */
export function hashKeyOfSeed(seed: number): Uint8Array {
  return createHash('sha256').update(`thresher seed ${seed}`).digest().subarray(0, 16);
}

/** Ordinals stay below 2^47: they are shifted by 16 bits within 64. */
const ordinalStarts = 2 ** 14;
const ordinalsApart = 2 ** 32;

/** The real clock and real entropy; what decides (hash key and first batch ordinal) may be given. */
export function realSeam(fixed: { readonly hashKey?: Uint8Array; readonly firstBatchOrdinal?: number } = {}): Seam {
  return {
    nowUnixNano: () => BigInt(Date.now()) * 1_000_000n,
    monotonicMs: () => performance.now(),
    sleepMs: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
    jitter: () => Math.random(),
    hashKey: fixed.hashKey ?? defaultHashKey,
    firstBatchOrdinal: fixed.firstBatchOrdinal ?? randomInt(ordinalStarts) * ordinalsApart,
  };
}

/** Everything from a seed: time stands still but for `advanceMs`, chance is a fixed sequence. */
export function seededSeam(seed: number, startUnixNano = 1_700_000_000_000_000_000n): Seam & { advanceMs(ms: number): void } {
  let elapsedMs = 0;
  const next = draws(seed);
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
    firstBatchOrdinal: 0,
    advanceMs: (ms) => {
      elapsedMs += ms;
    },
  };
}
