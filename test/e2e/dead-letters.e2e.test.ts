import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import grpc from '@grpc/grpc-js';
import { realSeam } from '../../src/base/seam.ts';
import { GrpcServer } from '../../src/grpc/server.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { allRows } from '../../src/otap/take/split.ts';
import { decodeOtlp } from '../../src/otlp/decode/decode-otlp.ts';
import { otlpGrpcPaths } from '../../src/otlp/services.ts';
import { Splicer } from '../../src/otlp/splice/splicer.ts';
import { addOtapReceiver } from '../../src/receivers/otap.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { splitDelimited } from '../support/captures.ts';
import { otlpBytes } from '../support/otlp-bytes.ts';
import { canonical } from '../support/otlp-canonical.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { takenBatches } from '../support/taken.ts';
import { type BuiltExporter, exporterOf } from './otlp-exporter-support.ts';

/**
 * Scenario: next hops that refuse for good, by hand, behind exporters made from a configuration with `dead_letter`.
 * Guarantees: what was refused is in the files, all of it, as it was recorded, and a line says why; what was accepted is not; the files keep their bound, and what
 * they do not hold is counted.
 */
const names = { traces: 'collector_traces', logs: 'collector_logs', metrics: 'collector_metrics' } as const;
const signals = ['traces', 'logs', 'metrics'] as const;
const batches = signals.flatMap((signal) => takenBatches(names[signal], 500));
const items = batches.reduce((sum, { rowCount }) => sum + rowCount, 0);
const truthOf = (signal: Signal): string[] => canonical(readTruth(names[signal]));
let directory = '';
const closers: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dead-letters-'));
});

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(directory, { recursive: true });
});

