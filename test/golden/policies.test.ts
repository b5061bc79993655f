import { describe, expect, test } from 'vitest';
import { realSeam } from '../../src/base/seam.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import type { ProcessorOptions } from '../../src/pipeline/processor.ts';
import { compile, type Flow, flowThrough } from '../sql/store/support.ts';
import { captureOf, readCapture } from '../support/captures.ts';
import { type JsonObject, object, objects } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { itemsOf } from './kept-support.ts';

/**
 * Scenario: recorded streams go through the whole main path under several policies of different modes.
 * Guarantees: kept items say which policies kept them, as the recorded ids and randomness tell, and nothing else of them changes; a shadow
 * policy changes no byte; a drop policy takes its items out and changes no other.
 */

const windows = { tracesLengthMs: 4000, tracesWaitMs: 30_000, logsLengthMs: 5000 };

async function sent(name: string, policies: readonly string[], options: Partial<ProcessorOptions> = {}, messages = readCapture(name)): Promise<Flow> {
  const flow = await flowThrough(captureOf(name).signal, messages, { policies: await compile(...policies), windows, seam: realSeam({ firstBatchOrdinal: 0, hashKey: new Uint8Array(16) }), ...options });
  expect(flow.tally.firstError).toBeNull();
  return flow;
}

function items(signal: Signal, { sink }: Flow): JsonObject[] {
  return decodeOwn(signal, sink.messages(signal)).flatMap(itemsOf);
}

function policyOf(item: JsonObject): string | null {
  const found = objects(item['attributes']).filter(({ key }) => key === 'sampling.policy');
  expect(found.length).toBeLessThanOrEqual(1);
  return found.length === 0 ? null : String(object(found[0]['value'])['stringValue']);
}

/** The order of attributes is the encoder's own and depends on what else is in the batch. */
function lineOf(item: JsonObject): string {
  return JSON.stringify({ ...item, attributes: objects(item['attributes']).map((attribute) => JSON.stringify(attribute)).sort() });
}

function withoutPolicy(item: JsonObject): string {
  return lineOf({ ...item, attributes: objects(item['attributes']).filter(({ key }) => key !== 'sampling.policy') });
}

/** The first line that differs. */
function difference(found: readonly string[], expected: readonly string[]): string | null {
  const at = expected.findIndex((line, index) => line !== found[index]);
  return at === -1 && found.length === expected.length ? null : `${found.length} for ${expected.length}, at ${at}:\n${found[at]}\n${expected[at]}`;
}

const half = 2n ** 55n;
const hex = (text: string): bigint => BigInt(`0x${text}`);

/** R of an item as it is recorded, null where it says none, or a threshold that R does not reach. */
function randomness(item: JsonObject): bigint | null {
  const state = String(item['traceState'] ?? '');
  const id = String(item['traceId'] ?? '');
  const rv = /(?:^|[,;=])rv:([0-9a-f]{14})/.exec(state)?.[1] ?? (/[1-9a-f]/.test(id) ? id.slice(-14) : null);
  const th = /(?:^|[,;=])th:([0-9a-f]+)/.exec(state)?.[1] ?? '0';
  return rv === null || hex(rv) < hex(th.padEnd(14, '0')) ? null : hex(rv);
}

/** Traces whose spans have one R, by their id. */
function randomnessOfTraces(all: readonly JsonObject[]): ReadonlyMap<string, bigint> {
  const known = new Map<string, bigint | null>();
  for (const item of all) {
    const id = String(item['traceId']);
    const r = randomness(item);
    known.set(id, known.has(id) && known.get(id) !== r ? null : r);
  }
  return new Map([...known].flatMap(([id, r]) => (r === null ? [] : [[id, r] as const])));
}

const sets = {
  traces: [
    "SELECT trace_id, 1.0 AS probability FROM traces WHERE right(hex(trace_id), 1) < '4'",
    'SELECT trace_id, 0.5 AS probability FROM traces',
    '-- mode: shadow\nSELECT trace_id, 1.0 AS probability FROM traces',
    "SELECT id, 1.0 AS probability FROM spans WHERE right(hex(trace_id), 1) < '8'",
  ],
  logs: [
    'SELECT id, 1.0 AS probability FROM logs WHERE severity_number >= 13',
    'SELECT id, 0.5 AS probability FROM logs',
    '-- mode: shadow\nSELECT id, 1.0 AS probability FROM logs',
    'SELECT id, 1.0 AS probability FROM logs WHERE severity_number >= 9',
  ],
} as const;

