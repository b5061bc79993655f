import { describe, expect, test } from 'vitest';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { OtapDecodeError } from '../../../src/otap/decode/errors.ts';
import { BatchValidator } from '../../../src/otap/decode/validate.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { OtlpDecodeError } from '../../../src/otlp/decode/errors.ts';
import { field, varint } from '../../support/otlp-fields.ts';

const text = (value: string): Uint8Array => Buffer.from(value);
/** A request of one item with these fields. */
const request = (...fields: readonly (Uint8Array | readonly number[])[]): Uint8Array => field(1, field(2, field(2, ...fields)));
const attribute = (key: string, ...value: readonly (Uint8Array | readonly number[])[]): Uint8Array => field(9, field(1, text(key)), field(2, ...value));

/** Reads everything of a request; the reason of what is thrown, null for none. */
function reasonOf(signal: Signal, bytes: Uint8Array): string | null {
  try {
    new BatchValidator().validate(decodeOtlp(signal, bytes));
    return null;
  } catch (error) {
    if (error instanceof OtapDecodeError && !error.streamBroken) return error.reason;
    throw error;
  }
}

/** An AnyValue in `depth` arrays, or maps. */
function nested(depth: number, isMap: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const prepend = (bytes: Uint8Array): void => {
    parts.unshift(bytes);
    length += bytes.length;
  };
  prepend(Uint8Array.of(0x18, 1));
  for (let level = 0; level < depth; level++) {
    if (isMap) prepend(Buffer.concat([field(1, text('k')), varint(0x12), varint(length)]));
    prepend(Buffer.concat([varint(0x0a), varint(length)]));
    prepend(Buffer.concat([varint(isMap ? 0x32 : 0x2a), varint(length)]));
  }
  return Buffer.concat(parts);
}

const goodId = new Uint8Array(16).fill(7);

