import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type App, startApp } from '../../src/app.ts';
import { realSeam } from '../../src/base/seam.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { changed, difference, stamped } from '../golden/kept-support.ts';
import { splitDelimited } from '../support/captures.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import type { JsonObject, OtlpRequest } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { Backend, send, until } from './run-support.ts';

/**
 * Scenario: the whole program with several receivers and exporters, wired by `pipelines`, real senders before and real next hops behind it, one of them dead.
 * Guarantees: each exporter gets what its pipelines say and nothing else; a signal that no pipeline takes is refused; one that is dead costs the others nothing.
 */
let directory = '';
let backends: readonly Backend[] = [];
let apps: App[] = [];
let logged: string[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pipelines-'));
  backends = [new Backend(), new Backend()];
  await Promise.all(backends.map((backend) => backend.listen()));
  logged = [];
  writeFileSync(join(directory, 'traces.sql'), "SELECT trace_id, 1.0 AS probability FROM traces WHERE right(hex(trace_id), 1) < '6'");
  writeFileSync(join(directory, 'logs.sql'), 'SELECT id, 1.0 AS probability FROM logs');
});

afterEach(async () => {
  for (const app of apps.splice(0)) await app.drain();
  await Promise.all(backends.map((backend) => backend.close()));
  rmSync(directory, { recursive: true });
});

const chosen = (item: JsonObject): boolean => /[0-5]$/.test(String(item['traceId']));

function those(requests: readonly OtlpRequest[], choice: (item: JsonObject) => boolean): OtlpRequest[] {
  return requests.map((request) => changed(request, (items) => items.filter(choice)));
}

async function started(yaml: string): Promise<App> {
  const seam = realSeam();
  const config = parseConfig({
    name: 'test', environment: {}, directory,
    text: `policies: [traces.sql, logs.sql]\nhttp: { endpoint: "127.0.0.1:0" }\ndecision_cache: { horizon: 3650d }\nwindows: { traces: { length: 300ms, decision_wait: 200ms }, logs: { length: 300ms } }\n${yaml}`,
  });
  const app = await startApp(config, createLogger({ seam, level: 'info', format: 'json', write: (line) => logged.push(line) }), { seam });
  apps.push(app);
  return app;
}

const otap = (index: number, more = ''): string => `{ endpoint: "127.0.0.1:${backends[index].port}", tls: { insecure: true }${more} }`;
const portOf = (app: App, index: number): number => Number(app.addresses.grpc[index].split(':').at(-1));
const receivedOf = (index: number, signal: Signal): string[] => canonical(backends[index].received[signal]);

