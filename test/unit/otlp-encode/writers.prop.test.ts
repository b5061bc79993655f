import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { BackWriter } from '../../../src/otlp/encode/back-writer.ts';
import { JsonWriter } from '../../../src/otlp/encode/json-writer.ts';
import { decimalOf, doubleOf, jsonDouble, sumHigh, sumLow, zigzag } from '../../../src/otlp/encode/numbers.ts';

/** Numbers and bytes against protobufjs, BigInt and JSON.parse. fast-check prints the seed of what fails. */
const word = fc.oneof(fc.constantFrom(0, 1, 9999, 10_000, 0x7fffffff, 0x80000000, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff }));
const big = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);

describe('numbers', () => {
  test('decimal is BigInt\'s', () => {
    fc.assert(fc.property(word, word, (low, high) => {
      expect(decimalOf(low, high, false)).toBe(String(big(low, high)));
      expect(decimalOf(low, high, true)).toBe(String(BigInt.asIntN(64, big(low, high))));
    }), { numRuns: 2000 });
  });

  test('sums wrap at 64 bits', () => {
    fc.assert(fc.property(word, word, word, word, (low, high, otherLow, otherHigh) => {
      expect(big(sumLow(low, otherLow), sumHigh(low, high, otherLow, otherHigh))).toBe(BigInt.asUintN(64, big(low, high) + big(otherLow, otherHigh)));
    }));
  });

  test('doubles read back the same, those that JSON has no number for as proto3 writes them', () => {
    fc.assert(fc.property(word, word, (low, high) => {
      const value = doubleOf(low, high);
      const read: unknown = JSON.parse(jsonDouble(value));
      expect(Number(read)).toBe(value);
      expect(typeof read).toBe(Number.isFinite(value) ? 'number' : 'string');
    }));
    expect([0, -0, NaN, Infinity, -Infinity].map(jsonDouble)).toEqual(['0', '-0', '"NaN"', '"Infinity"', '"-Infinity"']);
  });
});

describe('back to front', () => {
  const piece = fc.oneof(
    fc.record({ kind: fc.constant('varint' as const), low: word, high: fc.constant(0) }),
    fc.record({ kind: fc.constant('varint64' as const), low: word, high: word }),
    fc.record({ kind: fc.constant('sint' as const), low: word, high: fc.constant(0) }),
    fc.record({ kind: fc.constant('word' as const), low: word, high: fc.constant(0) }),
    fc.record({ kind: fc.constant('bytes' as const), low: fc.integer({ min: 0, max: 70_000 }), high: fc.constant(0) }),
  );

  test('is what protobufjs writes front to back, over every growth of the buffer', () => {
    fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const forward = protobuf.Writer.create();
      for (const { kind, low, high } of pieces) {
        if (kind === 'varint') forward.uint32(low);
        else if (kind === 'varint64') forward.uint64({ low: low | 0, high: high | 0, unsigned: true });
        else if (kind === 'sint') forward.sint32(low | 0);
        else if (kind === 'word') forward.fixed32(low);
        else forward.bytes(new Uint8Array(low).fill(7));
      }
      const writer = new BackWriter();
      for (const { kind, low, high } of pieces.toReversed()) {
        if (kind === 'varint') writer.varint(low);
        else if (kind === 'varint64') writer.varint64(low, high);
        else if (kind === 'sint') writer.varint(zigzag(low));
        else if (kind === 'word') writer.word(low);
        else {
          writer.copy(new Uint8Array(low).fill(7), 0, low);
          writer.varint(low);
        }
      }
      expect(Buffer.from(writer.finish()).equals(Buffer.from(forward.finish()))).toBe(true);
      expect(writer.length).toBe(0);
    }), { numRuns: 300 });
  });
});

describe('JSON texts', () => {
  test('are what was meant, whatever is in them', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 200 })), (texts) => {
      const writer = new JsonWriter();
      writer.open('[');
      for (const text of texts) {
        const bytes = Buffer.from(text);
        writer.text(bytes, 0, bytes.length);
      }
      writer.close(']');
      expect(JSON.parse(Buffer.from(writer.finish()).toString('utf8'))).toEqual(texts.map((text) => Buffer.from(text).toString('utf8')));
    }));
  });
});
