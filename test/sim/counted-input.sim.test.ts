import { expect, test } from 'vitest';
import { openPolicies } from '../../src/policies.ts';
import { openFlow } from '../sql/store/support.ts';
import { itemsSeen, randomTrace, recordsMessages, type SeenItem, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: 40,000 items of as many traces, of which an upstream sampler that writes nothing but a count of 4 let a quarter through, go through two tiers.
 * Guarantees (sampling.md, rule 3): they are estimated without bias after each, leave without a threshold, and the second tier draws nothing anew.
 * Control: what the first tier sent without the randomness that it wrote is counted double, 2.0. (Spans only: with records the count goes into the hash, which so
 * draws anew and independently.)
 */

const originals = 40_000;
const countIn = 4;
const half = 0.05;

async function kept(signal: 'traces' | 'logs', messages: readonly Uint8Array[], p: number): Promise<readonly Uint8Array[]> {
  const key = signal === 'traces' ? 'trace_id' : 'id';
  const flow = await openFlow({ ...(await openPolicies([{ name: 'p', text: `SELECT ${key}, ${p}::DOUBLE AS probability FROM ${signal}` }])), windows: { tracesLengthMs: 10_000, tracesWaitMs: 0, logsLengthMs: 10_000 } });
  try {
    const stream = flow.processor.intake.open(signal);
    for (const bytes of messages) expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
    await flow.processor.drain();
    expect(flow.tally.firstError).toBeNull();
    return flow.sink.messages(signal);
  } finally {
    flow.processor.close();
  }
}

/** Estimate over truth, and how far off in standard errors. */
function estimate(items: readonly SeenItem[]): { readonly ratio: number; readonly z: number } {
  const [sum, squares] = items.reduce(([a, b], { count }) => [a + count, b + count * count], [0, 0]);
  return { ratio: sum / originals, z: (sum - originals) / Math.sqrt(squares - sum * sum / originals) };
}

function messagesOf(signal: 'traces' | 'logs', items: readonly { readonly trace: string; readonly count: number }[]): Uint8Array[] {
  const given = items.map(({ trace, count }, i) => ({ trace, startMs: 1e9 + i / 10, timeMs: 1e9 + i / 10, attributes: { 'sampling.adjusted_count': count } }));
  const lists = Array.from({ length: Math.ceil(given.length / 8000) }, (_, i) => given.slice(i * 8000, (i + 1) * 8000));
  return signal === 'traces' ? spansMessages(lists) : recordsMessages(lists);
}

test.each(['traces', 'logs'] as const)('%s that bring a count alone, in two tiers', async (signal) => {
  const chance = mulberry(31);
  const arrived = Array.from({ length: originals }, () => ({ trace: randomTrace(chance), count: countIn })).filter(() => chance() < 1 / countIn);
  const once = await kept(signal, messagesOf(signal, arrived), 2 * half);
  const first = itemsSeen(signal, once);
  const twice = itemsSeen(signal, await kept(signal, once, half));
  const anew = itemsSeen(signal, await kept(signal, messagesOf(signal, first), half));
  const [afterOne, afterTwo, control] = [first, twice, anew].map(estimate);
  console.log(signal, { afterOne, afterTwo, control });
  expect([...first, ...twice].every(({ threshold }) => threshold === null)).toBe(true);
  for (const { ratio, z } of [afterOne, afterTwo]) expect(Math.abs(z), ratio.toFixed(3)).toBeLessThan(4);
  expect(new Set(twice.map(({ count }) => count))).toEqual(new Set([1 / half]));
  if (signal === 'logs') {
    expect(Math.abs(control.z)).toBeLessThan(4);
    return;
  }
  expect(control.ratio).toBeGreaterThan(1.9);
  expect(control.z).toBeGreaterThan(10);
});
