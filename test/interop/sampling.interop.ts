import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { until } from '../support/child.ts';
import { type JsonObject, object, objects, type OtlpRequest } from '../support/otlp-json.ts';
import { Chain, type Transport } from './support/chain.ts';
import { countItems, type OtlpBody, post } from './support/telemetry.ts';
import { describeWith } from './support/with-pieces.ts';

/**
 * Scenario: a Collector samples by its probabilistic_sampler, in each of its modes, and Thresher samples further by a policy; or Thresher samples
 * first and a Collector's equalizing sampler after it. Traces bring tracestates of their own, some with an explicit randomness.
 * Guarantees: adjusted counts add up to what was sent before any sampling; thresholds say the same as counts, and reach no higher than the
 * randomness; members of the tracestate that are not about sampling survive.
 */
const traces = 6000;
const spansOfTrace = 3;
const total = traces * spansOfTrace;
const full = 2n ** 56n;
const policies = {
  errors_and_tenth: 'SELECT trace_id, CASE WHEN has_error THEN 0.5 ELSE 0.1 END AS probability FROM traces',
  quarter_of_logs: 'SELECT id, 0.25 AS probability FROM logs',
};

describeWith('sampling together with a Collector', ['collector'], () => {
  test.each<readonly [string, Record<string, unknown>, Transport]>([
    ['proportional', { mode: 'proportional', sampling_percentage: 50 }, 'otlp'],
    ['equalizing', { mode: 'equalizing', sampling_percentage: 50 }, 'otlphttp'],
    ['hash_seed, the default', { sampling_percentage: 50 }, 'otlp'],
  ])('Collector samples half (%s), Thresher less', async (_, sampler, transport) => {
    // By hash_seed the Collector refuses what brings randomness of its own.
    const { spans, records } = await through(transport, { first: sampler, thresher: policies, randomness: sampler['mode'] !== undefined });
    for (const span of spans) {
      expect(thresholdOf(span)).toBeLessThanOrEqual(randomnessOf(span));
      expect(countOf(span)).toBe(Number(full) / Number(full - thresholdOf(span)));
      expectOwnState(span);
    }
    expectEstimates(spans, countOf, new Map([['error', 1 / 0.5], ['ok', 1 / 0.1]]));
    expect([...new Set(records.map(countOf))]).toEqual([4]);
    expect([...new Set(records.map((record) => attribute(record, 'sampling.threshold')['stringValue']))]).toEqual(['c']);
    expect(Math.abs(records.length * 4 - total)).toBeLessThan(4 * Math.sqrt(3 * traces) * spansOfTrace);
  });

  test('Thresher samples, and a Collector behind it (equalizing) less', async () => {
    const { spans } = await through('otlp', { thresher: policies, randomness: true, next: { mode: 'equalizing', sampling_percentage: 5 } });
    const byThreshold = (span: JsonObject): number => Number(full) / Number(full - thresholdOf(span));
    for (const span of spans) expectOwnState(span);
    expectEstimates(spans, byThreshold, new Map([['error', 20], ['ok', 20]]));
  });
});

interface Tiers {
  /** Settings of probabilistic_sampler in the Collectors. */
  readonly first?: Record<string, unknown>;
  readonly next?: Record<string, unknown>;
  readonly thresher: Readonly<Record<string, string>>;
  /** Whether a third of the traces bring randomness of their own. */
  readonly randomness: boolean;
}

/** Sends the traces, each with a record a span, through all tiers; what comes out when nothing more does. */
async function through(transport: Transport, tiers: Tiers): Promise<{ readonly spans: readonly JsonObject[]; readonly records: readonly JsonObject[] }> {
  const sampling = (settings: Record<string, unknown> | undefined): object => (settings === undefined ? {} : {
    processors: { probabilistic_sampler: settings }, processing: [], processingOf: { traces: ['probabilistic_sampler'], logs: ['probabilistic_sampler'] },
  });
  const chain = await Chain.create();
  try {
    await chain.next(transport, sampling(tiers.next));
    const thresher = await chain.thresher(transport, transport, { policies: tiers.thresher, more: { windows: { traces: { length: '500ms', decision_wait: '2s' }, logs: { length: '500ms' } } } });
    const [first] = await chain.first(transport, sampling(tiers.first));
    await post(chain.ports.entry, 'traces', bodies('traces', tiers.randomness));
    await post(chain.ports.entry, 'logs', bodies('logs', tiers.randomness));
    // What the Collector has queued is sent before it ends; Thresher decides and sends all that it holds.
    expect(await first?.stop()).toBe(0);
    expect(await thresher.stop(60_000)).toBe(0);
    const requests = { traces: chain.output.take('traces'), logs: chain.output.take('logs') };
    let quiet = 0;
    await until(() => {
      const more = { traces: chain.output.take('traces'), logs: chain.output.take('logs') };
      quiet = countItems('traces', more.traces) + countItems('logs', more.logs) > 0 ? 0 : quiet + 1;
      requests.traces.push(...more.traces);
      requests.logs.push(...more.logs);
      return quiet > 25;
    }, 30_000);
    return { spans: itemsOf(requests.traces, 'resourceSpans', 'scopeSpans', 'spans'), records: itemsOf(requests.logs, 'resourceLogs', 'scopeLogs', 'logRecords') };
  } finally {
    await chain.stop();
  }
}

