import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type App, startApp } from '../../src/app.ts';
import { realSeam } from '../../src/base/seam.ts';
import { parseConfig } from '../../src/config/load.ts';
import { metrics } from '../../src/telemetry/declared.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { itemsOf } from '../golden/kept-support.ts';
import { freePorts } from '../support/free-ports.ts';
import { otlpBytes } from '../support/otlp-bytes.ts';
import { parseOtlp } from '../support/otlp-truth.ts';
import { request } from './otlp-receiver-support.ts';
import { until } from './run-support.ts';

/**
 * Scenario: the whole program, over real sockets, keeps all and sends to a next hop that is not there. Senders go on until they are refused: the queue is full,
 * then windows wait, then memory is full. Then the next hop comes back.
 * Guarantees: every request that was acknowledged arrives, each refusal was told to its sender with a time to come again, and counted, and nothing of it arrives; memory stays under its
 * limit; after that requests are taken again. Control: with `on_full: drop` the same look finds that items are missing.
 */
const spansOfRequest = 400;
let directory = '';
let port = 0;
let app: App | null = null;
let server: http.Server | null = null;
const arrived = new Map<string, number>();

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'backpressure-'));
  writeFileSync(join(directory, 'traces.sql'), 'SELECT trace_id, 1.0 AS probability FROM traces');
  [port] = await freePorts(1);
  arrived.clear();
});

afterEach(async () => {
  await app?.drain();
  app = null;
  server?.closeAllConnections();
  server?.close();
  server = null;
  rmSync(directory, { recursive: true });
});

/** The next hop, which remembers the ids of the spans that came. */
async function comeBack(): Promise<void> {
  server = http.createServer((came, response) => {
    void came.toArray().then((chunks) => {
      for (const { spanId } of itemsOf(parseOtlp('traces', Buffer.concat(chunks as Buffer[])))) arrived.set(String(spanId), (arrived.get(String(spanId)) ?? 0) + 1);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

async function started(onFull: 'wait' | 'drop'): Promise<App> {
  const text = `receivers: { otlp: { http: { endpoint: "127.0.0.1:0" } } }
policies: [traces.sql]
http: { endpoint: "127.0.0.1:0" }
windows: { traces: { length: 200ms, decision_wait: 0s } }
certificate: { enabled: false }
memory: { limit: 64MiB }
shutdown: { deadline: 10s, exporter_stall: 1s }
exporters:
  otlphttp: { endpoint: "http://127.0.0.1:${port}", compression: none, sending_queue: { size_bytes: 2MiB, on_full: ${onFull} }, retry_on_failure: { initial_interval: 100ms, max_interval: 500ms, max_elapsed_time: 0 } }`;
  app = await startApp(parseConfig({ name: 'test', environment: {}, directory, text }), silentLogger, { seam: realSeam() });
  return app;
}

const spanIdOf = (trace: number, span: number): string => `${trace.toString(16).padStart(8, '0')}${(span + 1).toString(16).padStart(8, '0')}`;

/** One trace of about 800 kB that no compression makes smaller. */
function traceOf(number: number): Uint8Array {
  const startTimeUnixNano = String(BigInt(Date.now()) * 1_000_000n);
  const spans = Array.from({ length: spansOfRequest }, (_, span) => ({
    traceId: randomBytes(16).toString('hex').slice(0, 24) + number.toString(16).padStart(8, '0'), spanId: spanIdOf(number, span), name: 'work', kind: 1, startTimeUnixNano, endTimeUnixNano: startTimeUnixNano,
    attributes: [{ key: 'pad', value: { stringValue: randomBytes(1500).toString('base64') } }],
  }));
  return otlpBytes('traces', { resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans }] }] });
}

interface Told {
  readonly acknowledged: number[];
  readonly refused: { readonly number: number; readonly retryAfter: string | undefined }[];
}

/** Senders side by side send traces `from` and up until `enough`. */
async function sendUntil(to: App, from: number, enough: (told: Told) => boolean): Promise<Told> {
  const told: Told = { acknowledged: [], refused: [] };
  let next = from;
  const sender = async (): Promise<void> => {
    while (!enough(told)) {
      const number = next++;
      const { status, headers } = await request(Number(to.addresses.otlpHttp[0].split(':').at(-1)), { body: traceOf(number) });
      if (status === 200) told.acknowledged.push(number);
      else if (status === 429 || status === 503) told.refused.push({ number, retryAfter: headers['retry-after'] });
      else throw new Error(`answered with ${status}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, sender));
  return told;
}

const spansOf = (numbers: readonly number[]): string[] => numbers.flatMap((number) => Array.from({ length: spansOfRequest }, (_, span) => spanIdOf(number, span)));
const missing = (numbers: readonly number[]): number => spansOf(numbers).filter((id) => !arrived.has(id)).length;

describe('a next hop that is away', { timeout: 90_000 }, () => {
  test('on_full: wait: the queue, then windows, then the intake; nothing that was acknowledged is lost', async () => {
    const running = await started('wait');
    const told = await sendUntil(running, 1, ({ refused }) => refused.length >= 20);
    const { registry } = running;
    const value = (definition: { readonly name: string }): number => Number(new RegExp(`^${definition.name}(?:\\{.*\\})? ([^ ]+)$`, 'm').exec(registry.text())?.[1] ?? 0);
    expect(told.acknowledged.length).toBeGreaterThan(20);
    expect(told.refused.every(({ retryAfter }) => Number(retryAfter) >= 1)).toBe(true);
    expect(value(metrics.queueBytes)).toBeGreaterThan(1_000_000);
    expect(value(metrics.windowLagSeconds)).toBeGreaterThan(0.5);
    expect(value(metrics.memoryHeldBytes)).toBeLessThanOrEqual(64 * 2 ** 20);
    expect([registry.total(metrics.itemsLost), arrived.size]).toEqual([0, 0]);
    await comeBack();
    await until(() => missing(told.acknowledged) === 0, 30_000, () => `${missing(told.acknowledged)} spans are missing`);
    expect(told.refused.filter(({ number }) => spansOf([number]).some((id) => arrived.has(id)))).toEqual([]);
    expect([...arrived.values()].every((times) => times === 1)).toBe(true);
    const after = await sendUntil(running, 1_000_000, ({ acknowledged }) => acknowledged.length >= 3);
    expect(after.refused).toEqual([]);
    await until(() => missing(after.acknowledged) === 0, 10_000);
    // Counted when the answer is there.
    await until(() => registry.total(metrics.itemsExported) === spansOf([...told.acknowledged, ...after.acknowledged]).length, 10_000);
    expect(registry.total(metrics.itemsLost)).toBe(0);
  });

  test('control, on_full: drop: nobody waits, and items that were acknowledged are missing, as many as are counted', async () => {
    const running = await started('drop');
    const told = await sendUntil(running, 1, ({ acknowledged }) => acknowledged.length >= 60);
    await until(() => running.registry.total(metrics.itemsLost) > 0, 10_000);
    await comeBack();
    await until(() => running.registry.total(metrics.itemsLost) + running.registry.total(metrics.itemsExported) === spansOf(told.acknowledged).length, 20_000);
    expect(missing(told.acknowledged)).toBe(running.registry.total(metrics.itemsLost));
    expect(missing(told.acknowledged)).toBeGreaterThan(0);
  });
});