function expectedPolicy(signal: 'traces' | 'logs', item: JsonObject, r: bigint): string {
  const severity = Number(item['severityNumber'] ?? 0);
  const isFirst = signal === 'traces' ? /[0-3]$/.test(String(item['traceId'])) : severity >= 13;
  const isLast = signal === 'traces' ? /[0-7]$/.test(String(item['traceId'])) : severity >= 9;
  return [...(isFirst ? ['p0'] : []), ...(r >= half ? ['p1'] : []), ...(isLast ? ['p3'] : [])].join(',');
}

describe.each(['traces_zstd', 'logs_zstd', 'rust/rust_traces', 'rust/rust_logs'])('%s', (name) => {
  const signal = captureOf(name).signal === 'logs' ? 'logs' : 'traces';
  const recorded = readTruth(name).flatMap(itemsOf);
  const byTrace = randomnessOfTraces(recorded);

  test('kept items say which policies kept them, and else what they would', async () => {
    const found = items(signal, await sent(name, sets[signal], { hasPolicyAttribute: true }));
    const plain = items(signal, await sent(name, sets[signal]));
    expect(plain.every((item) => policyOf(item) === null)).toBe(true);
    expect(difference(found.map(withoutPolicy), plain.map(withoutPolicy))).toBeNull();
    const seen = new Map<string, number>();
    for (const item of found) {
      const r = signal === 'traces' ? byTrace.get(String(item['traceId'])) : randomness(item);
      const policies = policyOf(item);
      expect(policies).not.toBeNull();
      if (r === null || r === undefined) continue;
      expect(policies).toBe(expectedPolicy(signal, item, r));
      seen.set(String(policies), (seen.get(String(policies)) ?? 0) + 1);
    }
    console.log(`${name}: ${JSON.stringify(Object.fromEntries(seen))}`);
    expect(seen.size).toBeGreaterThanOrEqual(signal === 'traces' ? 5 : 2);
  });

});

describe.each(['traces_zstd', 'logs_zstd'])('%s', (name) => {
  const signal = captureOf(name).signal === 'logs' ? 'logs' : 'traces';

  test('under first_match each says one', async () => {
    const found = items(signal, await sent(name, sets[signal], { hasPolicyAttribute: true, combine: 'first_match' }));
    expect(new Set(found.map(policyOf))).toEqual(new Set(['p0', 'p1']));
  });

  test('a shadow policy changes no byte', async () => {
    const enforced = sets[signal].filter((text) => !text.includes('shadow'));
    const failing = `-- mode: shadow\nSELECT ${signal === 'traces' ? 'trace_id' : 'id'}, 2.0 AS probability FROM ${signal}`;
    const options = { policies: await compile(failing, ...enforced, sets[signal][2]), windows, seam: realSeam({ firstBatchOrdinal: 0, hashKey: new Uint8Array(16) }) };
    const flow = await flowThrough(signal, readCapture(name), options);
    const plain = await sent(name, enforced);
    expect(flow.tally.firstError).toMatch(/policy p0 failed, which changes nothing/);
    expect(flow.sink.messages(signal)).toEqual(plain.sink.messages(signal));
  });

  test('what a drop policy drops is gone, and nothing else is changed', async () => {
    const drop = signal === 'traces' ? "SELECT trace_id FROM spans WHERE status_code = 2" : 'SELECT id FROM logs WHERE severity_number < 9';
    const all = items(signal, await sent(name, [sets[signal][1]]));
    const left = items(signal, await sent(name, [`-- mode: drop\n${drop}`, sets[signal][1]]));
    const dropped = new Set(all.filter((item) => (signal === 'traces' ? Number(object(item['status'])['code'] ?? 0) === 2 : Number(item['severityNumber'] ?? 0) < 9)).map((item) => String(item[signal === 'traces' ? 'traceId' : 'severityNumber'])));
    const isDropped = (item: JsonObject): boolean => (signal === 'traces' ? dropped.has(String(item['traceId'])) : Number(item['severityNumber'] ?? 0) < 9);
    expect(difference(left.map(lineOf).sort(), all.filter((item) => !isDropped(item)).map(lineOf).sort())).toBeNull();
    expect(left.length).toBeGreaterThan(100);
    expect(left.length).toBeLessThan(all.length);
  });

  test('a second tier says its own policies in place of the first one\'s', async () => {
    const first = await sent(name, ['-- description: first\n' + sets[signal][1]], { hasPolicyAttribute: true });
    const silent = items(signal, await sent(name, [sets[signal][1]], {}, [...first.sink.messages(signal)]));
    const second = items(signal, await sent(name, ['-- mode: shadow\n' + sets[signal][1], sets[signal][1]], { hasPolicyAttribute: true }, [...first.sink.messages(signal)]));
    expect(second.length).toBeGreaterThan(50);
    expect(new Set(silent.map(policyOf))).toEqual(new Set(['p0']));
    expect(new Set(second.map(policyOf))).toEqual(new Set(['p1']));
    expect(difference(second.map(withoutPolicy), silent.map(withoutPolicy))).toBeNull();
  });
});