/** Every tenth trace has an error. Of three traces one has nothing in its tracestate, one another vendor's member, one also keys of `ot`. */
function bodies(signal: 'traces' | 'logs', randomness: boolean): OtlpBody[] {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'sampled' } }] };
  const requests: OtlpRequest[] = [];
  for (let start = 0; start < traces; start += 200) {
    const items = Array.from({ length: 200 }, (_, index) => start + index).flatMap((trace) => {
      const random = createHash('sha256').update(`trace ${trace}`).digest('hex');
      const traceState = ['', 'congo=t61rcWkgMzE', `vendor=a,ot=${randomness ? `rv:${random.slice(40, 54)};` : ''}xx:abc`][trace % 3] ?? '';
      const ids = { traceId: random.slice(0, 32), spanId: random.slice(32, 48) };
      return Array.from({ length: spansOfTrace }, (_unused, span): JsonObject => (signal === 'logs'
        ? { ...ids, timeUnixNano: '1795000000000000000', body: { stringValue: `record ${span}` } }
        : { ...ids, spanId: `${ids.spanId.slice(1)}${span}`, ...(span > 0 ? { parentSpanId: `${ids.spanId.slice(1)}0` } : {}), traceState, name: trace % 10 === 0 ? 'error' : 'ok', kind: 1, startTimeUnixNano: '1795000000000000000', endTimeUnixNano: '1795000000001000000', status: trace % 10 === 0 ? { code: 2 } : {} }));
    });
    requests.push(signal === 'traces' ? { resourceSpans: [{ resource, scopeSpans: [{ spans: items }] }] } : { resourceLogs: [{ resource, scopeLogs: [{ logRecords: items }] }] });
  }
  return requests.map((request) => ({ contentType: 'application/json', body: Uint8Array.from(Buffer.from(JSON.stringify(request))) }));
}

/** Counts add up to how many spans there were of a name, within four standard deviations of samples by trace whose counts are `weights`. */
function expectEstimates(spans: readonly JsonObject[], count: (span: JsonObject) => number, weights: ReadonlyMap<string, number>): void {
  for (const [name, weight] of weights) {
    const ofName = spans.filter((span) => span['name'] === name);
    const truth = name === 'error' ? total / 10 : total * 0.9;
    const deviation = Math.sqrt((truth / spansOfTrace) * (weight - 1)) * spansOfTrace;
    const estimate = ofName.reduce((sum, span) => sum + count(span), 0);
    expect(Math.abs(estimate - truth) / deviation, `${name}: ${estimate} for ${truth}`).toBeLessThan(4);
    for (const span of ofName) expect(count(span)).toBeCloseTo(weight, 2);
  }
}

/** What was in the tracestate beside sampling is there. */
function expectOwnState(span: JsonObject): void {
  const state = String(span['traceState']);
  const vendor = /(?:^|,)(?:congo=t61rcWkgMzE|vendor=a)(?:,|$)/.test(state);
  expect(vendor || /^ot=[^,]*$/.test(state), state).toBe(true);
  if (state.includes('vendor=a')) expect(state).toMatch(/ot=[^,]*xx:abc/);
}

function thresholdOf(span: JsonObject): bigint {
  const hex = /(?:^|,)ot=(?:[^,]*;)?th:([0-9a-f]+)/.exec(String(span['traceState']))?.[1];
  if (hex === undefined) throw new Error(`no threshold: ${String(span['traceState'])}`);
  return BigInt(`0x${hex.padEnd(14, '0')}`);
}

function randomnessOf(span: JsonObject): bigint {
  const explicit = /(?:^|,)ot=(?:[^,]*;)?rv:([0-9a-f]{14})/.exec(String(span['traceState']))?.[1];
  return BigInt(`0x${explicit ?? String(span['traceId']).slice(-14)}`);
}

function countOf(item: JsonObject): number {
  return Number(attribute(item, 'sampling.adjusted_count')['doubleValue']);
}

function attribute(item: JsonObject, key: string): JsonObject {
  return object(objects(item['attributes']).find((entry) => entry['key'] === key)?.['value']);
}

function itemsOf(requests: readonly OtlpRequest[], resources: 'resourceSpans' | 'resourceLogs', scopes: string, items: string): JsonObject[] {
  return requests.flatMap((request) => objects(request[resources])).flatMap((resource) => objects(resource[scopes])).flatMap((scope) => objects(scope[items]));
}