describe('what is refused', () => {
  const spans: readonly (readonly [string, string, Uint8Array])[] = [
    ['no tag', 'malformed_protobuf', Uint8Array.of(0xff)],
    ['field 0', 'malformed_protobuf', Uint8Array.of(0, 0)],
    ['a field number over 2^29', 'malformed_protobuf', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0)],
    ['a length without its bytes', 'malformed_protobuf', Uint8Array.of(0x0a, 5, 1)],
    ['a length of 2^40', 'malformed_protobuf', Uint8Array.of(0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)],
    ['a length that never ends', 'malformed_protobuf', Uint8Array.of(0x0a, ...new Array<number>(12).fill(0x80))],
    ['a varint of eleven bytes', 'malformed_protobuf', request([0x30, ...new Array<number>(10).fill(0x80), 1])],
    ['a varint cut off', 'malformed_protobuf', request([0x30, 0x80])],
    ['a fixed64 cut off', 'malformed_protobuf', request([0x39, 1, 2, 3])],
    ['a fixed32 cut off', 'malformed_protobuf', request([0x85, 0x01, 1])],
    ['a group', 'malformed_protobuf', request([0xa3, 0x06, 0xa4, 0x06])],
    ['the end of a group', 'malformed_protobuf', request([0xa4, 0x06])],
    ['wire type 6', 'malformed_protobuf', request([0xa6, 0x06, 0])],
    ['a resource that is a number', 'malformed_protobuf', field(1, [0x08, 1])],
    ['a name that is a number', 'malformed_protobuf', request([0x28, 1])],
    ['a start that is a varint', 'malformed_protobuf', request([0x38, 1])],
    ['an attribute that is a number', 'malformed_protobuf', request([0x48, 1])],
    ['a field of an inner message that leaves it', 'malformed_protobuf', request(field(11, [0x12, 9]))],
    ['a key that is a number', 'malformed_protobuf', request(field(9, [0x08, 1]))],
    ['a key that leaves its attribute', 'malformed_protobuf', request(field(9, [0x0a, 3, 65]), field(5, text('behind')))],
    ['a value whose string is a varint', 'malformed_protobuf', request(attribute('k', [0x08, 1]))],
    ['a value that leaves its attribute', 'malformed_protobuf', request(field(9, [0x12, 4, 0x0a, 9, 65, 65]), field(5, text('far far behind')))],
    ['an array whose element is a number', 'malformed_protobuf', request(attribute('k', field(5, [0x08, 1])))],
    ['a trace id of 15 bytes', 'invalid_id', request(field(1, goodId.subarray(1)))],
    ['a trace id of 17 bytes', 'invalid_id', request(field(1, goodId, [1]))],
    ['a span id of 16 bytes', 'invalid_id', request(field(2, goodId))],
    ['a parent of 7 bytes', 'invalid_id', request(field(4, goodId.subarray(0, 7)))],
    ['a link to 1 byte', 'invalid_id', request(field(13, field(1, [1])))],
    ['a name that is no UTF-8', 'invalid_utf8', request(field(5, [0xff]))],
    ['a key that is no UTF-8', 'invalid_utf8', request(field(9, field(1, [0xc3])))],
    ['a value that is no UTF-8', 'invalid_utf8', request(attribute('k', field(1, [0xed, 0xa0, 0x80])))],
    ['a value in an array that is no UTF-8', 'invalid_utf8', request(attribute('k', field(5, field(1, field(1, [0xff])))))],
    ['10,000 arrays', 'nested_too_deep', request(attribute('k', nested(10_000, false)))],
    ['10,000 maps', 'nested_too_deep', request(attribute('k', nested(10_000, true)))],
    ['65 arrays', 'nested_too_deep', request(attribute('k', nested(65, false)))],
  ];

  test.each(spans)('%s: %s', (_, reason, bytes) => {
    expect(reasonOf('traces', bytes)).toBe(reason);
  });

  test('66,000 resources: over_limit', () => {
    expect(reasonOf('logs', Buffer.alloc(66_000 * 2, Uint8Array.of(0x0a, 0)))).toBe('over_limit');
  });

  test('too many rows: over_limit', () => {
    const bytes = request(...Array.from({ length: 200 }, () => field(11)));
    expect(() => decodeOtlp('traces', bytes, { limits: { rowsMax: 128, occurrencesMax: 1000 } })).toThrow(/Span.Event: 200 is over the limit of 128/);
    expect(() => decodeOtlp('traces', bytes, { limits: { rowsMax: 1000, occurrencesMax: 128 } })).toThrow(/Span.events: 129 is over the limit of 128/);
    expect(decodeOtlp('traces', bytes, { limits: { rowsMax: 200, occurrencesMax: 1000 } }).table('SPAN_EVENTS')?.rowCount).toBe(200);
  });

  test('packed numbers that are cut off', () => {
    const point = (...fields: readonly Uint8Array[]): Uint8Array => field(9, field(1, ...fields));
    expect(reasonOf('metrics', request(point(field(6, [1, 2, 3]))))).toBe('malformed_protobuf');
    expect(reasonOf('metrics', request(field(10, field(1, field(8, field(2, [0x80]))))))).toBe('malformed_protobuf');
  });

  test('the message says which table it was', () => {
    expect(() => decodeOtlp('traces', request(field(1, [1]))).table('SPANS')?.column('trace_id')).toThrow('SPANS: trace_id of 1 bytes, where 0 or 16 are right');
  });
});

describe('what is taken', () => {
  const fine: readonly (readonly [string, Uint8Array])[] = [
    ['nothing', new Uint8Array(0)],
    ['a span without fields', request()],
    ['unknown fields of all wire types', request([0xa0, 0x06, 1, 0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 0x06, 1, 9, 0xa5, 0x06, 1, 2, 3, 4])],
    ['a tag longer than it need be', request([0xb0, 0x80, 0x00, 2])],
    ['empty ids', request(field(1), field(2), field(4))],
    ['64 arrays', request(attribute('k', nested(64, false)))],
    ['an attribute without value', request(field(9, field(1, text('k'))))],
    ['an attribute without anything', request(field(9))],
  ];

  test.each(fine)('%s', (_, bytes) => {
    expect(reasonOf('traces', bytes)).toBeNull();
  });

  test('one bad value leaves the rest readable', () => {
    const batch: OtapBatch = decodeOtlp('traces', request(field(1, goodId), field(2, [1]), attribute('k', field(1, text('v')))));
    expect(() => batch.table('SPANS')?.column('span_id')).toThrow(OtlpDecodeError);
    expect(batch.table('SPANS')?.column('trace_id')).toMatchObject({ kind: 'fixed_binary', width: 16 });
    expect(batch.table('SPAN_ATTRS')?.rowsOfKey('k')).toEqual({ rows: Uint32Array.of(0), parents: Uint32Array.of(0) });
  });
});
