import grpc from '@grpc/grpc-js';
import http2 from 'node:http2';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/base/errors.ts';
import { encodeFrame } from '../../src/grpc/framing.ts';
import { decodeRetryDelayMs } from '../../src/grpc/retry-info.ts';
import { otlpGrpcPaths } from '../../src/otlp/services.ts';
import { truthBytes } from '../support/otlp-bytes.ts';
import { FakeIntake, withGrpc } from './otlp-receiver-support.ts';

const raw = (bytes: Buffer): Buffer => bytes;
const body = Buffer.alloc(5000, 'abcdefgh');

/** What grpc-js, as a sender, got: the response, or the error. */
function exported(port: number, path: string, request: Buffer, options: grpc.ClientOptions = {}): Promise<Buffer | grpc.ServiceError> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, raw, raw, request, (error, response) => {
      client.close();
      resolve(error ?? response ?? Buffer.alloc(0));
    });
  });
}

/** What a raw HTTP/2 client got. */
interface Seen {
  readonly httpStatus: unknown;
  readonly code: string;
  readonly message: string;
}

function rawExport(port: number, chunks: readonly Buffer[], headers: http2.OutgoingHttpHeaders = {}, end = true): Promise<Seen> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':method': 'POST', ':path': otlpGrpcPaths.traces, 'content-type': 'application/grpc', te: 'trailers', ...headers });
  let from: http2.IncomingHttpHeaders = {};
  stream.on('response', (response) => (from = { ...from, ...response }));
  stream.on('trailers', (trailers) => (from = { ...from, ...trailers }));
  stream.on('error', () => {});
  stream.resume();
  for (const chunk of chunks) stream.write(chunk);
  if (end) stream.end();
  return new Promise((resolve) => stream.once('close', () => {
    session.close();
    resolve({ httpStatus: from[':status'], code: String(from['grpc-status']), message: decodeURIComponent(String(from['grpc-message'] ?? '')) });
  }));
}

describe('what is taken', () => {
  it.each(['traces', 'logs', 'metrics'] as const)('%s of grpc-js, plain and gzip', async (signal) => {
    const requests = truthBytes(`${signal}_zstd`).slice(0, 5).map((bytes) => Buffer.from(bytes));
    const intake = new FakeIntake();
    await withGrpc(intake, {}, async (port) => {
      for (const algorithm of [grpc.compressionAlgorithms.identity, grpc.compressionAlgorithms.gzip]) {
        const answers = requests.map((request) => exported(port, otlpGrpcPaths[signal], request, { 'grpc.default_compression_algorithm': algorithm }));
        for (const answer of await Promise.all(answers)) expect(answer).toEqual(Buffer.alloc(0));
      }
    });
    const keys = (list: readonly Buffer[]): string[] => list.map((bytes) => bytes.toString('base64')).sort();
    expect(keys(intake.received.map(({ bytes }) => bytes))).toEqual(keys([...requests, ...requests]));
    expect(new Set(intake.received.map(({ signal: of }) => of))).toEqual(new Set([signal]));
    const zipped = intake.received.filter(({ encoding }) => encoding === 'gzip');
    expect(zipped).toHaveLength(requests.length);
    expect(zipped.every(({ compressed }) => compressed !== null)).toBe(true);
    expect(intake.refused).toEqual([]);
  });

  it.each([['zstd', zstdCompressSync(body)], ['deflate', deflateSync(body)], ['gzip', Buffer.concat([gzipSync(body.subarray(0, 9)), gzipSync(body.subarray(9))])]])('%s', async (encoding, sent) => {
    const intake = new FakeIntake();
    await withGrpc(intake, {}, async (port) => {
      expect(await rawExport(port, [encodeFrame(sent, true)], { 'grpc-encoding': encoding })).toMatchObject({ code: '0' });
    });
    expect(intake.received).toMatchObject([{ bytes: body, encoding }]);
  });

  it('a message in chunks of one byte', async () => {
    const intake = new FakeIntake();
    await withGrpc(intake, {}, async (port) => {
      const frame = encodeFrame(body, false);
      expect(await rawExport(port, Array.from(frame, (_, i) => frame.subarray(i, i + 1)))).toMatchObject({ code: '0' });
    });
    expect(intake.received[0].bytes.equals(body)).toBe(true);
  });
});

