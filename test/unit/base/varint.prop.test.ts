import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { readVarint, varintBytesMax, varintLength, writeVarint } from '../../../src/base/varint.ts';

const integers = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits));

describe('varint', () => {
  test('bytes are those of protobuf, and read back', () => {
    fc.assert(fc.property(integers, fc.nat(5), (value, offset) => {
      const bytes = new Uint8Array(offset + varintBytesMax);
      const end = writeVarint(bytes, offset, value);
      expect(end - offset).toBe(varintLength(value));
      expect([...bytes.subarray(offset, end)]).toEqual([...protobuf.Writer.create().uint64(value).finish()]);
      expect(readVarint(bytes, offset)).toEqual({ kind: 'value', value, end });
      expect(readVarint(bytes.subarray(0, end - 1), offset)).toEqual({ kind: 'incomplete' });
    }));
  });

  test('any bytes are a value, incomplete or malformed, without a throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      const read = readVarint(bytes, 0);
      if (read.kind === 'value') expect(Number.isSafeInteger(read.value)).toBe(true);
    }));
    expect(readVarint(new Uint8Array(10).fill(255), 0)).toEqual({ kind: 'malformed' });
    expect(readVarint(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127), 0)).toEqual({ kind: 'malformed' });
  });
});
