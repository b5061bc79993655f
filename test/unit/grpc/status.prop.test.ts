import grpc from '@grpc/grpc-js';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { CodedError, statusNumbers, type StatusName } from '../../../src/base/errors.ts';
import { passFrames } from '../../../src/grpc/client-frames.ts';
import { decodeRetryDelayMs, encodeRetryDetails } from '../../../src/grpc/retry-info.ts';
import { encodeStatusMessage, parseTimeoutMs, statusOfError, statusOfNumber } from '../../../src/grpc/status.ts';

const rpcTypes = protobuf.parse(`syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }`).root;

describe('grpc-message', () => {
  it('survives any text, in printable ASCII', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (message) => {
      const encoded = encodeStatusMessage(message);
      expect(encoded).toMatch(/^[ -~]*$/);
      expect(decodeURIComponent(encoded)).toBe(message);
    }));
  });

  it('is bounded', () => {
    expect(encodeStatusMessage('x'.repeat(100_000))).toHaveLength(1024);
  });
});

describe('grpc-timeout', () => {
  it.each([['1H', 3_600_000], ['2M', 120_000], ['30S', 30_000], ['5000m', 5000], ['99999999u', 99_999.999], ['1n', 1e-6]])('%s', (header, ms) => {
    expect(parseTimeoutMs(header)).toBeCloseTo(ms);
  });

  it.each(['', '5', 'S', '123456789S', '-1S', '1.5S', '5 S', '5s'])('refuses %j', (header) => {
    expect(() => parseTimeoutMs(header)).toThrow(CodedError);
  });
});

describe('status', () => {
  it('gives an unknown number as UNKNOWN', () => {
    expect(statusOfNumber(8)).toBe('RESOURCE_EXHAUSTED');
    expect(statusOfNumber(99)).toBe('UNKNOWN');
    for (const [name, number] of Object.entries(statusNumbers)) {
      expect(statusOfNumber(number)).toBe(name);
      expect(grpc.status[name as StatusName]).toBe(number);
    }
  });

  it('keeps the text of errors that are not for outsiders', () => {
    expect(statusOfError(new Error('secret'))).toEqual({ status: 'INTERNAL', message: 'internal error', retryAfterMs: null });
  });
});

describe('RetryInfo', () => {
  it('is read by reflection as google.rpc.Status, and comes back', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10_000_000 }), (ms) => {
      const header = encodeRetryDetails('RESOURCE_EXHAUSTED', 'full', ms);
      const status = rpcTypes.lookupType('Status').toObject(rpcTypes.lookupType('Status').decode(Buffer.from(header, 'base64')));
      expect(status).toMatchObject({ code: 8, message: 'full', details: [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: expect.anything() }] });
      const details = status['details'] as { value: Uint8Array }[];
      const info = rpcTypes.lookupType('RetryInfo').toObject(rpcTypes.lookupType('RetryInfo').decode(details[0].value), { longs: Number, defaults: true });
      const delay = info['retryDelay'] as { seconds: number; nanos: number };
      expect(delay.seconds * 1000 + delay.nanos / 1e6).toBe(ms);
      expect(decodeRetryDelayMs(header)).toBe(ms);
    }));
  });

  it('is null where it is missing or malformed', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const delay = decodeRetryDelayMs(Buffer.from(bytes).toString('base64'));
      expect(delay === null || delay >= 0).toBe(true);
    }));
    const other = protobuf.Writer.create().uint32(0x08).int32(8).finish();
    expect(decodeRetryDelayMs(Buffer.from(other).toString('base64'))).toBeNull();
  });
});

describe('passFrames', () => {
  it('refuses a client that is built otherwise than grpc-js 1.14', () => {
    const client = new grpc.Client('127.0.0.1:1', grpc.credentials.createInsecure());
    passFrames(client);
    expect(() => passFrames(client)).toThrow(/use 1\.14/);
    client.close();
  });
});
