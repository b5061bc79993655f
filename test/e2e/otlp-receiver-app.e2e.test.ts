import { randomBytes } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type App, startApp } from '../../src/app.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { otlpGrpcPaths } from '../../src/otlp/services.ts';
import { metrics } from '../../src/telemetry/declared.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { realSeam } from '../../src/base/seam.ts';
import { difference, stamped } from '../golden/kept-support.ts';
import { otlpBytes } from '../support/otlp-bytes.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import type { OtlpRequest } from '../support/otlp-json.ts';
import { parseOtlp, readTruth } from '../support/otlp-truth.ts';
import { request, statusOf } from './otlp-receiver-support.ts';
import { Backend } from './run-support.ts';

/**
 * Scenario: the whole program between senders of OTLP in every form and a next hop, under policies that keep all.
 * Guarantees: what was acknowledged comes out as it went in, with its counts; what cannot be read is refused where it came in, counted, and nothing of it comes out.
 */
let directory = '';
let backend = new Backend();
let app: App | null = null;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'otlp-receiver-'));
  backend = new Backend();
  await backend.listen();
  writeFileSync(join(directory, 'traces.sql'), 'SELECT trace_id, 1.0 AS probability FROM traces');
  writeFileSync(join(directory, 'logs.sql'), 'SELECT id, 1.0 AS probability FROM logs');
});

afterEach(async () => {
  await app?.drain();
  await backend.close();
  rmSync(directory, { recursive: true });
});

async function started(more = ''): Promise<App> {
  const config = parseConfig({
    name: 'test', environment: {}, directory,
    text: `receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0" }, http: { endpoint: "127.0.0.1:0" } } }
policies: [traces.sql, logs.sql]
http: { endpoint: "127.0.0.1:0" }
windows: { traces: { length: 1h }, logs: { length: 1h } }
decision_cache: { horizon: 3650d }
exporters: { otap: { endpoint: "127.0.0.1:${backend.port}", tls: { insecure: true } } }
${more}`,
  });
  app = await startApp(config, createLogger({ seam: realSeam(), level: 'error', format: 'json', write: () => undefined }));
  return app;
}

const portOf = (address: string | undefined): number => Number(address?.split(':').at(-1));

type Send = (app: App, signal: Signal, sent: OtlpRequest) => Promise<unknown>;

function overHttp(isJson: boolean, contentEncoding: string, compress: (bytes: Buffer) => Buffer): Send {
  return async ({ addresses }, signal, sent) => {
    const plain = isJson ? Buffer.from(JSON.stringify(sent)) : Buffer.from(otlpBytes(signal, sent));
    const { status } = await request(portOf(addresses.otlpHttp[0]), {
      path: `/v1/${signal}`, body: compress(plain), headers: { 'content-type': isJson ? 'application/json' : 'application/x-protobuf', 'content-encoding': contentEncoding } });
    return status;
  };
}

function overGrpc(algorithm: grpc.compressionAlgorithms): Send {
  return ({ addresses }, signal, sent) => grpcExport(addresses.grpc[0], otlpGrpcPaths[signal], Buffer.from(otlpBytes(signal, sent)), algorithm);
}

/** 200, or the error. */
function grpcExport(address: string, path: string, body: Buffer, algorithm = grpc.compressionAlgorithms.identity): Promise<unknown> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), { 'grpc.default_compression_algorithm': algorithm });
  const raw = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) => client.makeUnaryRequest(path, raw, raw, body, (error) => {
    client.close();
    resolve(error ?? 200);
  }));
}

const ways: readonly Send[] = [
  overGrpc(grpc.compressionAlgorithms.gzip), overGrpc(grpc.compressionAlgorithms.identity),
  overHttp(false, 'identity', (bytes) => bytes), overHttp(false, 'gzip', gzipSync), overHttp(false, 'zstd', zstdCompressSync),
  overHttp(true, 'identity', (bytes) => bytes), overHttp(true, 'gzip', gzipSync),
];

