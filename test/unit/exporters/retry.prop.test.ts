import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, isRetryable, type RetryPolicy } from '../../../src/exporters/retry.ts';
import { Slots } from '../../../src/exporters/slots.ts';

const policy: RetryPolicy = { enabled: true, initialIntervalMs: 1000, maxIntervalMs: 30_000, maxElapsedMs: 0 };

describe('backoffMs', () => {
  it('doubles from the initial interval to the greatest, by half around it', () => {
    expect([1, 2, 3, 4, 5, 6, 100, 5000].map((attempt) => backoffMs(policy, attempt, 0.5, null)))
      .toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(backoffMs(policy, 1, 0, null)).toBe(500);
    expect(backoffMs(policy, 1, 0.999, null)).toBeCloseTo(1499);
  });

  it('never waits less than the server asked for', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(100_000), (attempt, jitter, asked) => {
      expect(backoffMs(policy, attempt, jitter, asked)).toBeGreaterThanOrEqual(Math.max(asked, 500));
    }));
  });

  it('spreads what the server asked for over a quarter of it, at least the interval, at most the greatest', () => {
    const spread = (attempt: number, asked: number): number => backoffMs(policy, attempt, 0.999999, asked) - backoffMs(policy, attempt, 0, asked);
    expect([spread(1, 10_000), spread(1, 2000), spread(5, 20_000), spread(1, 600_000)].map(Math.round)).toEqual([2500, 1000, 16_000, 30_000]);
  });
});

it('retries what OTLP calls retryable, and nothing else', () => {
  for (const status of ['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'OUT_OF_RANGE', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED'] as const) expect(isRetryable(status)).toBe(true);
  for (const status of ['OK', 'INVALID_ARGUMENT', 'NOT_FOUND', 'PERMISSION_DENIED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAUTHENTICATED'] as const) expect(isRetryable(status)).toBe(false);
});

it('Slots: never more at once than there are, in order, every one in the end', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }), async (count, turns) => {
    const slots = new Slots(count);
    const started: number[] = [];
    let running = 0;
    let most = 0;
    const work = turns.map(async (delay, index) => {
      for (let waited = 0; waited < delay; waited++) await turn();
      await slots.run(async () => {
        started.push(index);
        most = Math.max(most, ++running);
        for (let waited = 0; waited < 3 - delay; waited++) await turn();
        running--;
      });
    });
    await Promise.all(work);
    await slots.idle();
    expect(started.toSorted((a, b) => a - b)).toEqual(turns.map((_, index) => index));
    expect(most).toBeLessThanOrEqual(count);
  }), { numRuns: 50 });
});
