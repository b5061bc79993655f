import { describe, expect, test } from 'vitest';
import { realSeam } from '../../src/base/seam.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../../src/otap/encode/stream-encoder.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import { openPolicies } from '../../src/policies.ts';
import type { SampledSignal } from '../../src/store/slot-plan.ts';
import { feed, openFlow } from '../sql/store/support.ts';
import { readCapture } from '../support/captures.ts';
import { itemsSeen } from '../support/given-messages.ts';

/**
 * Scenario: two processors that know nothing of each other (other keys, other batches, another order of arrival) decide the same recorded telemetry.
 * Guarantees (sampling.md, rules 6 and 20): with the same policy they keep the same items at the same thresholds, with different ones the smaller set lies in the
 * larger, and an item that a join names many times counts once.
 */

const wide = 1_000_000_000;
const windows = { tracesLengthMs: wide, tracesWaitMs: 0, logsLengthMs: wide };

/** The rows of a stream in other batches, the last ones first. */
function turnedRound(signal: SampledSignal, messages: readonly Uint8Array[]): Uint8Array[] {
  const decoder = new OtapStreamDecoder(signal);
  const encoder = new OtapStreamEncoder(signal, { bodyCompression: 'none', zstdLevel: 1 });
  const batches = messages.map((message) => {
    const batch = decoder.decode(message);
    const builder = new OutputBatchBuilder(signal, batch.rowCount);
    builder.append(batch, Uint32Array.from({ length: batch.rowCount }, (_, row) => row).reverse(), null);
    return builder.finish();
  });
  return batches.reverse().map((batch, index) => encoder.encode(BigInt(index), batch));
}

/** `item threshold count` of each item that is kept, sorted. */
async function keptOf(signal: SampledSignal, messages: readonly Uint8Array[], key: number, ...texts: readonly string[]): Promise<string[]> {
  const compiled = await openPolicies(texts.map((text, i) => ({ name: `p${i}`, text })));
  const flow = await openFlow({ ...compiled, windows, seam: realSeam({ firstBatchOrdinal: 0, hashKey: new Uint8Array(16).fill(key) }) });
  try {
    for (const { ack } of await feed(flow, signal, messages)) expect(ack.status).toBe('OK');
    await flow.processor.drain();
    expect(flow.tally.firstError).toBeNull();
    // Records outside of traces have a randomness that is each processor's own.
    return itemsSeen(signal, flow.sink.messages(signal)).filter(({ trace }) => trace !== '').map(({ key: item, threshold, count }) => `${item} ${threshold} ${count}`).sort();
  } finally {
    flow.processor.close();
  }
}

const itemOf = (line: string): string => line.split(' ').slice(0, -2).join(' ');
const sample = (call: string, from: string): string => `SELECT unnest(${call}, recursive := true) FROM ${from}`;

/** In the others the recorded root alone has an rv, so that the trace goes by the R of the span that came first. */
const traces = "traces WHERE trace_id NOT IN (SELECT trace_id FROM spans WHERE trace_state LIKE '%rv:%')";

/** Policies, each with one that asks for more. */
const pairs: { readonly [signal in SampledSignal]: readonly (readonly [name: string, smaller: string, larger: string])[] } = {
  traces: [
    ['a rule', `SELECT trace_id, 0.1 AS probability FROM ${traces}`, `SELECT trace_id, 0.3 AS probability FROM ${traces}`],
    ['bottom_k', sample('bottom_k(item, 100)', traces), sample('bottom_k(item, 300)', traces)],
    ['weighted_reservoir_sample', sample('weighted_reservoir_sample(item, span_count, 100)', traces), sample('weighted_reservoir_sample(item, span_count, 300)', traces)],
    ['weighted_reservoir_sample_exp', sample('weighted_reservoir_sample_exp(item, span_count, 100)', traces), sample('weighted_reservoir_sample_exp(item, span_count, 300)', traces)],
    ['budget_sample', sample('budget_sample(item, span_count, 1000)', traces), sample('budget_sample(item, span_count, 4000)', traces)],
  ],
  logs: [
    ['a rule', 'SELECT id, 0.1 AS probability FROM logs', 'SELECT id, 0.3 AS probability FROM logs'],
    ['bottom_k', sample('bottom_k(item, 1000)', 'logs WHERE trace_id IS NOT NULL'), sample('bottom_k(item, 3000)', 'logs WHERE trace_id IS NOT NULL')],
  ],
};

describe.each(['traces', 'logs'] as const)('%s', (signal) => {
  const messages = readCapture(`${signal}_zstd`);
  const others = turnedRound(signal, messages);

  test.each(pairs[signal])('%s: the same of the same, less within more', async (_, smaller, larger) => {
    const one = await keptOf(signal, messages, 1, smaller);
    expect(one.length).toBeGreaterThan(100);
    expect(await keptOf(signal, others, 2, smaller)).toEqual(one);
    const more = new Set((await keptOf(signal, others, 3, larger)).map(itemOf));
    expect(more.size).toBeGreaterThan(one.length * 1.5);
    expect(one.filter((line) => !more.has(itemOf(line)))).toEqual([]);
  });
});

test('an item that a join names many times counts once', async () => {
  const spans = readCapture('traces_zstd');
  const joined = 'SELECT t.trace_id, 0.3 AS probability FROM traces t JOIN spans s ON s.trace_id = t.trace_id';
  expect(await keptOf('traces', spans, 1, joined)).toEqual(await keptOf('traces', spans, 1, 'SELECT trace_id, 0.3 AS probability FROM traces'));
  const logs = readCapture('logs_zstd');
  const ofAttributes = 'SELECT l.id, 0.3 AS probability FROM logs l JOIN log_attrs a ON a.parent_id = l.id';
  const once = 'SELECT l.id, 0.3 AS probability FROM logs l WHERE EXISTS (SELECT 1 FROM log_attrs a WHERE a.parent_id = l.id)';
  expect(await keptOf('logs', logs, 1, ofAttributes)).toEqual(await keptOf('logs', logs, 1, once));
});
