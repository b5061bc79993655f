import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { realSeam } from '../../src/base/seam.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import { openPolicies, type PolicyText, readPolicyTexts } from '../../src/policies.ts';
import type { SampledSignal } from '../../src/store/slot-plan.ts';
import { readSamplingInput } from '../../src/store/sampling-input.ts';
import { feed, openFlow } from '../sql/store/support.ts';
import { readCapture } from '../support/captures.ts';
import { sampled } from './kept-support.ts';

/**
 * Scenario: every ready policy on every recorded stream of its signal, all of them together, and samples once more on what they sent.
 * Guarantees: R >= T, in whole numbers, for every item that leaves with a threshold, and its count is 2^56 / (2^56 - T). R and T are read off the
 * item's own text as the OpenTelemetry specification has them, by nothing that decided it.
 */

const directory = join(import.meta.dirname, '../../sql/policies');
const texts = readPolicyTexts(readdirSync(directory).filter((file) => file.endsWith('.sql')).map((file) => join(directory, file)));
const isOf = (signal: SampledSignal) => ({ text }: PolicyText): boolean => /FROM (logs|log_)/.test(text) === (signal === 'logs');
const windows = { tracesLengthMs: 10_000, tracesWaitMs: 30_000, logsLengthMs: 600_000 };
const whole = 2n ** 56n;

interface Sent {
  readonly threshold: bigint | null;
  readonly randomness: bigint | null;
  readonly count: number;
}

const padded = (text: string): bigint => BigInt(`0x${text.padEnd(14, '0')}`);

/** What items of some messages say. */
function sentIn(signal: SampledSignal, messages: readonly Uint8Array[]): Sent[] {
  const decoder = new OtapStreamDecoder(signal);
  return messages.flatMap((message) => {
    const said = readSamplingInput(decoder.decode(message), 0);
    return Array.from({ length: said.rowCount }, (_, row): Sent => {
      const state = /(?:^|,)ot=([^,]*)/.exec(said.traceStates?.[row] ?? '')?.[1] ?? '';
      const th = /(?:^|;)th:([0-9a-f]+)/.exec(state)?.[1] ?? said.thresholds?.[row] ?? null;
      const rv = /(?:^|;)rv:([0-9a-f]{14})/.exec(state)?.[1] ?? said.randomness?.[row] ?? null;
      const id = Buffer.from(said.traceIds?.subarray(row * 16, row * 16 + 16) ?? []).toString('hex');
      return {
        threshold: th === null ? null : padded(th), randomness: rv !== null ? padded(rv) : /[1-9a-f]/.test(id) ? BigInt(`0x${id.slice(-14)}`) : null,
        count: said.adjustedCounts?.[row] ?? Number.NaN,
      };
    });
  });
}

const compiled = new Map<string, ReturnType<typeof openPolicies>>();

/** Each set of policies is compiled once. */
function compiledOf(policies: readonly PolicyText[]): ReturnType<typeof openPolicies> {
  const key = policies.map(({ name }) => name).join(' ');
  const known = compiled.get(key) ?? openPolicies(policies, { keepsRest: true });
  compiled.set(key, known);
  return known;
}

async function through(signal: SampledSignal, messages: readonly Uint8Array[], policies: readonly PolicyText[]): Promise<readonly Uint8Array[]> {
  const flow = await openFlow({ ...(await compiledOf(policies)), windows, seam: realSeam({ firstBatchOrdinal: 0, hashKey: new Uint8Array(16) }) });
  try {
    for (const { ack } of await feed(flow, signal, messages)) expect(ack.status).toBe('OK');
    await flow.processor.drain();
    expect(flow.tally.firstError).toBeNull();
    return flow.sink.messages(signal);
  } finally {
    flow.processor.close();
  }
}

const seen = { items: 0, thresholds: 0, raised: 0 };

function expectReached(items: readonly Sent[]): void {
  const wrong = items.filter(({ threshold, randomness, count }) => threshold !== null && (
    randomness === null || randomness < threshold || threshold >= whole || count !== 2 ** 56 / Number(whole - threshold)));
  expect(wrong.slice(0, 3)).toEqual([]);
  seen.items += items.length;
  seen.thresholds += items.filter(({ threshold }) => threshold !== null).length;
  seen.raised += items.filter(({ threshold }) => threshold !== null && threshold > 0n).length;
}

describe.each(sampled)('$name', ({ name, signal }) => {
  if (signal === 'metrics') throw new Error('metrics are not sampled');
  const own = texts.filter(isOf(signal));
  const messages = readCapture(name);

  test.each(own)('$name', async (policy) => {
    expectReached(sentIn(signal, await through(signal, messages, [policy])));
  });

  test('all of them, and of the greatest streams a second tier', async () => {
    const half = { name: 'half', text: signal === 'traces' ? 'SELECT trace_id, 0.5 AS probability FROM traces' : 'SELECT id, 0.5 AS probability FROM logs' };
    const once = await through(signal, messages, own);
    expectReached(sentIn(signal, once));
    if (!name.endsWith('_zstd')) return;
    expectReached(sentIn(signal, await through(signal, once, [half, ...own.filter(({ text }) => /bottom_k|_sample/.test(text))])));
  });
});

afterAll(() => {
  console.log(seen);
  expect(seen.thresholds).toBeGreaterThan(100_000);
  expect(seen.raised).toBeGreaterThan(10_000);
});

test('an R one below its T, and a count of another threshold, are found', () => {
  const threshold = 2n ** 55n;
  const good = { threshold, randomness: threshold, count: 2 };
  expect(() => expectReached([good])).not.toThrow();
  expect(() => expectReached([{ ...good, randomness: threshold - 1n }])).toThrow();
  expect(() => expectReached([{ ...good, count: 2.0000000001 }])).toThrow();
});