describe('what is dropped is in no view', () => {
  const hour = { tracesLengthMs: 3_600_000, tracesWaitMs: 0, logsLengthMs: 3_600_000 };
  const sum = (all: readonly JsonObject[], of: (item: JsonObject) => number): number => all.reduce((total, item) => total + of(item), 0);
  const lengthOf = (name: string) => (item: JsonObject): number => objects(item[name]).length;

  /** Keeps everything where the views hold what is expected, and fails where they do not. */
  function counting(signal: 'traces' | 'logs', expected: { readonly [view: string]: number }): string {
    const checks = Object.entries(expected).map(([view, count]) => `(SELECT count(*) FROM ${view}) = ${count}`);
    return `SELECT ${signal === 'traces' ? 'trace_id' : 'id'}, CASE WHEN ${checks.join(' AND ')} THEN 1.0 ELSE 2.0 END AS probability FROM ${signal}`;
  }

  test('traces, spans, events, links and their attributes', async () => {
    const recorded = readTruth('traces_zstd').flatMap(itemsOf);
    const dropped = new Set(recorded.filter((item) => Number(object(item['status'])['code'] ?? 0) === 2).map((item) => String(item['traceId'])));
    const left = recorded.filter((item) => !dropped.has(String(item['traceId'])));
    const hasKey = (item: JsonObject): number => objects(item['attributes']).filter(({ key }) => key === 'thread.name').length;
    const expected = {
      traces: new Set(left.map((item) => String(item['traceId']))).size, spans: left.length, span_events: sum(left, lengthOf('events')),
      span_links: sum(left, lengthOf('links')), "span_attrs WHERE key = 'thread.name'": sum(left, hasKey),
    };
    expect(sum(recorded, lengthOf('events'))).toBeGreaterThan(expected.span_events);
    const flow = await sent('traces_zstd', ['-- mode: drop\nSELECT trace_id FROM spans WHERE has_error', counting('traces', expected)], { windows: hour });
    expect(flow.tally.bySignal.traces).toMatchObject({ windows: 1, kept: left.length, policyFailures: 0 });
    const leaking = await flowThrough('traces', readCapture('traces_zstd'), { windows: hour, policies: await compile('-- mode: shadow\nSELECT trace_id, 1.0 FROM traces', counting('traces', expected)) });
    expect(leaking.tally.bySignal.traces.policyFailures).toBe(1);
  });

  test('logs and their attributes', async () => {
    const recorded = readTruth('logs_zstd').flatMap(itemsOf);
    const left = recorded.filter((item) => Number(item['severityNumber'] ?? 0) >= 9);
    const expected = { logs: left.length, log_attrs: sum(left, lengthOf('attributes')) };
    const flow = await sent('logs_zstd', ['-- mode: drop\nSELECT id FROM logs WHERE severity_number < 9', counting('logs', expected)], { windows: hour });
    expect(flow.tally.bySignal.logs).toMatchObject({ windows: 1, kept: left.length, policyFailures: 0 });
    expect(left.length).toBeLessThan(recorded.length);
  });
});