describe('OTLP in, through the whole program', () => {
  test('what comes in any form comes out', async () => {
    const running = await started();
    const truth = { traces: readTruth('traces_zstd').slice(0, 35), logs: readTruth('logs_zstd').slice(0, 14), metrics: readTruth('metrics_zstd').slice(0, 7) };
    for (const signal of ['traces', 'logs', 'metrics'] as const) {
      const answers = await Promise.all(truth[signal].map((sent, index) => ways[index % ways.length](running, signal, sent)));
      expect(answers).toEqual(answers.map(() => 200));
    }
    const items = canonical(truth.traces).length;
    expect(running.registry.value(metrics.itemsReceived, { signal: 'traces', receiver: 'otlp' })).toBe(items);
    expect(running.registry.value(metrics.batchesReceived, { signal: 'logs', receiver: 'otlp' })).toBe(14);
    expect(await running.drain()).toBe(true);
    app = null;
    expect(difference(backend.received.traces, canonical(truth.traces.map(stamped)))).toBeNull();
    expect(difference(backend.received.logs, canonical(truth.logs.map(stamped)))).toBeNull();
    // Through protobuf: what JSON has no other way to say than to leave it out.
    expect(canonical(backend.received.metrics)).toEqual(canonical(truth.metrics.map((sent) => parseOtlp('metrics', otlpBytes('metrics', sent)))));
  });

  test('what cannot be read is refused as a whole, and counted where it came in', async () => {
    const running = await started('metrics: { pass_through: false }');
    const [sent] = readTruth('traces_zstd');
    const good = Buffer.from(otlpBytes('traces', sent));
    const bad = Buffer.concat([good, Buffer.from([0x0a, 0x7f, 1])]);
    const port = portOf(running.addresses.otlpHttp[0]);
    const [address] = running.addresses.grpc;

    const overHttpAnswer = await request(port, { body: bad });
    expect([overHttpAnswer.status, statusOf(overHttpAnswer).code]).toEqual([400, 3]);
    expect(await grpcExport(address, otlpGrpcPaths.traces, bad)).toMatchObject({ code: grpc.status.INVALID_ARGUMENT });
    const json = await request(port, { body: Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abc"}]}]}]}'), headers: { 'content-type': 'application/json' } });
    expect([json.status, statusOf(json).code]).toEqual([400, 3]);
    const noMetrics = await request(port, { path: '/v1/metrics' });
    expect([noMetrics.status, statusOf(noMetrics)]).toEqual([404, { code: 12, message: expect.stringContaining('metrics are not taken here') }]);
    expect(await grpcExport(address, otlpGrpcPaths.metrics, good)).toMatchObject({ code: grpc.status.UNIMPLEMENTED, details: expect.stringContaining('metrics are not taken here') });

    const refused = (protocol: string, reason: string): number => running.registry.value(metrics.requestsRefused, { receiver: 'otlp', protocol, reason });
    expect(running.registry.value(metrics.batchesRefused, { signal: 'traces', receiver: 'otlp', reason: 'malformed_protobuf' })).toBe(2);
    expect([refused('http', 'invalid_id'), refused('http', 'signal_not_taken'), refused('grpc', 'signal_not_taken')]).toEqual([1, 1, 1]);
    expect(running.registry.value(metrics.itemsReceived, { signal: 'traces', receiver: 'otlp' })).toBe(0);
    expect(await running.drain()).toBe(true);
    app = null;
    expect(backend.received.traces).toEqual([]);
  });

  test('where memory is full, senders are told when to come again', async () => {
    const running = await started('memory: { limit: 1MiB, soft_limit: 1 }');
    const sent = Buffer.from(otlpBytes('traces', readTruth('traces_zstd')[0]));
    const port = portOf(running.addresses.otlpHttp[0]);
    let answer = await request(port, { body: sent });
    expect(answer.status).toBe(200);
    for (let i = 0; i < 200 && answer.status === 200; i++) answer = await request(port, { body: sent });
    expect([answer.status, statusOf(answer).code]).toEqual([429, 8]);
    // Until the window is due, but no longer than 10 s.
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(10);
    // A request over HTTP takes more while it is under way, so there may be room yet for some over gRPC.
    let called: unknown = 200;
    for (let i = 0; i < 200 && called === 200; i++) called = await grpcExport(running.addresses.grpc[0], otlpGrpcPaths.traces, sent);
    expect(called).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED });
    expect(running.registry.value(metrics.batchesRefused, { signal: 'traces', receiver: 'otlp', reason: 'memory_limit' })).toBe(2);
  });

  test('what would never fit into memory is refused for good, over HTTP and gRPC, and counted', async () => {
    const running = await started('memory: { limit: 1MiB, soft_limit: 1 }');
    const spans = [{ traceId: '01'.repeat(16), spanId: '01'.repeat(8), name: 'large', attributes: [{ key: 'pad', value: { stringValue: randomBytes(400_000).toString('hex') } }] }];
    const large = Buffer.from(otlpBytes('traces', { resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans }] }] }));
    const answer = await request(portOf(running.addresses.otlpHttp[0]), { body: large });
    expect([answer.status, statusOf(answer), answer.headers['retry-after']]).toEqual([413, { code: 8, message: expect.stringContaining('memory.limit') }, undefined]);
    const refusal = await grpcExport(running.addresses.grpc[0], otlpGrpcPaths.traces, large);
    expect(refusal).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED });
    expect(refusal instanceof Error && 'metadata' in refusal && refusal.metadata instanceof grpc.Metadata ? refusal.metadata.get('grpc-status-details-bin') : null).toEqual([]);
    expect(running.registry.value(metrics.batchesRefused, { signal: 'traces', receiver: 'otlp', reason: 'larger_than_memory' })).toBe(2);
    expect(await overGrpc(grpc.compressionAlgorithms.identity)(running, 'traces', readTruth('traces_zstd')[0])).toBe(200);
  });
});
