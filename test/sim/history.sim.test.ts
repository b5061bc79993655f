import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compile, openFlow } from '../sql/store/support.ts';
import { type GivenSpan, itemsSeen, randomTrace, type SeenItem, shareOf, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: 1,500 keys over 10 windows: 13,500 windows of a key that has a past. Each key has a budget with carry-over, so its p hangs on how many of
 * its traces were kept before, which is chance.
 * Guarantees: the estimate of each window is unbiased, alone and given what was kept before; budgets hold on average.
 * Control: the same p from the window's own outcome.
 */

const keys = 1_500;
const windows = 10;
const perWindow = 8;
const startMs = 1e9;
const budget = 2;
const least = 0.4;

/** As sql/policies/budget_with_carry_over.sql, a key at a time and two a window. */
const policy = readFileSync(new URL('../../sql/policies/budget_with_carry_over.sql', import.meta.url), 'utf8')
  .replaceAll('root_service', 'root_name').replace('100 * (1 +', `${budget} * (1 +`).replace('greatest(10,', `greatest(${least},`);

interface World {
  readonly spans: GivenSpan[][];
  readonly placeOf: Map<string, { readonly window: number; readonly key: number }>;
}

function world(seed: number): World {
  const chance = mulberry(seed);
  const placeOf: World['placeOf'] = new Map();
  const spans = Array.from({ length: windows }, (_, window) => Array.from({ length: keys * perWindow }, (__, i) => {
    const trace = randomTrace(chance);
    placeOf.set(trace, { window, key: i % keys });
    return { trace, name: `op ${i % keys}`, startMs: startMs + window * 10_000 + 1 };
  }));
  return { spans, placeOf };
}

async function run({ spans }: World): Promise<SeenItem[]> {
  const flow = await openFlow({ policies: await compile(policy), windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000 }, decisionsMax: 1_000_000 });
  try {
    const stream = flow.processor.intake.open('traces');
    for (const bytes of spansMessages(spans)) {
      expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
      await flow.processor.drain();
    }
    expect(flow.tally.firstError).toBeNull();
    return itemsSeen('traces', flow.sink.messages('traces'));
  } finally {
    flow.processor.close();
  }
}

function table(): Float64Array[] {
  return Array.from({ length: windows }, () => new Float64Array(keys));
}

/** Mean, and z of it against `truth`. */
function against(values: readonly number[], truth: number): { mean: number; z: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  return { mean, z: (mean - truth) / Math.sqrt(variance / values.length) };
}

describe('a budget with carry-over', () => {
  const given = world(21);
  const kept = table();
  const estimate = table();

  test('is unbiased in every window', async () => {
    for (const { trace, count } of await run(given)) {
      const { window, key } = given.placeOf.get(trace) ?? { window: 0, key: 0 };
      kept[window][key]++;
      estimate[window][key] += count;
    }
    for (let window = 0; window < windows; window++) {
      const { mean, z } = against(Array.from(estimate[window]), perWindow);
      expect(Math.abs(z), `window ${window}: ${mean.toFixed(3)} of ${perWindow}, z ${z.toFixed(1)}`).toBeLessThan(4);
    }
  });

  test('control: without a least p, windows of keys that have overspent are missing', () => {
    const able = Array.from({ length: windows }, (_, window) => Array.from(estimate[window], (count, key) => (budgetOf(kept, window, key) > 0 ? count : 0))).flat();
    expect(against(able, perWindow).z).toBeLessThan(-8);
  });

  test('is unbiased given what was kept in the window before', () => {
    for (const before of [0, 1, 2, 3]) {
      const values = Array.from({ length: windows - 1 }, (_, window) => Array.from(kept[window], (count, key) => ({ count, key, window: window + 1 }))).flat()
        .filter(({ count }) => count === before).map(({ key, window }) => estimate[window][key]);
      const { mean, z } = against(values, perWindow);
      expect(values.length).toBeGreaterThan(300);
      expect(Math.abs(z), `after ${before}: ${mean.toFixed(3)}, z ${z.toFixed(1)}`).toBeLessThan(4);
    }
  });

  test('is p what the budget leaves, so over all windows about the budget is spent', () => {
    const { mean } = against(Array.from({ length: keys }, (_, key) => kept.reduce((sum, window) => sum + window[key], 0)), budget * windows);
    expect(mean).toBeGreaterThan(budget * windows * 0.9);
    expect(mean).toBeLessThan(budget * windows * 1.15);
  });

  test('control: p from what is kept of the own window is biased', () => {
    const byKey = Array.from({ length: windows }, (_, window) => Array.from({ length: keys }, (__, key) => Array.from({ length: perWindow }, (___, i) => given.spans[window][key + i * keys]))).flat();
    // Kept at a fifth, then counted by the share that was kept.
    const values = byKey.map((spans) => {
      const own = spans.filter(({ trace }) => shareOf(trace) <= 0.2).length;
      return own === 0 ? 0 : own / Math.min(1, Math.max(own, budget) / perWindow);
    });
    expect(Math.abs(against(values, perWindow).z)).toBeGreaterThan(20);
  });
});

/** What the policy's window has left for a key, from what was kept: two a window for at most six windows. */
function budgetOf(kept: readonly Float64Array[], window: number, key: number): number {
  const past = kept.slice(Math.max(0, window - 5), window);
  return budget * (1 + past.length) - past.reduce((sum, counts) => sum + counts[key], 0);
}
