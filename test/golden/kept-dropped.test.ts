import { describe, expect, test } from 'vitest';
import { probabilityOf } from '../../src/sampling/probability.ts';
import { CollectingSink, compile, flowThrough } from '../sql/store/support.ts';
import { captureOf, readCapture } from '../support/captures.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { type JsonObject, objects, type OtlpRequest } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { changed, itemsOf, sampled } from './kept-support.ts';

/**
 * Scenario: recorded streams go through the main path in short windows, so that spans of a trace come in several slots, while it is decided
 * and late; what is kept goes to one sink, what is dropped to another.
 * Guarantees: each item leaves by exactly one of them, and a dropped one as it came: equal to the truth, without any stamp.
 */

const short = { tracesLengthMs: 50, tracesWaitMs: 10, logsLengthMs: 5000 };

interface Parted {
  readonly kept: readonly OtlpRequest[];
  readonly dropped: readonly OtlpRequest[];
  readonly routed: number;
  readonly lateDropped: number;
  readonly said: string | null;
}

async function parted(name: string, sql: string, fallback = 1): Promise<Parted> {
  const { signal } = captureOf(name);
  const [kept, dropped] = [new CollectingSink(), new CollectingSink()];
  const route = { kept: [kept], dropped: [dropped] };
  const { tally } = await flowThrough(signal, readCapture(name), {
    policies: await compile(sql), windows: short, sinks: [kept, dropped], routes: { traces: route, logs: route, metrics: { kept: [kept] } },
    fallback: { n: probabilityOf(fallback) },
  });
  const decoded = (sink: CollectingSink): OtlpRequest[] => decodeOwn(signal, sink.messages(signal));
  return { kept: decoded(kept), dropped: decoded(dropped), routed: tally.droppedRoutedItems, lateDropped: tally.bySignal.traces.lateDropped, said: tally.firstError };
}

function those(requests: readonly OtlpRequest[], choice: (item: JsonObject) => boolean): OtlpRequest[] {
  return requests.map((request) => changed(request, (items) => items.filter(choice)));
}

/** Attributes of sampling, by name, in any order. */
function stampsOf(requests: readonly OtlpRequest[]): string[] {
  return requests.flatMap(itemsOf).flatMap((item) => objects(item['attributes'])).map(({ key }) => String(key)).filter((key) => key.startsWith('sampling.')).sort();
}

const chosenSql = {
  traces: "SELECT trace_id, 1.0 AS probability FROM traces WHERE right(hex(trace_id), 1) < '6'",
  logs: 'SELECT id, 1.0 AS probability FROM logs WHERE severity_number >= 13 AND trace_id IS NOT NULL',
  metrics: '',
};
const chosen = {
  traces: (item: JsonObject) => /[0-5]$/.test(String(item['traceId'])),
  logs: (item: JsonObject) => Number(item['severityNumber'] ?? 0) >= 13 && /[1-9a-f]/.test(String(item['traceId'] ?? '')),
  metrics: () => true,
};

describe.each(sampled)('$name', ({ name, signal }) => {
  test('what a policy does not name leaves by the other way, as it came', async () => {
    const { kept, dropped, routed } = await parted(name, chosenSql[signal]);
    const truth = readTruth(name);
    expect(canonical(dropped)).toEqual(canonical(those(truth, (item) => !chosen[signal](item))));
    expect(kept.flatMap(itemsOf)).toHaveLength(those(truth, chosen[signal]).flatMap(itemsOf).length);
    expect(routed).toBe(dropped.flatMap(itemsOf).length);
    expect(routed).toBeGreaterThan(0);
  });
});

describe('traces_zstd at a probability of one half', () => {
  const half = 1n << 55n;
  const truth = readTruth('traces_zstd');
  const traceOf = (item: JsonObject): string => String(item['traceId']);
  const sampledTraces = new Set(truth.flatMap(itemsOf).filter(({ traceState }) => String(traceState ?? '').includes('ot=')).map(traceOf));
  /** Of a trace that says nothing of sampling the last 7 bytes of its id decide (sampling.md, rule 1). */
  const isPlain = (item: JsonObject): boolean => !sampledTraces.has(traceOf(item));
  const isKept = (item: JsonObject): boolean => BigInt(`0x${traceOf(item).slice(-14)}`) >= half;
  const placeOf = ({ traceId, spanId }: JsonObject): string => `${String(traceId)} ${String(spanId)}`;

  test.each([
    ['by a policy', 'SELECT trace_id, 0.5 AS probability FROM traces', 1],
    ['by the fallback, where the policy fails', 'SELECT trace_id, span_count + 1.0 AS probability FROM traces', 0.5],
  ])('%s, the randomness parts them', async (_by, sql, fallback) => {
    const { kept, dropped, lateDropped, said } = await parted('traces_zstd', sql, fallback);
    expect(canonical(those(dropped, isPlain))).toEqual(canonical(those(truth, (item) => isPlain(item) && !isKept(item))));
    expect([...kept, ...dropped].flatMap(itemsOf).map(placeOf).sort()).toEqual(truth.flatMap(itemsOf).map(placeOf).sort());
    expect(stampsOf(dropped)).toEqual([]);
    expect([lateDropped > 0, said === null]).toEqual([true, fallback === 1]);
  });
});
