import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { difference, stamped } from '../golden/kept-support.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { Backend, Running, send, until, writeConfig } from './run-support.ts';

/**
 * Scenario: `thresher run` as a process between real senders and a real next hop, over OTAP gRPC, under a policy that keeps all.
 * Guarantees: what went in comes out, each signal, with its counts; Ctrl-C decides what is open; a second one stops at once.
 */
let directory = '';
let backend = new Backend();
const processes: Running[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'run-'));
  backend = new Backend();
  await backend.listen();
});

afterEach(async () => {
  for (const { process } of processes.splice(0)) if (process.exitCode === null) process.kill('SIGKILL');
  await backend.close();
  rmSync(directory, { recursive: true });
});

const receivers = 'receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0" } } }';

async function run(name: string, yaml: string, ...argv: readonly string[]): Promise<Running> {
  const running = new Running(writeConfig(directory, name, `${receivers}\n${yaml}`), ...argv);
  processes.push(running);
  return running.started();
}

const exporter = (): string => `exporters: { otap: { endpoint: "127.0.0.1:${backend.port}", tls: { insecure: true } } }`;

describe('thresher run', () => {
  test('batches are no larger than max_batch_rows', async () => {
    const limited = exporter().replace('tls:', 'max_batch_rows: 70, tls:');
    const thresher = await run('rows', `windows: { logs: { length: 300ms } }\n${limited}`);
    await send(thresher.grpcPort, 'logs_zstd', 3);
    const expected = canonical(readTruth('logs_zstd').slice(0, 3)).length;
    await until(() => canonical(backend.received.logs).length >= expected, 15_000, () => thresher.said);
    expect(Math.max(...backend.received.logs.map((request) => canonical([request]).length))).toBe(70);
    thresher.process.kill('SIGTERM');
  });

  test('what goes in comes out as its windows close, all three signals', async () => {
    const thresher = await run('short', `windows: { traces: { length: 300ms, decision_wait: 200ms }, logs: { length: 300ms } }\n${exporter()}`);
    expect(await thresher.get('/readyz')).toMatchObject({ status: 200 });
    await Promise.all([send(thresher.grpcPort, 'traces_zstd', 40), send(thresher.grpcPort, 'logs_zstd', 30), send(thresher.grpcPort, 'metrics_zstd', 5)]);
    const truth = { traces: readTruth('traces_zstd').slice(0, 40), logs: readTruth('logs_zstd').slice(0, 30), metrics: readTruth('metrics_zstd').slice(0, 5) };
    const expected = { traces: canonical(truth.traces.map(stamped)), logs: canonical(truth.logs.map(stamped)), metrics: canonical(truth.metrics) };
    await until(() => (['traces', 'logs', 'metrics'] as const).every((signal) => canonical(backend.received[signal]).length >= expected[signal].length), 15_000, () => thresher.said);
    expect(difference(backend.received.traces, expected.traces)).toBeNull();
    expect(difference(backend.received.logs, expected.logs)).toBeNull();
    expect(canonical(backend.received.metrics)).toEqual(expected.metrics);

    const { text } = await thresher.get('/metrics');
    const value = (line: string): number => Number(text.split('\n').find((found) => found.startsWith(line))?.split(' ').at(-1));
    expect(value('thresher_items_received_total{signal="traces",receiver="otap"}')).toBe(expected.traces.length);
    expect(value('thresher_items_decided_total{signal="logs",outcome="kept"}')).toBe(expected.logs.length);
    expect(value('thresher_items_exported_total{signal="traces",exporter="otap"}')).toBe(expected.traces.length);
    expect(value('thresher_buffered_items{signal="traces"}')).toBe(0);
    expect(value('thresher_export_queue_capacity_bytes{exporter="otap"}')).toBe(256 * 2 ** 20);
    expect(value('thresher_export_queue_bytes{exporter="otap"}')).toBe(0);
    expect(value('thresher_window_lag_seconds{signal="traces"}')).toBe(0);
    expect(value('thresher_memory_held_bytes')).toBeLessThan(value('thresher_memory_limit_bytes'));
    expect(value('thresher_memory_limit_bytes')).toBeLessThan(value('thresher_memory_granted_bytes'));
    expect(await thresher.get('/healthz')).toMatchObject({ status: 200 });
    thresher.process.kill('SIGTERM');
    expect(await thresher.closed()).toEqual([0, null]);
  });

  test('Ctrl-C decides open windows and exports what is kept, then leaves with 0', async () => {
    const thresher = await run('long', `windows: { traces: { length: 10m, decision_wait: 10m }, logs: { length: 10m } }\n${exporter()}`);
    await Promise.all([send(thresher.grpcPort, 'traces_zstd', 20), send(thresher.grpcPort, 'logs_zstd', 20)]);
    expect(backend.received.traces).toEqual([]);
    thresher.process.kill('SIGINT');
    expect(await thresher.closed()).toEqual([0, null]);
    expect(difference(backend.received.traces, canonical(readTruth('traces_zstd').slice(0, 20).map(stamped)))).toBeNull();
    expect(difference(backend.received.logs, canonical(readTruth('logs_zstd').slice(0, 20).map(stamped)))).toBeNull();
    expect(thresher.said).toMatch(/"draining".*"stopped"/s);
  });

  test('a second Ctrl-C stops at once', async () => {
    // A next hop that takes connections and never says anything.
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const thresher = await run('silent', `windows: { traces: { length: 10m, decision_wait: 10m } }\nexporters: { otap: { endpoint: "127.0.0.1:${port}", tls: { insecure: true } } }`);
    await send(thresher.grpcPort, 'traces_zstd', 5);
    thresher.process.kill('SIGINT');
    await until(() => thresher.said.includes('"draining"'), 5000, () => thresher.said);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(thresher.process.exitCode).toBeNull();
    const start = performance.now();
    thresher.process.kill('SIGINT');
    expect(await thresher.closed()).toEqual([130, null]);
    expect(performance.now() - start).toBeLessThan(1000);
    silent.close();
  });

  test('a port that is taken is an error, and the process ends', async () => {
    const running = new Running(writeConfig(directory, 'taken', `receivers: { otlp: { grpc: { endpoint: "127.0.0.1:${backend.port}" } } }\nexporters: { debug: {} }`));
    processes.push(running);
    expect(await running.closed()).toEqual([1, null]);
    expect(running.said).toMatch(/receivers\.otlp\.grpc: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  });

  test('so is the port of HTTP, when others are open already', async () => {
    const path = writeConfig(directory, 'http', `${receivers}\nexporters: { debug: {} }`);
    const running = new Running(path, '--set', `http.endpoint=127.0.0.1:${backend.port}`);
    processes.push(running);
    expect(await running.closed()).toEqual([1, null]);
    expect(running.said).toMatch(/EADDRINUSE/);
  });
});
