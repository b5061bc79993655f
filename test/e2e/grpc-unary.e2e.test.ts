import grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../src/base/errors.ts';
import { realSeam } from '../../src/base/seam.ts';
import { decodeRetryDelayMs } from '../../src/grpc/retry-info.ts';
import { GrpcServer } from '../../src/grpc/server.ts';
import { silentLogger } from '../../src/telemetry/log.ts';

const path = '/test.Echo/Echo';
const raw = (bytes: Buffer): Buffer => bytes;

describe('unary calls from grpc-js', () => {
  let server: GrpcServer;
  let client: grpc.Client;
  let port = 0;

  beforeEach(async () => {
    server = new GrpcServer({ seam: realSeam(), log: silentLogger, limits: { messageBytesMax: 10_000_000 } });
    server.addUnaryMethod(path, async ({ bytes, encoding }, call) => {
      const command = Buffer.from(bytes.subarray(0, 6)).toString();
      if (command === 'refuse') throw new CodedError('RESOURCE_EXHAUSTED', 'full', 'memory is full: 100 % – später', { retryAfterMs: 1500 });
      if (command === 'later!') await new Promise((resolve) => setTimeout(resolve, bytes.length % 10));
      if (command === 'break!') throw new Error('secret');
      if (command === 'never!') await new Promise((_, reject) => call.signal.addEventListener('abort', () => reject(call.signal.reason)));
      return Buffer.concat([Buffer.from(`${encoding} ${call.headers['x-key'] ?? ''} `), bytes]);
    });
    port = await server.listen('127.0.0.1', 0);
    client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
  });

  afterEach(async () => {
    client.close();
    await server.drain(1000);
  });

  function call(request: Buffer, options: grpc.CallOptions = {}, from = client): Promise<Buffer | grpc.ServiceError> {
    const metadata = new grpc.Metadata();
    metadata.set('x-key', 'value');
    return new Promise((resolve) => {
      from.makeUnaryRequest(path, raw, raw, request, metadata, options, (error, response) => resolve(error ?? response ?? Buffer.alloc(0)));
    });
  }

  it.each([0, 1, 100_000, 5_000_000])('answers %i bytes', async (length) => {
    const request = Buffer.alloc(length, 'ab');
    const answer = await call(request);
    if (!(answer instanceof Buffer)) throw answer;
    expect(answer.equals(Buffer.concat([Buffer.from('identity value '), request]))).toBe(true);
  });

  it('reads gzip', async () => {
    const zipping = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
    expect(await call(Buffer.alloc(50_000, 7), {}, zipping)).toEqual(Buffer.concat([Buffer.from('gzip value '), Buffer.alloc(50_000, 7)]));
    zipping.close();
  });

  it('leaves a message alone until its handler is done, and not only until the next one comes', async () => {
    for (let round = 0; round < 3; round++) {
      const requests = Array.from({ length: 40 }, (_, index) => Buffer.concat([Buffer.from('later!'), Buffer.alloc(100_000 + index * 1237, index + round)]));
      const answers = await Promise.all(requests.map((request) => call(request)));
      for (const [index, answer] of answers.entries()) {
        if (!(answer instanceof Buffer)) throw answer;
        expect(answer.equals(Buffer.concat([Buffer.from('identity value '), requests[index]])), String(index)).toBe(true);
      }
    }
  });

  it('serves many calls of one connection at once', async () => {
    const requests = Array.from({ length: 300 }, (_, index) => Buffer.alloc(1000 + index, index % 256));
    const answers = await Promise.all(requests.map((request) => call(request)));
    expect(answers).toEqual(requests.map((request) => Buffer.concat([Buffer.from('identity value '), request])));
  });

  it('answers a CodedError with its status, message and RetryInfo', async () => {
    const error = await call(Buffer.from('refuse'));
    if (!('metadata' in error)) throw new Error('was answered');
    expect(error).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED, details: 'memory is full: 100 % – später' });
    const [details] = error.metadata.get('grpc-status-details-bin');
    expect(decodeRetryDelayMs(Buffer.from(details).toString('base64'))).toBe(1500);
  });

  it('answers any other error without what it says', async () => {
    expect(await call(Buffer.from('break!'))).toMatchObject({ code: grpc.status.INTERNAL, details: 'internal error' });
  });

  it('ends a call at its deadline and lets the handler know', async () => {
    expect(await call(Buffer.from('never!'), { deadline: Date.now() + 100 })).toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
  });

  it.each([[0, 'without a message'], [2, 'with two messages']])('refuses a unary call with %i messages', async (count, message) => {
    const stream = client.makeBidiStreamRequest(path, raw, raw);
    for (let sent = 0; sent < count; sent++) stream.write(Buffer.from('one'));
    stream.end();
    stream.on('error', () => {});
    stream.resume();
    const status = await new Promise<grpc.StatusObject>((resolve) => stream.on('status', resolve));
    expect(status).toMatchObject({ code: grpc.status.INVALID_ARGUMENT, details: `a unary call ${message}` });
  });
});