describe('what is refused', () => {
  it('what the intake says goes to the sender, with RetryInfo where it says when', async () => {
    const intake = new FakeIntake();
    await withGrpc(intake, {}, async (port) => {
      intake.answer = () => ({ status: 'RESOURCE_EXHAUSTED', message: 'the intake is full', retryAfterMs: 1500 });
      const error = await exported(port, otlpGrpcPaths.logs, body);
      if (!('metadata' in error)) throw new Error('was taken');
      expect(error).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED, details: 'the intake is full' });
      expect(decodeRetryDelayMs(Buffer.from(error.metadata.get('grpc-status-details-bin')[0]).toString('base64'))).toBe(1500);
      intake.answer = () => ({ status: 'INVALID_ARGUMENT', message: 'malformed', retryAfterMs: null });
      expect(await exported(port, otlpGrpcPaths.logs, body)).toMatchObject({ code: grpc.status.INVALID_ARGUMENT, details: 'malformed' });
    });
    expect(intake.refused).toEqual([]);
  });

  it('a signal that is not taken, saying why', async () => {
    const intake = new FakeIntake();
    const refusing = Object.assign(intake, { open: () => {
      throw new CodedError('UNIMPLEMENTED', 'signal_not_taken', 'metrics are not taken here');
    } });
    await withGrpc(refusing, {}, async (port) => {
      expect(await exported(port, otlpGrpcPaths.metrics, body)).toMatchObject({ code: grpc.status.UNIMPLEMENTED, details: 'metrics are not taken here' });
    });
    expect(intake.refused).toEqual(['signal_not_taken']);
  });

  it.each<[string, Buffer[], http2.OutgoingHttpHeaders, unknown, string, string]>([
    ['a message over the limit', [encodeFrame(Buffer.alloc(100_001), false)], {}, 200, '8', 'message_too_large'],
    ['a gzip bomb', [encodeFrame(gzipSync(Buffer.alloc(50_000_000)), true)], { 'grpc-encoding': 'gzip' }, 200, '8', 'message_too_large'],
    ['a zstd bomb', [encodeFrame(zstdCompressSync(Buffer.alloc(50_000_000)), true)], { 'grpc-encoding': 'zstd' }, 200, '8', 'message_too_large'],
    ['garbage as gzip', [encodeFrame(body, true)], { 'grpc-encoding': 'gzip' }, 200, '13', 'undecodable_message'],
    ['a cut message', [encodeFrame(body, false).subarray(0, 100)], {}, 200, '13', 'truncated_frame'],
    ['a flag that is none', [Buffer.from([9, 0, 0, 0, 0])], {}, 200, '13', 'malformed_frame'],
    ['no message', [], {}, 200, '3', 'missing_request'],
    ['two messages', [encodeFrame(body, false), encodeFrame(body, false)], {}, 200, '3', 'second_request'],
    ['an unknown encoding', [encodeFrame(body, true)], { 'grpc-encoding': 'snappy' }, 200, '12', 'unknown_encoding'],
    ['an unknown method', [encodeFrame(body, false)], { ':path': '/v1/traces' }, 200, '12', 'unknown_method'],
    ['OTLP/HTTP on this port', [body], { ':path': '/v1/traces', 'content-type': 'application/x-protobuf' }, 415, 'undefined', 'wrong_content_type'],
    ['GET', [], { ':method': 'GET' }, 405, 'undefined', 'wrong_method'],
  ])('%s', async (_, chunks, headers, httpStatus, code, reason) => {
    const intake = new FakeIntake();
    await besideGoodCall(intake, { messageBytesMax: 100_000 }, async (port) => {
      expect(await rawExport(port, chunks, headers)).toMatchObject({ httpStatus, code });
    });
    expect(intake.refused).toEqual([reason]);
  });

  it.each<[string, Buffer[]]>([
    ['a message that does not come', []],
    ['a message that does not end', [encodeFrame(body, false).subarray(0, 100)]],
    ['a call that is not closed after its message', [encodeFrame(body, false)]],
  ])('%s', async (_, chunks) => {
    const intake = new FakeIntake();
    await besideGoodCall(intake, { readTimeoutMs: 200 }, async (port) => {
      expect(await rawExport(port, chunks, {}, false)).toMatchObject({ code: '4', message: expect.stringContaining('200 ms') });
    });
    expect(intake.refused).toEqual(['slow_sender']);
  });

  it('a call that trickles is ended at its time, however often bytes come', async () => {
    const intake = new FakeIntake();
    await withGrpc(intake, { readTimeoutMs: 300 }, async (port) => {
      const session = http2.connect(`http://127.0.0.1:${port}`);
      const stream = session.request({ ':method': 'POST', ':path': otlpGrpcPaths.traces, 'content-type': 'application/grpc' });
      stream.on('error', () => {});
      stream.write(Buffer.from([0, 0, 0, 10, 0]));
      const trickle = setInterval(() => {
        if (!stream.destroyed) stream.write('x');
      }, 20);
      const [headers] = await new Promise<[http2.IncomingHttpHeaders]>((resolve) => stream.once('response', (response) => resolve([response])));
      expect(headers['grpc-status']).toBe('4');
      clearInterval(trickle);
      session.destroy();
    });
    expect(intake.refused).toEqual(['slow_sender']);
  });

  it.each(['100m', '2S'])('a call that is not answered within its %s ends with that, and its answer goes nowhere', async (timeout) => {
    const intake = new FakeIntake();
    const release = intake.hold();
    await withGrpc(intake, {}, async (port) => {
      expect(await rawExport(port, [encodeFrame(body, false)], { 'grpc-timeout': timeout })).toMatchObject({ code: '4', message: expect.stringContaining('grpc-timeout') });
      release();
    });
    expect(intake.refused).toEqual([]);
  });

  it('a client that goes away within its message', async () => {
    const intake = new FakeIntake();
    await besideGoodCall(intake, {}, async (port) => {
      const session = http2.connect(`http://127.0.0.1:${port}`);
      session.on('error', () => {});
      const stream = session.request({ ':method': 'POST', ':path': otlpGrpcPaths.traces, 'content-type': 'application/grpc' });
      stream.on('error', () => {});
      stream.write(encodeFrame(body, false).subarray(0, 100));
      await sleep(50);
      session.destroy();
      while (intake.refused.length === 0) await sleep(5);
    });
    expect(intake.refused).toEqual(['client_cancelled']);
  });

  it('a peer that speaks HTTP/1.1', async () => {
    const intake = new FakeIntake();
    await besideGoodCall(intake, {}, async (port) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.write('POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc');
      await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    });
    expect(intake.refused).toEqual(['malformed_http2']);
  });

  it('more at once than the budget holds', async () => {
    const intake = new FakeIntake();
    const release = intake.hold();
    await withGrpc(intake, {}, async (port) => {
      const large = encodeFrame(Buffer.alloc(1_900_000), false);
      const waiting = [rawExport(port, [large]), rawExport(port, [large])];
      while (intake.underWay < 2) await sleep(5);
      expect(await rawExport(port, [large])).toMatchObject({ code: '8', message: expect.stringContaining('come again') });
      release();
      for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ code: '0' });
    });
    expect(intake.refused).toEqual(['receive_buffers_full']);
  });
});

