import http from 'node:http';
import type { Socket } from 'node:net';
import http2 from 'node:http2';
import { afterEach, describe, expect, test } from 'vitest';
import { packageVersion } from '../../src/base/package-paths.ts';
import { takenBatches } from '../support/taken.ts';
import { type BuiltExporter, exporterOf } from './otlp-exporter-support.ts';

/**
 * Scenario: OTLP exporters in front of servers that count connections, and that close those that are idle.
 * Guarantees: connections are used again, a server hears who speaks, and one that closed an idle connection costs no retry and no item.
 */
const batches = takenBatches('collector_traces', 100_000);
const [{ rowCount: items }] = batches;
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Served {
  readonly port: number;
  /** Headers of each request. */
  readonly requests: http.IncomingHttpHeaders[];
  readonly connections: () => number;
}

/** `hangUpAt`: the request, counted from 1, at which the server closes the connection instead of answering. */
async function httpServer(hangUpAt: number | null): Promise<Served> {
  const requests: http.IncomingHttpHeaders[] = [];
  const sockets: Socket[] = [];
  const server = http.createServer((request, response) => {
    requests.push(request.headers);
    if (requests.length === hangUpAt) request.socket.destroy();
    else request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: portOf(server.address()), requests, connections: () => sockets.length };
}

/** An OK to every call. */
async function grpcServer(): Promise<Served> {
  const requests: http.IncomingHttpHeaders[] = [];
  let connections = 0;
  const server = http2.createServer();
  const sessions: http2.ServerHttp2Session[] = [];
  server.on('session', (session) => {
    connections++;
    sessions.push(session);
  });
  server.on('stream', (stream, headers) => {
    requests.push(headers);
    stream.resume().on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(5));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  closers.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: portOf(server.address()), requests, connections: () => connections };
}

function portOf(address: ReturnType<http.Server['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Sends the batches one at a time, each when the one before was accepted. */
async function sendInTurn(exporter: BuiltExporter, count: number): Promise<void> {
  for (let sent = 1; sent <= count; sent++) {
    await exporter.sink.push(batches[0]);
    for (const start = performance.now(); exporter.exported() < sent * items; ) {
      if (performance.now() - start > 10_000) throw new Error(`request ${sent} was not accepted: ${exporter.logged.join('')}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await exporter.sink.drain(1000);
}

describe('connections', () => {
  test('HTTP: five requests in turn go over one', async () => {
    const server = await httpServer(null);
    await sendInTurn(exporterOf('otlphttp', `endpoint: "http://127.0.0.1:${server.port}"`), 5);
    expect([server.requests.length, server.connections()]).toEqual([5, 1]);
    expect(new Set(server.requests.map((headers) => headers['user-agent']))).toEqual(new Set([`thresher/${packageVersion()}`]));
  });

  test('gRPC: five calls in turn go over one', async () => {
    const server = await grpcServer();
    await sendInTurn(exporterOf('otlp', `endpoint: "127.0.0.1:${server.port}", tls: { insecure: true }`), 5);
    expect([server.requests.length, server.connections()]).toEqual([5, 1]);
    expect(server.requests[0]['grpc-timeout']).toBe('10000m');
    expect(server.requests[0]['user-agent']).toMatch(new RegExp(`^thresher/${packageVersion()} `));
  });

  test('HTTP: one that the server closed while it was idle is replaced at once, which is no retry', async () => {
    const server = await httpServer(3);
    const exporter = exporterOf('otlphttp', `endpoint: "http://127.0.0.1:${server.port}"`);
    await sendInTurn(exporter, 4);
    expect([server.requests.length, server.connections(), exporter.retries(), exporter.lost()]).toEqual([5, 2, {}, {}]);
  });

  test('HTTP: a fresh one that is closed without an answer is a retry, since something is wrong', async () => {
    const server = await httpServer(1);
    const exporter = exporterOf('otlphttp', `endpoint: "http://127.0.0.1:${server.port}"`);
    await sendInTurn(exporter, 1);
    expect([server.requests.length, server.connections(), exporter.retries()]).toEqual([2, 2, { connection: 1 }]);
  });
});
