import { expect, test } from 'vitest';
import protobuf from 'protobufjs';
import { partialSuccessOf, partialSuccessOfJson, statusMessageOf, statusMessageOfJson } from '../../../src/exporters/otlp-response.ts';

const none = { rejected: 0, message: '' };
const partial = (rejected: number, message: string): Uint8Array => protobuf.Writer.create().uint32(0x0a).fork().uint32(0x08).int64(rejected).uint32(0x12).string(message).ldelim().finish();

test('partial success of protobuf', () => {
  expect(partialSuccessOf(partial(7, 'no'))).toEqual({ rejected: 7, message: 'no' });
  expect(partialSuccessOf(partial(-7, ''))).toEqual(none);
  expect(partialSuccessOf(partial(1, 'x'.repeat(5000))).message.length).toBe(1000);
  for (const bytes of ['', '0a', '0aff', '0a020802ff', 'ffffffffffffffffffffff', '0a03120201', '08']) expect(partialSuccessOf(Buffer.from(bytes, 'hex')).rejected).toBe(0);
});

test('partial success of JSON', () => {
  const read = (text: string): unknown => partialSuccessOfJson(text);
  expect(read('{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}')).toEqual({ rejected: 3, message: 'no' });
  expect(read('{"partialSuccess":{"rejectedDataPoints":4}}')).toEqual({ rejected: 4, message: '' });
  for (const text of ['', '{', 'null', '[]', '5', '{"partialSuccess":null}', '{"partialSuccess":{"rejectedSpans":"-1"}}', '{"partialSuccess":{"rejectedSpans":{},"errorMessage":5}}', '{"partialSuccess":{"rejectedSpans":1e400}}']) {
    expect(read(text)).toEqual(none);
  }
});

test('a status\'s message', () => {
  expect(statusMessageOf(protobuf.Writer.create().uint32(0x08).int32(3).uint32(0x12).string('bad').finish())).toBe('bad');
  expect(statusMessageOf(Uint8Array.of(0x12, 0x05))).toBe('');
  expect(statusMessageOfJson('{"message":"bad"}')).toBe('bad');
  expect(statusMessageOfJson('{"message":{}}')).toBe('');
});
