import http from 'node:http';
import net from 'node:net';
import grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { afterEach, describe, expect, test } from 'vitest';
import { encodeRetryDetails } from '../../src/grpc/retry-info.ts';
import { takenBatches } from '../support/taken.ts';
import { exporterOf, type BuiltExporter } from './otlp-exporter-support.ts';

/**
 * Scenario: servers that refuse, break off, answer late or answer something else, by hand.
 * Guarantees: what OTLP lets be sent again is, after the time that the server asks for; everything else is given up at once; each item is counted
 * as exported or lost, once, and with its reason.
 */
const batches = takenBatches('collector_traces', 100_000);
const [{ rowCount: items }] = batches;
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function expectOnly(exporter: BuiltExporter, said: { exported?: number; lost?: Record<string, number>; retries?: Record<string, number> }): void {
  expect([exporter.exported(), exporter.lost(), exporter.retries()]).toEqual([said.exported ?? 0, said.lost ?? {}, said.retries ?? {}]);
}

describe('OTLP over HTTP', { timeout: 20_000 }, () => {
  type Reply = (response: http.ServerResponse, request: http.IncomingMessage) => void;

  /** A server that gives each reply once, the last one for ever; gives its address and what came. */
  async function serving(...replies: readonly Reply[]): Promise<{ url: string; times: number[]; connections: () => number }> {
    const times: number[] = [];
    let connections = 0;
    const server = http.createServer((request, response) => {
      request.resume().on('end', () => {
        times.push(performance.now());
        replies[Math.min(times.length, replies.length) - 1](response, request);
      });
    });
    server.on('connection', () => connections++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      server.close();
      server.closeAllConnections();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { url: `http://127.0.0.1:${address.port}`, times, connections: () => connections };
  }

  const reply = (status: number, headers: Record<string, string> = {}, body: string | Uint8Array = ''): Reply => (response) => {
    response.writeHead(status, headers).end(body);
  };
  const ok = reply(200, { 'content-type': 'application/x-protobuf' });
  const exporterTo = (url: string, more = ''): BuiltExporter => exporterOf('otlphttp', `endpoint: "${url}"${more}`);

  test.each([429, 502, 503, 504])('%d is sent again', async (status) => {
    const { url, times, connections } = await serving(reply(status), reply(status), ok);
    const exporter = exporterTo(url);
    await exporter.send(batches);
    expectOnly(exporter, { exported: items, retries: { [`http_${status}`]: 2 } });
    expect([times.length, connections()]).toEqual([3, 1]);
  });

  test('429 with Retry-After waits that long, as seconds or as a date', async () => {
    const { url, times } = await serving(reply(429, { 'retry-after': '1' }), (response) => {
      reply(503, { 'retry-after': new Date(Date.now() + 2000).toUTCString() })(response, new http.IncomingMessage(new net.Socket()));
    }, ok);
    const exporter = exporterTo(url);
    await exporter.send(batches);
    expectOnly(exporter, { exported: items, retries: { http_429: 1, http_503: 1 } });
    expect(times[1] - times[0]).toBeGreaterThanOrEqual(990);
    expect(times[2] - times[1]).toBeGreaterThanOrEqual(900);
  });

  test('a Retry-After beyond max_elapsed_time is not waited for', async () => {
    const { url, times } = await serving(reply(429, { 'retry-after': '3600' }));
    const exporter = exporterTo(url);
    await exporter.send(batches);
    expectOnly(exporter, { lost: { http_429: items } });
    expect(times.length).toBe(1);
  });

  test.each([
    [400, { 'content-type': 'application/json' }, '{"code":3,"message":"no good spans"}'],
    [401, { 'content-type': 'text/plain' }, 'no good spans'],
    [413, { 'content-type': 'application/x-protobuf' }, protobuf.Writer.create().uint32(0x08).int32(3).uint32(0x12).string('no good spans').finish()],
    [500, { 'content-type': 'application/x-protobuf' }, 'no good spans? \u0000\u0001'],
    [302, { location: 'http://127.0.0.1:1/' }, ''],
  ])('%d is given up at once', async (status, headers, body) => {
    const { url, times } = await serving(reply(status, headers, body));
    const exporter = exporterTo(url);
    await exporter.send(batches);
    expectOnly(exporter, { lost: { [`http_${status}`]: items } });
    expect(times.length).toBe(1);
    expect(exporter.logged.join('')).toContain(`answered ${status}`);
    if (status < 500 && status >= 400) expect(exporter.logged.join('')).toContain('no good spans');
  });

  const partial = protobuf.Writer.create().uint32(0x0a).fork().uint32(0x08).int64(3).uint32(0x12).string('three were too old').ldelim().finish();
  test.each([
    ['application/x-protobuf', partial],
    ['application/json; charset=utf-8', '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"three were too old"}}'],
  ])('partial success in %s is counted and logged, and not sent again', async (type, body) => {
    const { url, times } = await serving(reply(200, { 'content-type': type }, body));
    const exporter = exporterTo(url);
    await exporter.send(batches);
    expectOnly(exporter, { exported: items - 3, lost: { partial_success: 3 } });
    expect([times.length, exporter.logged.filter((line) => line.includes('three were too old')).length]).toEqual([1, 1]);
  });

  test('a warning without rejected items is logged', async () => {
    const { url } = await serving(reply(200, { 'content-type': 'application/json' }, '{"partialSuccess":{"errorMessage":"use /v2"}}'));
    const exporter = exporterTo(url);
    await exporter.send(batches);
    expectOnly(exporter, { exported: items });
    expect(exporter.logged.join('')).toContain('use /v2');
  });

  test.each([
    ['text/html', '<html>'], ['application/json', '{"partialSuccess":'], ['application/json', 'null'], ['application/x-protobuf', Buffer.alloc(100, 0xff)],
    ['application/x-protobuf', Buffer.alloc(1_000_000)], ['', ''],
  ])('200 with %s that is none is an acceptance', async (type, body) => {
    const { url } = await serving(reply(200, type === '' ? {} : { 'content-type': type }, body));
    const exporter = exporterTo(url);
    await exporter.send(batches);
    expectOnly(exporter, { exported: items });
  });

  test('an answer that breaks off and a connection that is cut are sent again', async () => {
    const broken: Reply = (response) => {
      response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': '100' });
      response.write('x', () => response.destroy());
    };
    const { url, times } = await serving(broken, (response) => response.destroy(), ok);
    const exporter = exporterTo(url);
    await exporter.send(batches);
    expectOnly(exporter, { exported: items, retries: { connection: 2 } });
    expect(times.length).toBe(3);
  });

  test('no answer is sent again after the timeout', async () => {
    const { url } = await serving(() => {}, ok);
    const exporter = exporterTo(url, ', timeout: 300ms');
    await exporter.send(batches);
    expectOnly(exporter, { exported: items, retries: { timeout: 1 } });
  });

  test('a port where nobody listens is tried until the time is over; other endpoints take its place', async () => {
    const lonely = exporterOf('otlphttp', 'endpoint: "http://127.0.0.1:1", retry_on_failure: { initial_interval: 20ms, max_elapsed_time: 200ms }');
    await lonely.send(batches);
    expect(lonely.lost()).toEqual({ connection: items });
    const { url } = await serving(ok);
    const exporter = exporterTo('http://127.0.0.1:1', `, more_endpoints: ["${url}"]`);
    await exporter.send(batches);
    expectOnly(exporter, { exported: items, retries: { connection: 1 } });
  });

  test('what a server asks to be sent later is given up when the process ends', async () => {
    const { url } = await serving(reply(503, { 'retry-after': '5' }));
    const exporter = exporterTo(url);
    await exporter.send(batches, 200);
    expectOnly(exporter, { lost: { exporter_closed: items } });
  });
});

describe('OTLP over gRPC', { timeout: 20_000 }, () => {
  type Handler = (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => void;
  const raw = (bytes: Buffer): Buffer => bytes;

  /** A server that lets each handler answer once, the last one for ever. */
  async function serving(...handlers: readonly Handler[]): Promise<{ endpoint: string; times: number[] }> {
    const times: number[] = [];
    const server = new grpc.Server();
    server.addService({
      Export: {
        path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export', requestStream: false, responseStream: false,
        requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw,
      },
    }, {
      Export: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
        times.push(performance.now());
        handlers[Math.min(times.length, handlers.length) - 1](call, callback);
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
    });
    closers.push(() => server.forceShutdown());
    return { endpoint: `127.0.0.1:${port}`, times };
  }

  const refuse = (code: grpc.status, retryAfterMs: number | null = null): Handler => (_, callback) => {
    const metadata = new grpc.Metadata();
    if (retryAfterMs !== null) metadata.set('grpc-status-details-bin', Buffer.from(encodeRetryDetails('UNAVAILABLE', 'later', retryAfterMs), 'base64'));
    callback({ code, details: 'by hand', metadata });
  };
  const accept = (response = Buffer.alloc(0)): Handler => (_, callback) => callback(null, response);
  const exporterTo = (endpoint: string, more = ''): BuiltExporter => exporterOf('otlp', `endpoint: "${endpoint}", tls: { insecure: true }${more}`);

  test.each([
    ['cancelled', grpc.status.CANCELLED], ['deadline_exceeded', grpc.status.DEADLINE_EXCEEDED], ['aborted', grpc.status.ABORTED],
    ['out_of_range', grpc.status.OUT_OF_RANGE], ['unavailable', grpc.status.UNAVAILABLE], ['data_loss', grpc.status.DATA_LOSS],
  ])('%s is sent again', async (reason, code) => {
    const { endpoint, times } = await serving(refuse(code), accept());
    const exporter = exporterTo(endpoint);
    await exporter.send(batches);
    expectOnly(exporter, { exported: items, retries: { [reason]: 1 } });
    expect(times.length).toBe(2);
  });

  test.each([
    ['invalid_argument', grpc.status.INVALID_ARGUMENT], ['permission_denied', grpc.status.PERMISSION_DENIED], ['unauthenticated', grpc.status.UNAUTHENTICATED],
    ['unimplemented', grpc.status.UNIMPLEMENTED], ['internal', grpc.status.INTERNAL], ['unknown', grpc.status.UNKNOWN], ['resource_exhausted', grpc.status.RESOURCE_EXHAUSTED],
  ])('%s is given up at once', async (reason, code) => {
    const { endpoint, times } = await serving(refuse(code));
    const exporter = exporterTo(endpoint);
    await exporter.send(batches);
    expectOnly(exporter, { lost: { [reason]: items } });
    expect([times.length, exporter.logged.join('').includes('by hand')]).toEqual([1, true]);
  });

  test('RESOURCE_EXHAUSTED and UNAVAILABLE with RetryInfo are sent again when the server said', async () => {
    const { endpoint, times } = await serving(refuse(grpc.status.RESOURCE_EXHAUSTED, 400), refuse(grpc.status.UNAVAILABLE, 600), accept());
    const exporter = exporterTo(endpoint);
    await exporter.send(batches);
    expectOnly(exporter, { exported: items, retries: { resource_exhausted: 1, unavailable: 1 } });
    expect(times[1] - times[0]).toBeGreaterThanOrEqual(395);
    expect(times[2] - times[1]).toBeGreaterThanOrEqual(595);
  });

  test('partial success is counted and logged; rubbish in its place is an acceptance', async () => {
    const partial = protobuf.Writer.create().uint32(0x0a).fork().uint32(0x08).int64(3).uint32(0x12).string('three were too old').ldelim().finish();
    const { endpoint } = await serving(accept(Buffer.from(partial)), accept(Buffer.alloc(20, 0xff)));
    const exporter = exporterTo(endpoint);
    await exporter.send([...batches, ...batches]);
    expectOnly(exporter, { exported: 2 * items - 3, lost: { partial_success: 3 } });
    expect(exporter.logged.join('')).toContain('three were too old');
  });

  test('no answer is sent again after the timeout', async () => {
    const { endpoint } = await serving(() => {}, accept());
    const exporter = exporterTo(endpoint, ', timeout: 300ms');
    await exporter.send(batches);
    expectOnly(exporter, { exported: items, retries: { timeout: 1 } });
  });

  test('a server that talks something else, and one that hangs up, are tried until the time is over', async () => {
    const server = net.createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const exporter = exporterOf('otlp', `endpoint: "127.0.0.1:${address.port}", tls: { insecure: true }, timeout: 200ms, retry_on_failure: { initial_interval: 50ms, max_elapsed_time: 400ms }`);
    await exporter.send(batches);
    expect(exporter.exported()).toBe(0);
    expect(Object.values(exporter.lost())).toEqual([items]);
  });
});
