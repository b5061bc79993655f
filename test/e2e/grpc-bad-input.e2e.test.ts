import http2 from 'node:http2';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/grpc/framing.ts';
import { encodeBatchArrowRecords } from '../../src/otap/proto/batch-arrow-records.ts';
import { decodeBatchStatus } from '../../src/otap/proto/batch-status.ts';
import { otapPaths } from '../../src/otap/proto/services.ts';
import { RecordingIntake, withReceiver } from './grpc-support.ts';

const messageBytesMax = 100_000;

/** What an HTTP/2 client saw of one request. */
interface Seen {
  headers: http2.IncomingHttpHeaders;
  trailers: http2.IncomingHttpHeaders;
  body: Buffer;
  rstCode: number;
}

/** Opens a request with headers that may be wrong; `seen` resolves when the stream is closed. */
function request(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders = {}): { stream: http2.ClientHttp2Stream; seen: Promise<Seen> } {
  const stream = session.request({ ':method': 'POST', ':path': otapPaths.traces, 'content-type': 'application/grpc', te: 'trailers', ...headers });
  const seen: Seen = { headers: {}, trailers: {}, body: Buffer.alloc(0), rstCode: 0 };
  stream.on('response', (response) => (seen.headers = response));
  stream.on('trailers', (trailers) => (seen.trailers = trailers));
  stream.on('data', (chunk: Buffer) => (seen.body = Buffer.concat([seen.body, chunk])));
  stream.on('error', () => {});
  return { stream, seen: new Promise((resolve) => stream.once('close', () => resolve({ ...seen, rstCode: stream.rstCode ?? 0 }))) };
}

/** grpc-status and grpc-message, from the trailers or from a response of headers alone. */
function statusOf(seen: Seen): [string, string] {
  const from = seen.trailers['grpc-status'] === undefined ? seen.headers : seen.trailers;
  return [String(from['grpc-status']), decodeURIComponent(String(from['grpc-message'] ?? ''))];
}

function batch(id: bigint, bytes = 100): Uint8Array {
  return encodeBatchArrowRecords(id, [{ schemaId: '1', type: 40, record: [new Uint8Array(bytes).fill(7)] }]);
}

/** Sends `work`'s request beside a well-behaved stream, which must go on as if nothing had happened. */
async function besideGoodStream(work: (session: http2.ClientHttp2Session, port: number) => Promise<void>, limits = {}): Promise<RecordingIntake> {
  const intake = new RecordingIntake();
  await withReceiver(intake, { messageBytesMax, ...limits }, async (port) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const good = request(session);
    good.stream.write(encodeFrame(batch(1n), false));
    while (intake.received.length < 1) await sleep(1);
    await work(session, port);
    good.stream.end(encodeFrame(batch(2n), false));
    const seen = await good.seen;
    session.close();
    expect(statusOf(seen)).toEqual(['0', '']);
    expect(seen.body).toEqual(Buffer.concat([1n, 2n].map((id) => statusFrame(id))));
  });
  expect(intake.opened).toBe(intake.closed);
  return intake;
}

function statusFrame(id: bigint): Buffer {
  return encodeFrame(Uint8Array.of(0x08, Number(id)), false);
}

