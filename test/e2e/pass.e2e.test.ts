import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type App, startApp } from '../../src/app.ts';
import { parseConfig } from '../../src/config/load.ts';
import { realSeam } from '../../src/base/seam.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { truthBytes } from '../support/otlp-bytes.ts';
import { objects, type JsonObject } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { Backend, send } from './run-support.ts';

/**
 * Scenario: the whole program, whose pipelines pass, before two next hops; recorded traces, logs and metrics come as OTAP over one stream with many batches under way, or as OTLP.
 * Guarantees: the next hops together get just what was recorded, unchanged; a trace's spans and records go to one of them; what came is acknowledged once it is delivered, and not
 * where no next hop is there.
 */
let backends: readonly Backend[] = [];
let apps: App[] = [];

beforeEach(async () => {
  backends = [new Backend(), new Backend()];
  await Promise.all(backends.map((backend) => backend.listen()));
});

afterEach(async () => {
  for (const app of apps.splice(0)) await app.drain();
  await Promise.all(backends.map((backend) => backend.close()));
});

async function started(exporters: string): Promise<App> {
  const way = '{ receivers: otlp, exporters: next, mode: pass }'.replace('next', exporters.startsWith('load') ? 'load_balancing' : 'otap');
  const app = await startApp(parseConfig({
    name: 'test', environment: {}, directory: '/',
    text: `receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0" }, http: { endpoint: "127.0.0.1:0" } } }
http: { endpoint: "127.0.0.1:0" }
exporters: { ${exporters} }
pipelines: { traces: ${way}, logs: ${way}, metrics: ${way.replace(', mode: pass', '')} }`,
  }), silentLogger, { seam: realSeam() });
  apps.push(app);
  return app;
}

const balancing = (): string => `load_balancing: { resolver: { static: { hostnames: [${backends.map(({ port }) => `"127.0.0.1:${port}"`).join(', ')}] } }, protocol: { otap: { tls: { insecure: true } } } }`;
const counts = { traces: 12, logs: 10, metrics: 2 } as const;
const signals = ['traces', 'logs', 'metrics'] as const;

/** What both next hops have of a signal is what was recorded, and no trace went to both. */
function expectAll(signal: Signal): void {
  const seen = canonical(backends.flatMap(({ received }) => received[signal]));
  const sent = canonical(readTruth(`${signal}_zstd`).slice(0, counts[signal]));
  const at = sent.findIndex((item, index) => item !== seen[index]);
  expect([seen.length, at === -1 ? [] : [seen[at], sent[at]]]).toEqual([sent.length, []]);
}

function tracesOf(backend: Backend): Set<string> {
  const items = (request: JsonObject, [first, ...rest]: readonly string[]): readonly JsonObject[] => objects(request[first]).flatMap((each) => (rest.length === 0 ? [each] : items(each, rest)));
  const spans = backend.received.traces.flatMap((request) => items(request, ['resourceSpans', 'scopeSpans', 'spans']));
  const records = backend.received.logs.flatMap((request) => items(request, ['resourceLogs', 'scopeLogs', 'logRecords']));
  return new Set([...spans, ...records].map((item) => String(item['traceId'] ?? '')).filter((id) => /[1-9a-f]/.test(id)));
}

function expectWholeTraces(): void {
  const [one, two] = backends.map(tracesOf);
  expect(Math.min(one.size, two.size)).toBeGreaterThan(10);
  expect([...one].filter((trace) => two.has(trace))).toEqual([]);
}

describe('shared out', () => {
  test('what comes as OTAP leaves as it came, by traces', async () => {
    const app = await started(balancing());
    await Promise.all(signals.map((signal) => send(Number(app.addresses.grpc[0].split(':').at(-1)), `${signal}_zstd`, counts[signal])));
    // It was acknowledged: it is there.
    signals.forEach(expectAll);
    expectWholeTraces();
  });

  test('and so does what comes as OTLP', async () => {
    const app = await started(balancing());
    await Promise.all(signals.flatMap((signal) => truthBytes(`${signal}_zstd`).slice(0, counts[signal]).map(async (body) => {
      const { status } = await fetch(`http://${app.addresses.otlpHttp[0]}/v1/${signal}`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: Uint8Array.from(body) });
      expect(status).toBe(200);
    })));
    signals.forEach(expectAll);
    expectWholeTraces();
  });
});

test('where nobody takes it, it is not acknowledged', async () => {
  const app = await started('load_balancing: { resolver: { static: { hostnames: ["127.0.0.1:1"] } }, protocol: { otlp: { tls: { insecure: true } } }, failover_after: 100ms }');
  const body = Uint8Array.from(truthBytes('traces_zstd')[0]);
  const response = await fetch(`http://${app.addresses.otlpHttp[0]}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body });
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
});

test('to one exporter', async () => {
  const app = await started(`otap: { endpoint: "127.0.0.1:${backends[0].port}", tls: { insecure: true } }`);
  await send(Number(app.addresses.grpc[0].split(':').at(-1)), 'traces_zstd', counts.traces);
  expectAll('traces');
});