/** A series' value in the metrics, 0 where there is none. */
function counted(app: App, start: string): number {
  return app.registry.text().split('\n').filter((line) => line.startsWith(start)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

describe('pipelines', () => {
  test('each signal goes its own way: two receivers, two next hops, and what is dropped into a file as it came', async () => {
    const app = await started(`
receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0" } }, otlp/logs: { grpc: { endpoint: "127.0.0.1:0" }, http: { endpoint: "127.0.0.1:0" } }, otap/spare: { grpc: { endpoint: "127.0.0.1:0" } } }
exporters: { otap/a: ${otap(0)}, otap/b: ${otap(1)}, otap_file/archive: { path: ${join(directory, 'dropped.otap')} }, debug: {} }
pipelines: { traces: { receivers: otlp, exporters: otap/a, dropped: otap_file/archive }, logs: { receivers: [otlp, otlp/logs], exporters: otap/b } }`);
    expect(app.addresses.grpc).toHaveLength(2);
    expect(logged.filter((line) => line.includes('component_unused')).map((line) => /"component":"([^"]+)"/.exec(line)?.[1])).toEqual(['receivers.otap/spare', 'exporters.debug']);
    expect(logged.find((line) => line.includes('"pipelines"'))).toContain('traces from otlp: kept to otap/a, dropped to otap_file/archive; logs from otlp, otlp/logs: kept to otap/b; metrics are refused');
    await Promise.all([send(portOf(app, 0), 'traces_zstd', 20), send(portOf(app, 1), 'logs_zstd', 15)]);
    await expect(send(portOf(app, 1), 'traces_zstd', 1)).rejects.toThrow('traces are not taken here (pipelines.traces does not name receivers.otlp/logs)');
    const refused = await fetch(`http://${app.addresses.otlpHttp[0]}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect([refused.status, await refused.json()]).toMatchObject([404, { message: 'traces are not taken here (pipelines.traces does not name receivers.otlp/logs)' }]);
    await expect(send(portOf(app, 0), 'metrics_zstd', 1)).rejects.toThrow('metrics are not taken here');
    for (const receiver of ['otlp', 'otlp/logs']) expect(counted(app, `thresher_requests_refused_total{receiver="${receiver}",protocol="grpc",reason="signal_not_taken"`)).toBeGreaterThan(0);
    expect(await apps.pop()?.drain()).toBe(true);
    const truth = { traces: readTruth('traces_zstd').slice(0, 20), logs: readTruth('logs_zstd').slice(0, 15) };
    expect(difference(backends[0].received.traces, canonical(those(truth.traces, chosen).map(stamped)))).toBeNull();
    expect(difference(backends[1].received.logs, canonical(truth.logs.map(stamped)))).toBeNull();
    expect([...receivedOf(0, 'logs'), ...receivedOf(1, 'traces')]).toEqual([]);
    const archive = decodeOwn('traces', splitDelimited(readFileSync(join(directory, 'dropped.traces.otap'))));
    expect(canonical(archive)).toEqual(canonical(those(truth.traces, (item) => !chosen(item))));
  });
});

describe('several exporters of a kind', () => {
  test('work side by side: logs and metrics over gRPC and HTTP to one next hop, logs to another too', async () => {
    const both = 'receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0" }, http: { endpoint: "127.0.0.1:0" } } }';
    const next = [await started(`${both}\nexporters: { otap: ${otap(0)} }`), await started(`${both}\nexporters: { otap: ${otap(1)} }`)];
    const [grpc, http] = [next.map((app) => app.addresses.grpc[0]), next.map((app) => app.addresses.otlpHttp[0])];
    const front = await started(`receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0" } } }
exporters:
  otlp/a: { endpoint: "${grpc[0]}", tls: { insecure: true } }
  otlp/b: { endpoint: "${grpc[1]}", tls: { insecure: true }, compression: zstd }
  otlphttp/a: { endpoint: "http://${http[0]}" }
  otlphttp/json: { endpoint: "http://${http[1]}", encoding: json, compression: none }
pipelines: { logs: { receivers: otlp, exporters: [otlp/a, otlphttp/json] }, metrics: { receivers: otlp, exporters: [otlphttp/a, otlp/b] } }`);
    await Promise.all([send(portOf(front, 0), 'logs_zstd', 10), send(portOf(front, 0), 'metrics_zstd', 3)]);
    expect(await apps.pop()?.drain()).toBe(true);
    for (const app of apps.splice(0).reverse()) expect(await app.drain()).toBe(true);
    const logs = canonical(readTruth('logs_zstd').slice(0, 10).map(stamped));
    for (const { received } of backends) {
      expect(difference(received.logs, logs)).toBeNull();
      expect(canonical(received.metrics)).toEqual(canonical(readTruth('metrics_zstd').slice(0, 3)));
    }
  });
});

describe('a next hop that is dead', () => {
  const dead = (more: string): string => `{ endpoint: "127.0.0.1:1", tls: { insecure: true }, ${more} }`;
  const receivers = 'receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0" } } }';

  test('costs the others nothing where its queue drops, and what it lost is counted', async () => {
    const app = await started(`${receivers}
exporters: { otlp/dead: ${dead('sending_queue: { size_bytes: 1KiB, on_full: drop }, retry_on_failure: { max_elapsed_time: 2s }')}, otap/good: ${otap(0)} }`);
    const truth = readTruth('logs_zstd').slice(0, 30);
    for (const from of [0, 10, 20]) {
      await send(portOf(app, 0), 'logs_zstd', from + 10);
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    const expected = canonical([...truth.slice(0, 10), ...truth.slice(0, 20), ...truth].map(stamped)).length;
    await until(() => receivedOf(0, 'logs').length >= expected, 15_000, () => logged.join(''));
    expect(counted(app, 'thresher_items_lost_total{signal="logs",exporter="otlp/dead",reason="queue_full"}')).toBeGreaterThan(0);
    await until(() => counted(app, 'thresher_items_exported_total{signal="logs",exporter="otap/good"}') === expected, 5000);
  });

  test('at the end holds the others up for the time of a stall only, even where it never gives up and its queue waits', async () => {
    const app = await started(`${receivers}
exporters: { otlp/dead: ${dead('sending_queue: { size_bytes: 1KiB }, retry_on_failure: { max_elapsed_time: 0 }')}, otap/good: ${otap(0)} }
shutdown: { exporter_stall: 1s }`);
    await send(portOf(app, 0), 'logs_zstd', 10);
    await until(() => counted(app, 'thresher_windows_decided_total{signal="logs"') > 0, 10_000, () => logged.join(''));
    await send(portOf(app, 0), 'logs_zstd', 10);
    await until(() => counted(app, 'thresher_export_retries_total{signal="logs",exporter="otlp/dead"') > 0, 10_000, () => logged.join(''));
    await send(portOf(app, 0), 'logs_zstd', 10);
    expect(await apps.pop()?.drain()).toBe(false);
    expect(counted(app, 'thresher_items_lost_total{signal="logs",exporter="otlp/dead",reason="exporter_closed"}')).toBeGreaterThan(0);
    expect(counted(app, 'thresher_items_lost_total{signal="logs",exporter="otap/good"')).toBe(0);
    const truth = readTruth('logs_zstd').slice(0, 10);
    expect(receivedOf(0, 'logs')).toHaveLength(canonical([...truth, ...truth, ...truth]).length);
  });
});