describe('bad input', () => {
  const bomb = Buffer.alloc(50_000_000);
  const garbage = Buffer.from('this is no compressed data at all');
  const twoFrames = Buffer.concat([zstdCompressSync(batch(5n).subarray(0, 40)), zstdCompressSync(batch(5n).subarray(40))]);

  it.each<[string, http2.OutgoingHttpHeaders, Buffer, [string, RegExp]]>([
    ['wrong protobuf', {}, encodeFrame(Uint8Array.of(0x12, 0x7f, 1), false), ['3', /malformed protobuf/]],
    ['a message over the limit', {}, encodeFrame(batch(1n, messageBytesMax), false), ['8', /limit of 100000/]],
    ['a length of 4 GB', {}, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]), ['8', /4294967295 bytes/]],
    ['a flag that is neither 0 nor 1', {}, Buffer.from([7, 0, 0, 0, 0]), ['13', /flag is 7/]],
    ['a zstd bomb', { 'grpc-encoding': 'zstd' }, encodeFrame(zstdCompressSync(bomb), true), ['8', /limit of 100000/]],
    ['a gzip bomb', { 'grpc-encoding': 'gzip' }, encodeFrame(gzipSync(bomb), true), ['8', /limit of 100000/]],
    ['garbage as zstd', { 'grpc-encoding': 'zstdarrow5' }, encodeFrame(garbage, true), ['13', /zstd/]],
    ['garbage as gzip', { 'grpc-encoding': 'gzip' }, encodeFrame(garbage, true), ['13', /gzip/]],
    ['garbage as deflate', { 'grpc-encoding': 'deflate' }, encodeFrame(garbage, true), ['13', /deflate/]],
    ['a cut zstd frame', { 'grpc-encoding': 'zstd' }, encodeFrame(zstdCompressSync(batch(1n)).subarray(0, 20), true), ['13', /zstd/]],
    ['an empty zstd message', { 'grpc-encoding': 'zstd' }, encodeFrame(Buffer.alloc(0), true), ['0', /^$/]],
    ['a compressed message without encoding', {}, encodeFrame(zstdCompressSync(batch(1n)), true), ['13', /identity/]],
    ['a cut message', {}, encodeFrame(batch(1n), false).subarray(0, 30), ['13', /ended inside a message/]],
    ['a cut length prefix', {}, Buffer.from([0, 0]), ['13', /ended inside a message/]],
    ['an unknown encoding', { 'grpc-encoding': 'snappy' }, encodeFrame(batch(1n), true), ['12', /snappy/]],
    ['an unknown method', { ':path': '/no.Such/Method' }, encodeFrame(batch(1n), false), ['12', /unknown method/]],
    ['a malformed timeout', { 'grpc-timeout': '5 weeks' }, encodeFrame(batch(1n), false), ['13', /grpc-timeout/]],
  ])('answers %s with its status; the stream beside it is unharmed', async (_, headers, body, [code, message]) => {
    await besideGoodStream(async (session) => {
      const { stream, seen } = request(session, headers);
      stream.end(body);
      const result = await seen;
      expect(result.headers[':status']).toBe(200);
      expect(result.headers['grpc-accept-encoding']).toContain('zstdarrow5');
      expect(statusOf(result)).toEqual([code, expect.stringMatching(message)]);
    });
  });

  it('reads a message of two zstd frames whole', async () => {
    const intake = await besideGoodStream(async (session) => {
      const { stream, seen } = request(session, { 'grpc-encoding': 'zstd' });
      stream.end(encodeFrame(twoFrames, true));
      expect(statusOf(await seen)).toEqual(['0', '']);
    });
    const whole = intake.received.find(({ bytes }) => bytes.equals(batch(5n)));
    expect(whole).toMatchObject({ compressed: null });
    expect(intake.events.map(({ wireBytes }) => wireBytes)).toContain(twoFrames.length);
  });

  it.each<[string, http2.OutgoingHttpHeaders, number]>([
    ['another content type', { 'content-type': 'application/json' }, 415],
    ['gRPC-Web', { 'content-type': 'application/grpc-web+proto' }, 415],
    ['no content type', { 'content-type': '' }, 415],
    ['GET', { ':method': 'GET' }, 405],
  ])('answers %s with an HTTP status', async (_, headers, status) => {
    await besideGoodStream(async (session) => {
      const { stream, seen } = request(session, headers);
      stream.end();
      expect((await seen).headers[':status']).toBe(status);
    });
  });

  it('stops a client that goes on sending after its stream was refused', async () => {
    await besideGoodStream(async (session) => {
      const { stream, seen } = request(session, { 'grpc-encoding': 'snappy' });
      const flood = setInterval(() => {
        if (!stream.destroyed) stream.write(Buffer.alloc(10_000));
      }, 1);
      const result = await seen;
      clearInterval(flood);
      expect(statusOf(result)[0]).toBe('12');
      expect(result.rstCode).toBe(http2.constants.NGHTTP2_NO_ERROR);
    });
  });

  it('ends a half-closed stream with OK and answers what came before', async () => {
    await besideGoodStream(async (session) => {
      const { stream, seen } = request(session);
      stream.end(encodeFrame(batch(9n), false));
      const result = await seen;
      expect(statusOf(result)).toEqual(['0', '']);
      expect(decodeBatchStatus(result.body.subarray(5)).batchId).toBe(9n);
    });
  });

  it('ends an empty stream with OK', async () => {
    await besideGoodStream(async (session) => {
      const { stream, seen } = request(session);
      stream.end();
      expect(statusOf(await seen)).toEqual(['0', '']);
    });
  });

  it('lets go of a stream whose client resets it', async () => {
    const intake = await besideGoodStream(async (session) => {
      const { stream, seen } = request(session);
      stream.write(encodeFrame(batch(3n), false).subarray(0, 50));
      await sleep(20);
      stream.close(http2.constants.NGHTTP2_CANCEL);
      await seen;
      await sleep(20);
    });
    expect(intake.closed).toBe(2);
  });

  it('ends a call at its deadline', async () => {
    await besideGoodStream(async (session) => {
      const { stream, seen } = request(session, { 'grpc-timeout': '50m' });
      stream.write(encodeFrame(batch(3n), false));
      expect(statusOf(await seen)[0]).toBe('4');
    });
  });

  it('ends a stream within whose message nothing more comes; one that rests between messages stays', async () => {
    await besideGoodStream(async (session) => {
      const { stream, seen } = request(session);
      stream.write(Buffer.concat([encodeFrame(batch(3n), false), encodeFrame(batch(4n), false).subarray(0, 50)]));
      const result = await seen;
      expect(statusOf(result)).toEqual(['4', expect.stringContaining('150 ms')]);
      expect(result.body).toEqual(statusFrame(3n));
    }, { readTimeoutMs: 150 });
  });

  it('keeps to the number of streams of one connection', async () => {
    await besideGoodStream(async (session) => {
      const open = [request(session), request(session)];
      for (const { stream } of open) stream.write(encodeFrame(batch(3n), false));
      await sleep(50);
      expect(session.remoteSettings.maxConcurrentStreams).toBe(3);
      for (const { stream } of open) stream.end();
      for (const { seen } of open) expect(statusOf(await seen)[0]).toBe('0');
    }, { streamsPerConnectionMax: 3 });
  });

  it('survives a peer that does not speak HTTP/2', async () => {
    await besideGoodStream(async (_, port) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n'.repeat(10));
      socket.resume();
      await closed;
    });
  });

  it('closes a connection that does not answer pings', async () => {
    await besideGoodStream(async (_, port) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    }, { pingIntervalMs: 100, pingTimeoutMs: 100 });
  });

  it('sends a connection away that has had no stream for long', async () => {
    await besideGoodStream(async (_, port) => {
      const idle = http2.connect(`http://127.0.0.1:${port}`);
      const goaway = new Promise<number>((resolve) => idle.once('goaway', resolve));
      const closed = new Promise<void>((resolve) => idle.once('close', resolve));
      expect(await goaway).toBe(http2.constants.NGHTTP2_NO_ERROR);
      await closed;
    }, { idleMs: 100 });
  });

  it('bounds what is unread over all streams, and has the room again when they are gone', async () => {
    await besideGoodStream(async (session) => {
      const cut = encodeFrame(batch(1n, 60_000), false).subarray(0, 50_000);
      for (let round = 0; round < 3; round++) {
        const streams = [request(session), request(session), request(session)];
        for (const { stream } of streams) stream.write(cut);
        const refused = await Promise.race(streams.map(async ({ seen }) => seen));
        expect(statusOf(refused)).toEqual(['8', expect.stringContaining('too many unread messages')]);
        expect(refused.headers['grpc-status-details-bin']).toBeDefined();
        for (const { stream, seen } of streams) {
          stream.close(http2.constants.NGHTTP2_CANCEL);
          await seen;
        }
        await sleep(20);
      }
      const { stream, seen } = request(session);
      stream.end(encodeFrame(batch(3n, 90_000), false));
      expect(statusOf(await seen)).toEqual(['0', '']);
    }, { unreadBytesMax: 120_000 });
  });

  it('holds a bounded part of what a sender pushes at a receiver that does not read', async () => {
    const intake = new RecordingIntake();
    intake.answer = () => new Promise(() => {});
    await withReceiver(intake, { messageBytesMax, streamWindowBytes: 200_000 }, async (port) => {
      const session = http2.connect(`http://127.0.0.1:${port}`);
      session.on('error', () => {});
      const { stream } = request(session);
      for (let id = 1n; id <= 100n; id++) stream.write(encodeFrame(batch(id, 50_000), false));
      await sleep(300);
      expect(intake.received).toHaveLength(4);
      const sent = 100 * 50_000 - stream.writableLength;
      expect(sent).toBeLessThan(4 * 50_000 + 200_000 + 200_000);
    });
  });
});