it('while it drains, calls under way are answered and the connection is told to go', async () => {
  const intake = new FakeIntake();
  const release = intake.hold();
  await withGrpc(intake, {}, async (port, server) => {
    const waiting = rawExport(port, [encodeFrame(body, false)]);
    while (intake.underWay < 1) await sleep(5);
    const drained = server.drain(5000);
    await sleep(20);
    release();
    expect(await waiting).toMatchObject({ code: '0' });
    await drained;
  });
});

it('a call that was open when the drain began, and whose message comes then, is told to come again', async () => {
  const intake = new FakeIntake();
  await withGrpc(intake, {}, async (port, server) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const stream = session.request({ ':method': 'POST', ':path': otlpGrpcPaths.traces, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    const frame = encodeFrame(body, false);
    stream.write(frame.subarray(0, 100));
    await sleep(50);
    const drained = server.drain(5000);
    stream.end(frame.subarray(100));
    const [headers] = await new Promise<[http2.IncomingHttpHeaders]>((resolve) => stream.once('response', (response) => resolve([response])));
    expect(headers['grpc-status']).toBe('14');
    expect(decodeRetryDelayMs(String(headers['grpc-status-details-bin']))).toBe(1000);
    stream.resume();
    await drained;
  });
  expect(intake.received).toEqual([]);
  expect(intake.refused).toEqual(['draining']);
});

/** Does `work` while another call is under way, which must be answered as if nothing had happened. */
async function besideGoodCall(intake: FakeIntake, limits: Parameters<typeof withGrpc>[1], work: (port: number) => Promise<void>): Promise<void> {
  const release = intake.hold();
  await withGrpc(intake, limits, async (port) => {
    const good = exported(port, otlpGrpcPaths.logs, body);
    while (intake.underWay === 0) await sleep(1);
    await work(port);
    release();
    expect(await good).toEqual(Buffer.alloc(0));
  });
  expect(intake.received.map(({ signal }) => signal)).toEqual(['logs']);
}
