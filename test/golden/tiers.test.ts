import { describe, expect, test } from 'vitest';
import { realSeam } from '../../src/base/seam.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { compile, flowThrough } from '../sql/store/support.ts';
import { captureOf, readCapture } from '../support/captures.ts';
import { type JsonObject, object, objects } from '../support/otlp-json.ts';
import { decodeOwn } from '../support/reencode.ts';
import { itemsOf } from './kept-support.ts';

/**
 * Scenario: what one processor sent is the input of another.
 * Guarantees (sampling.md, rules 1 to 5 and 20): the second keeps what the stricter of the two policies alone would have kept,
 * with the same counts; every threshold that is sent is reached by its item's randomness and gives its count; rv is never changed.
 */

const windows = { tracesLengthMs: 4000, tracesWaitMs: 30_000, logsLengthMs: 5000 };

async function sent(signal: Signal, messages: readonly Uint8Array[], p: number): Promise<readonly Uint8Array[]> {
  const sql = signal === 'traces' ? `SELECT trace_id, ${p}::DOUBLE AS probability FROM traces` : `SELECT id, ${p}::DOUBLE AS probability FROM logs`;
  const seam = realSeam({ firstBatchOrdinal: 0 });
  const flow = await flowThrough(signal, messages, { policies: await compile(sql), windows, seam });
  expect(flow.tally.firstError).toBeNull();
  return flow.sink.messages(signal);
}

function items(signal: Signal, messages: readonly Uint8Array[]): JsonObject[] {
  return decodeOwn(signal, messages).flatMap(itemsOf);
}

function attribute(item: JsonObject, key: string): JsonObject | null {
  const found = objects(item['attributes']).find((candidate) => candidate['key'] === key);
  return found === undefined ? null : object(found['value']);
}

interface Sampled {
  readonly threshold: bigint | null;
  readonly randomness: bigint | null;
  readonly count: number | null;
}

const hex = (text: string): bigint => BigInt(`0x${text.padEnd(14, '0')}`);

/** What an item says of its sampling, read as the OpenTelemetry specification has it. */
function sampling(item: JsonObject): Sampled {
  const state = /(?:^|,)ot=([^,]*)/.exec(String(item['traceState'] ?? ''))?.[1] ?? '';
  const th = /(?:^|;)th:([0-9a-f]+)/.exec(state)?.[1] ?? attribute(item, 'sampling.threshold')?.['stringValue'];
  const rv = /(?:^|;)rv:([0-9a-f]{14})/.exec(state)?.[1] ?? attribute(item, 'sampling.randomness')?.['stringValue'];
  const id = String(item['traceId'] ?? '');
  const randomness = rv === undefined ? (/[1-9a-f]/.test(id) ? hex(id.slice(-14)) : null) : hex(String(rv));
  const count = attribute(item, 'sampling.adjusted_count')?.['doubleValue'];
  return { threshold: th === undefined ? null : hex(String(th)), randomness, count: count === undefined ? null : Number(count) };
}

/** Items whose whole trace has one randomness; in others the recorded root alone has an rv, and which of the two speaks for the trace is not told. */
function clear(all: readonly JsonObject[], odd: ReadonlySet<string>): string[] {
  return all.filter((item) => !odd.has(String(item['traceId']))).map((item) => `${String(item['traceId'])} ${String(item['spanId'])} ${sampling(item).count}`).sort();
}

describe.each(['traces_zstd', 'logs_zstd', 'rust/rust_logs'])('two tiers on %s', (name) => {
  const { signal } = captureOf(name);
  const odd = new Set(items(signal, readCapture(name)).filter((item) => String(item['traceState'] ?? '').includes('rv:')).map((item) => String(item['traceId'])));

  test('a stricter second tier gives what it alone would have given', async () => {
    const first = await sent(signal, readCapture(name), 0.25);
    const both = clear(items(signal, await sent(signal, first, 0.1)), odd);
    const alone = clear(items(signal, await sent(signal, readCapture(name), 0.1)), odd);
    const withTrace = (lines: readonly string[]): string[] => lines.filter((line) => /^[0-9a-f]*[1-9a-f]/.test(line));
    expect(withTrace(alone).length).toBeGreaterThan(300);
    expect(withTrace(both)).toEqual(withTrace(alone));
  });

  test('a laxer second tier changes nothing', async () => {
    const first = await sent(signal, readCapture(name), 0.25);
    expect(clear(items(signal, await sent(signal, first, 0.5)), new Set())).toEqual(clear(items(signal, first), new Set()));
  });

  test.each([0.25, 0.1, 1 / 3])('every threshold at p = %f is reached and gives its count', async (p) => {
    const kept = items(signal, await sent(signal, readCapture(name), p)).map(sampling);
    const exact = kept.filter(({ threshold }) => threshold !== null);
    expect(exact.length).toBeGreaterThan(kept.length * 0.9);
    for (const { threshold, randomness, count } of exact) {
      expect(threshold !== null && randomness !== null && randomness >= threshold).toBe(true);
      expect(count).toBe(2 ** 56 / Number(2n ** 56n - (threshold ?? 0n)));
    }
  });
});

test('rv is never changed', async () => {
  const rv = (item: JsonObject): string => `${String(item['spanId'])} ${/rv:[0-9a-f]+/.exec(String(item['traceState'] ?? ''))?.[0] ?? ''}`;
  const before = new Set(items('traces', readCapture('traces_zstd')).map(rv));
  const after = items('traces', await sent('traces', readCapture('traces_zstd'), 0.5)).map(rv);
  expect(after.filter((line) => line.includes('rv:')).length).toBeGreaterThan(10);
  expect(after.filter((line) => !before.has(line))).toEqual([]);
});
