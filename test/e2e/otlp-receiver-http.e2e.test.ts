import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/base/errors.ts';
import { otlpBytes } from '../support/otlp-bytes.ts';
import { parseOtlp, readTruth } from '../support/otlp-truth.ts';
import { type Answer, FakeIntake, rawExchange, request, statusOf, withHttp } from './otlp-receiver-support.ts';

const body = Buffer.alloc(5000, 'abcdefgh');
const json = { 'content-type': 'application/json' };

describe('what is taken', () => {
  it.each([
    ['identity', body, null],
    ['gzip', gzipSync(body), gzipSync(body)],
    ['x-gzip', gzipSync(body), gzipSync(body)],
    ['zstd', zstdCompressSync(body), zstdCompressSync(body)],
    ['deflate', deflateSync(body), null],
    ['deflate', deflateRawSync(body), null],
    ['GZIP', Buffer.concat([gzipSync(body.subarray(0, 100)), gzipSync(body.subarray(100))]), Buffer.concat([gzipSync(body.subarray(0, 100)), gzipSync(body.subarray(100))])],
    ['zstd', Buffer.concat([zstdCompressSync(body.subarray(0, 100)), zstdCompressSync(body.subarray(100))]), null],
  ])('a body in %s reaches the intake as its bytes', async (encoding, sent, compressed) => {
    const intake = new FakeIntake();
    await withHttp(intake, {}, async (port) => {
      const answer = await request(port, { headers: { 'content-encoding': encoding }, body: sent });
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/x-protobuf', 'content-length': '0' } });
    });
    expect(intake.received).toEqual([{ signal: 'traces', bytes: body, compressed, encoding: encoding.toLowerCase().replace('x-', '') }]);
    expect(intake.refused).toEqual([]);
  });

  it.each(['traces', 'logs', 'metrics'] as const)('%s by their path, in JSON as protobuf', async (signal) => {
    const [truth] = readTruth(`${signal}_zstd`);
    const intake = new FakeIntake();
    await withHttp(intake, { limits: { bodyBytesMax: 10_000_000, inflatedBytesMax: 10_000_000, readTimeoutMs: 10_000 } }, async (port) => {
      const answer = await request(port, { path: `/v1/${signal}`, headers: { 'content-type': 'application/json; charset=utf-8', 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify(truth)) });
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
      expect(answer.body.toString()).toBe('{}');
    });
    expect(intake.received).toMatchObject([{ signal, compressed: null, encoding: 'identity' }]);
    expect(parseOtlp(signal, intake.received[0].bytes)).toEqual(parseOtlp(signal, otlpBytes(signal, truth)));
  });

  it('an empty request', async () => {
    const intake = new FakeIntake();
    await withHttp(intake, {}, async (port) => {
      expect(await request(port, {})).toMatchObject({ status: 200 });
      expect(await request(port, { headers: json, body: Buffer.from('{}') })).toMatchObject({ status: 200 });
    });
    expect(intake.received.map(({ bytes }) => bytes.length)).toEqual([0, 0]);
  });

  it('a body in chunks of any size, after Expect: 100-continue too', async () => {
    const intake = new FakeIntake();
    await withHttp(intake, {}, async (port) => {
      const chunks = Array.from({ length: 500 }, (_, i) => body.subarray(i * 10, i * 10 + 10));
      const chunked = chunks.map((chunk) => `a\r\n${chunk.toString()}\r\n`).join('');
      const head = 'POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n';
      const said = await rawExchange(port, [head, `${chunked}0\r\n\r\n`], { ends: /200 OK/ });
      expect(said).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
    });
    expect(intake.received[0].bytes.equals(body)).toBe(true);
  });

  it('many requests of one connection, and pipelined ones in their order', async () => {
    const intake = new FakeIntake();
    await withHttp(intake, {}, async (port) => {
      const one = (path: string): string => `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 3\r\n\r\nabc`;
      const said = await rawExchange(port, [one('/v1/traces') + one('/v1/nope') + one('/v1/logs')], { ends: /200 OK[^]*200 OK/ });
      expect(said.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (let i = 0; i < 5; i++) expect(await request(port, { agent, body })).toMatchObject({ status: 200 });
      agent.destroy();
    });
    expect(intake.received).toHaveLength(7);
  });

  it('a client that would rather speak HTTP/2, as that of Java, over HTTP/1.1', async () => {
    const intake = new FakeIntake();
    await withHttp(intake, {}, async (port) => {
      const offer = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n';
      const said = await rawExchange(port, [`POST /v1/traces HTTP/1.1\r\nhost: x\r\n${offer}content-type: application/x-protobuf\r\ncontent-length: 3\r\n\r\nabc`], { ends: /HTTP\/1.1 \d+/ });
      expect(said).toMatch(/^HTTP\/1.1 200 OK/);
    });
    expect(intake.received).toMatchObject([{ bytes: Buffer.from('abc') }]);
  });

  it('a client that closes its side after its request is answered', async () => {
    const intake = new FakeIntake();
    intake.answer = async () => {
      await sleep(50);
      return { status: 'OK', message: '', retryAfterMs: null };
    };
    await withHttp(intake, {}, async (port) => {
      const said = await rawExchange(port, ['POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'], { end: true });
      expect(said).toMatch(/^HTTP\/1.1 200 OK[^]*\{\}$/);
    });
  });
});

describe('what the intake says', () => {
  it.each([
    ['INVALID_ARGUMENT', null, 400, undefined],
    ['RESOURCE_EXHAUSTED', 1500, 429, '2'],
    ['UNAVAILABLE', 1000, 503, '1'],
    ['INTERNAL', null, 500, undefined],
    ['UNIMPLEMENTED', null, 404, undefined],
  ] as const)('%s is HTTP %s', async (status, retryAfterMs, httpStatus, retryAfter) => {
    const intake = new FakeIntake();
    intake.answer = () => ({ status, message: 'why not: 100 % – später', retryAfterMs });
    await withHttp(intake, {}, async (port) => {
      for (const headers of [{}, json]) {
        const answer = await request(port, { headers, body: Buffer.from(headers === json ? '{}' : '') });
        expect(answer.status).toBe(httpStatus);
        expect(answer.headers['retry-after']).toBe(retryAfter);
        expect(answer.headers['content-type']).toBe(headers === json ? 'application/json' : 'application/x-protobuf');
        expect(statusOf(answer).message).toBe('why not: 100 % – später');
      }
    });
    // What the intake refuses it counts itself.
    expect(intake.refused).toEqual([]);
  });

  it('a signal that is not taken is refused before its body is read', async () => {
    const intake = new FakeIntake();
    const open = () => {
      throw new CodedError('UNIMPLEMENTED', 'signal_not_taken', 'metrics are not taken here');
    };
    await withHttp(intake, { open }, async (port) => {
      const answer = await request(port, { path: '/v1/metrics', body });
      expect([answer.status, statusOf(answer)]).toEqual([404, { code: 12, message: 'metrics are not taken here' }]);
    });
    expect(intake.refused).toEqual(['signal_not_taken']);
  });
});

describe('what is refused', () => {
  const bomb = Buffer.alloc(20_000_000);
  const garbage = Buffer.from('this is no compressed data at all');

  it.each<[string, Parameters<typeof request>[1], number, string, number, Record<string, string>?]>([
    ['another path', { path: '/v1/spans' }, 404, 'unknown_path', 5],
    ['another path in JSON', { path: '/', headers: json }, 404, 'unknown_path', 5],
    ['GET', { method: 'GET' }, 405, 'wrong_method', 12, { allow: 'POST' }],
    ['a preflight where CORS is off', { method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' } }, 405, 'wrong_method', 12],
    ['no content-type', { headers: { 'content-type': '' } }, 415, 'wrong_content_type', 3],
    ['text', { headers: { 'content-type': 'text/plain' } }, 415, 'wrong_content_type', 3],
    ['brotli', { headers: { 'content-encoding': 'br' } }, 415, 'unknown_encoding', 3, { 'accept-encoding': 'identity, gzip, deflate, zstd' }],
    ['two encodings', { headers: { 'content-encoding': 'gzip, zstd' } }, 415, 'unknown_encoding', 3],
    ['a body over the limit', { body: Buffer.alloc(100_001) }, 413, 'message_too_large', 8],
    ['a body over the limit in chunks', { body: Buffer.alloc(3_000_000), headers: { 'transfer-encoding': 'chunked' } }, 413, 'message_too_large', 8],
    ['a gzip bomb', { body: gzipSync(bomb), headers: { 'content-encoding': 'gzip' } }, 413, 'message_too_large', 8],
    ['a zstd bomb', { body: zstdCompressSync(bomb), headers: { 'content-encoding': 'zstd' } }, 413, 'message_too_large', 8],
    ['a deflate bomb', { body: deflateSync(bomb), headers: { 'content-encoding': 'deflate' } }, 413, 'message_too_large', 8],
    ['a raw deflate bomb', { body: deflateRawSync(bomb), headers: { 'content-encoding': 'deflate' } }, 413, 'message_too_large', 8],
    ['a zstd bomb of frames', { body: Buffer.concat([1, 2, 3].map(() => zstdCompressSync(bomb.subarray(0, 99_000)))), headers: { 'content-encoding': 'zstd' } }, 413, 'message_too_large', 8],
    ['garbage as gzip', { body: garbage, headers: { 'content-encoding': 'gzip' } }, 400, 'undecodable_message', 3],
    ['garbage as zstd', { body: garbage, headers: { 'content-encoding': 'zstd' } }, 400, 'undecodable_message', 3],
    ['garbage as deflate', { body: garbage, headers: { 'content-encoding': 'deflate' } }, 400, 'undecodable_message', 3],
    ['cut gzip', { body: gzipSync(body).subarray(0, 20), headers: { 'content-encoding': 'gzip' } }, 400, 'undecodable_message', 3],
    ['an empty body as gzip', { headers: { 'content-encoding': 'gzip' } }, 400, 'undecodable_message', 3],
    ['no JSON', { body: Buffer.from('{"resourceSpans": ['), headers: json }, 400, 'malformed_json', 3],
    ['an empty body as JSON', { headers: json }, 400, 'malformed_json', 3],
    ['the same key twice', { body: Buffer.from('{"resourceSpans":[],"resourceSpans":[]}'), headers: json }, 400, 'duplicate_key', 3],
    ['a huge number', { body: Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"18446744073709551616"}]}]}]}'), headers: json }, 400, 'out_of_range', 3],
    ['values 3,000 deep in JSON', { body: nestedJson(3000), headers: json }, 400, 'nested_too_deep', 3],
  ])('%s', async (_, sent, status, reason, code, headers = {}) => {
    const intake = new FakeIntake();
    await withHttp(intake, {}, async (port) => {
      const answer = await besideGoodRequest(port, intake, () => request(port, sent));
      expect(statusOf(answer).code).toBe(code);
      expect(statusOf(answer).message).not.toBe('');
      expect(answer).toMatchObject({ status, headers: { 'content-type': sent.headers?.['content-type'] === undefined ? 'application/x-protobuf' : 'application/json', ...headers } });
    });
    expect(intake.refused).toEqual([reason]);
    expect(intake.received).toHaveLength(1);
  });

  it.each<[string, string, boolean, RegExp, string]>([
    ['a body that is cut short', 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 10\r\n\r\nabc', true, /^HTTP\/1.1 400 [^]*closed within/, 'truncated_request'],
    ['a head that is cut short', 'POST /v1/traces HTT', true, /^HTTP\/1.1 400 [^]*closed within/, 'truncated_request'],
    ['chunks that are none', 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', false, /^HTTP\/1.1 400 /, 'malformed_http'],
    ['two lengths', 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', false, /^HTTP\/1.1 400 /, 'malformed_http'],
    ['no HTTP', 'hello there\r\n\r\n', false, /^HTTP\/1.1 400 /, 'malformed_http'],
    ['HTTP/2, as gRPC has it', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', false, /^HTTP\/1.1 400 [^]*gRPC has a port of its own/, 'http2_preface'],
    ['a head of 20 kB', `POST /v1/traces HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, false, /^HTTP\/1.1 431 /, 'headers_too_large'],
    ['a head that does not end', 'POST /v1/traces HTTP/1.1\r\nhost: x\r\n', false, /^HTTP\/1.1 408 /, 'request_timeout'],
    ['a body that does not come', 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\nabc', false, /^HTTP\/1.1 408 [^]*"code":4/, 'request_timeout'],
  ])('%s', async (_, sent, end, expected, reason) => {
    const intake = new FakeIntake();
    await withHttp(intake, { limits: { bodyBytesMax: 1000, inflatedBytesMax: 1000, readTimeoutMs: 300 } }, async (port) => {
      expect(await rawExchange(port, [sent], { end })).toMatch(expected);
    });
    expect(intake.refused).toEqual([reason]);
    expect(intake.received).toEqual([]);
  });

  it('a body that trickles is cut at its time, however often bytes come', async () => {
    const intake = new FakeIntake();
    await withHttp(intake, { limits: { bodyBytesMax: 1000, inflatedBytesMax: 1000, readTimeoutMs: 400 } }, async (port) => {
      const sent = http.request({ host: '127.0.0.1', port, path: '/v1/traces', method: 'POST', headers: { 'content-type': 'application/x-protobuf', 'content-length': 900 } });
      sent.on('error', () => {});
      const answered = new Promise<number | undefined>((resolve) => sent.on('response', (response) => resolve(response.statusCode)));
      const trickle = setInterval(() => sent.write('x'), 20);
      expect(await answered).toBe(408);
      clearInterval(trickle);
      sent.destroy();
    });
    expect(intake.refused).toEqual(['request_timeout']);
  });

  it.each(['truncated_request', 'client_gone'])('a client that goes away within its body is counted (%s), and what it held is given back', async (reason) => {
    const intake = new FakeIntake();
    await withHttp(intake, {}, async (port, _, budget) => {
      const sent = http.request({ host: '127.0.0.1', port, path: '/v1/traces', method: 'POST', headers: { 'content-type': 'application/x-protobuf', 'content-length': 50_000 } });
      sent.on('error', () => {});
      sent.write(Buffer.alloc(20_000));
      while (budget.bytes < 20_000) await sleep(2);
      if (reason === 'truncated_request') sent.destroy();
      else if (sent.socket instanceof net.Socket) sent.socket.resetAndDestroy();
      while (budget.bytes > 0) await sleep(2);
    });
    expect(intake.refused).toEqual([reason]);
  });

  it('more at once than the budget holds: 429, and room again when others are answered', async () => {
    const intake = new FakeIntake();
    const release = intake.hold();
    await withHttp(intake, {}, async (port) => {
      const waiting = Array.from({ length: 38 }, () => request(port, { body: Buffer.alloc(99_000) }));
      while (intake.underWay < 38) await sleep(5);
      const answer = await request(port, { body: Buffer.alloc(99_000) });
      expect([answer.status, answer.headers['retry-after'], statusOf(answer).code]).toEqual([429, '1', 8]);
      release();
      expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array.from({ length: 38 }, () => 200));
      expect(await request(port, { body: Buffer.alloc(99_000) })).toMatchObject({ status: 200 });
    });
    expect(intake.refused).toEqual(['receive_buffers_full']);
  });

  it('more connections than there may be are closed and counted', async () => {
    const intake = new FakeIntake();
    await withHttp(intake, { limits: { bodyBytesMax: 1000, inflatedBytesMax: 1000, readTimeoutMs: 5000, connectionsMax: 1 } }, async (port) => {
      const agent = new http.Agent({ keepAlive: true });
      expect(await request(port, { agent })).toMatchObject({ status: 200 });
      await expect(request(port, {})).rejects.toThrow();
      expect(await request(port, { agent })).toMatchObject({ status: 200 });
      agent.destroy();
    });
    expect(intake.refused).toEqual(['too_many_connections']);
  });
});

/** An attribute whose value is arrays in arrays. */
function nestedJson(depth: number): Buffer {
  return Buffer.from(`{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":${'{"arrayValue":{"values":['.repeat(depth)}${']}}'.repeat(depth)}}]}}]}`);
}

/** Does `work` while another request is under way, which must be answered as if nothing had happened. */
async function besideGoodRequest(port: number, intake: FakeIntake, work: () => Promise<Answer>): Promise<Answer> {
  const release = intake.hold();
  const good = request(port, { path: '/v1/logs', body });
  while (intake.underWay === 0) await sleep(1);
  const answer = await work();
  release();
  expect(await good).toMatchObject({ status: 200 });
  return answer;
}