/** An HTTP server that answers with the statuses in turn, the last one for ever. */
async function httpServer(...statuses: readonly number[]): Promise<string> {
  let requests = 0;
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(statuses[Math.min(requests++, statuses.length - 1)], { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
}

async function otlpServer(): Promise<string> {
  const server = new grpc.Server();
  const raw = (bytes: Buffer): Buffer => bytes;
  const method = (path: string): grpc.MethodDefinition<Buffer, Buffer> => (
    { path, requestStream: false, responseStream: false, requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw });
  for (const signal of signals) {
    server.addService({ export: method(otlpGrpcPaths[signal]) }, {
      export: (_: unknown, answer: grpc.sendUnaryData<Buffer>) => answer({ code: grpc.status.INVALID_ARGUMENT, details: 'not to my taste' }) });
  }
  const port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))));
  closers.push(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

async function otapServer(): Promise<string> {
  const server = new GrpcServer({ seam: realSeam(), log: silentLogger, limits: {} });
  addOtapReceiver(server, () => {
    let batchId = 0n;
    return { accept: () => Promise.resolve({ batchId: batchId++, ack: { status: 'INVALID_ARGUMENT', message: 'not to my taste', retryAfterMs: null }, streamBroken: false }), close: () => undefined };
  });
  closers.push(() => server.drain(1000));
  return `127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
}

const into = (more = ''): string => `, dead_letter: { directory: "${directory}"${more} }`;
const filesOf = (signal: Signal, ending = '.otap'): string[] => readdirSync(directory).filter((name) => name.includes(`-${signal}-`) && name.endsWith(ending)).sort();
const keptOf = (signal: Signal): string[] => canonical(filesOf(signal).flatMap((name) => decodeOwn(signal, splitDelimited(readFileSync(join(directory, name))))));
const linesOf = (signal: Signal): Record<string, unknown>[] => filesOf(signal, '.jsonl').flatMap((name) => readFileSync(join(directory, name), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>));
const sumOf = (values: Readonly<Record<string, number>>): number => Object.values(values).reduce((sum, value) => sum + value, 0);

function expectAllKept(exporter: BuiltExporter, reason: string): void {
  expect([exporter.exported(), exporter.lost(), exporter.kept(), exporter.unkept()]).toEqual([0, { [reason]: items }, items, {}]);
  for (const signal of signals) {
    expect(keptOf(signal)).toEqual(truthOf(signal));
    expect(linesOf(signal)[0]).toMatchObject({ signal, reason, batch_id: 0 });
    expect(linesOf(signal).reduce((sum, line) => sum + Number(line['items']), 0)).toBe(batches.filter((batch) => batch.signal === signal).reduce((sum, { rowCount }) => sum + rowCount, 0));
  }
}

describe('dead letters', { timeout: 20_000 }, () => {
  test('of OTAP', async () => {
    const exporter = exporterOf('otap', `endpoint: "${await otapServer()}", tls: { insecure: true }${into()}`);
    await exporter.send(batches);
    expectAllKept(exporter, 'invalid_argument');
    expect(linesOf('traces')[0]).toMatchObject({ message: 'not to my taste' });
  });

  test('of OTLP over gRPC', async () => {
    const exporter = exporterOf('otlp', `endpoint: "${await otlpServer()}", tls: { insecure: true }${into()}`);
    await exporter.send(batches);
    expectAllKept(exporter, 'invalid_argument');
    expect(linesOf('traces')[0]).toMatchObject({ message: 'not to my taste' });
  });

  test.each(['proto', 'json'])('of OTLP over HTTP, %s', async (encoding) => {
    const exporter = exporterOf('otlphttp', `endpoint: "${await httpServer(400)}", encoding: ${encoding}${into()}`);
    await exporter.send(batches);
    expectAllKept(exporter, 'http_400');
  });

  test('of what came as OTLP and leaves as it came', async () => {
    const exporter = exporterOf('otlphttp', `endpoint: "${await httpServer(400)}"${into()}`);
    const splicer = new Splicer('traces');
    for (const request of readTruth(names.traces)) {
      const batch = decodeOtlp('traces', otlpBytes('traces', request));
      splicer.append(batch, allRows(batch), null);
    }
    await exporter.sink.pushSpliced?.(splicer.finish());
    await exporter.sink.drain(5000);
    expect(keptOf('traces')).toEqual(truthOf('traces'));
  });

  test('hold what was refused and nothing else: one request of many', async () => {
    const exporter = exporterOf('otlphttp', `endpoint: "${await httpServer(200, 503, 400, 200)}", max_request_size: 20kB${into()}`);
    const [first] = batches;
    await exporter.send([first]);
    const lost = exporter.lost()['http_400'];
    expect(lost).toBeGreaterThan(0);
    expect(exporter.exported()).toBe(first.rowCount - lost);
    expect([exporter.kept(), linesOf('traces').map((line) => line['items'])]).toEqual([lost, [lost]]);
    const truth = new Set(truthOf('traces'));
    expect(keptOf('traces').every((item) => truth.has(item))).toBe(true);
  });

  test('with keep: all, also what was given up and what a full queue dropped; else not', async () => {
    const gone = 'endpoint: "http://127.0.0.1:9", retry_on_failure: { initial_interval: 1ms, max_interval: 1ms, max_elapsed_time: 50ms }, sending_queue: { size_bytes: 1KiB, on_full: drop }';
    const without = exporterOf('otlphttp', gone + into());
    await without.send(batches);
    expect([sumOf(without.lost()), without.kept(), filesOf('traces')]).toEqual([items, 0, []]);
    const exporter = exporterOf('otlphttp', gone + into(', keep: all'));
    await exporter.send(batches);
    expect(Object.keys(exporter.lost())).toContain('queue_full');
    expect(Object.keys(exporter.lost()).length).toBeGreaterThan(1);
    expect([sumOf(exporter.lost()), exporter.kept()]).toEqual([items, items]);
    for (const signal of signals) expect(keptOf(signal)).toEqual(truthOf(signal));
  });

  test('keep their bound over all runs, and what is beyond is counted; whoever removes files makes room', async () => {
    const url = await httpServer(400);
    const bytes = (): number => readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    let unkept = 0;
    for (let runs = 0; runs < 100 && unkept === 0; runs++) {
      const exporter = exporterOf('otlphttp', `endpoint: "${url}"${into(', max_size: 1MiB')}`);
      await exporter.send(batches);
      unkept = sumOf(exporter.unkept());
      expect(exporter.kept() + unkept).toBe(items);
      if (unkept > 0) expect(exporter.unkept()).toEqual({ full: unkept });
    }
    expect(unkept).toBeGreaterThan(0);
    expect(bytes()).toBeGreaterThan(900_000);
    expect(bytes()).toBeLessThanOrEqual(2 ** 20);
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    const exporter = exporterOf('otlphttp', `endpoint: "${url}"${into(', max_size: 1MiB')}`);
    await exporter.send(batches);
    expect([exporter.kept(), exporter.unkept()]).toEqual([items, {}]);
  });

  test('a directory that cannot be made ends the start', () => {
    expect(() => exporterOf('otlphttp', 'endpoint: "http://127.0.0.1:9", dead_letter: { directory: /dev/null/letters }')).toThrow(/no directory for dead letters/);
  });
});
