import { Encoder } from 'cbor-x';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { anyValueText, jsonText, valueColumnsOf } from '../../../src/otap/decode/any-value.ts';
import { decodeCbor } from '../../../src/otap/decode/cbor.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { Binary, Bool, Float64, Int64, Uint16, Uint8, Utf8 } from 'apache-arrow';
import { arrowRecord, barOf } from '../../support/arrow-bar.ts';
import { readCapture } from '../../support/captures.ts';
import { readTruth } from '../../support/otlp-truth.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

function reasonOf(bytes: Uint8Array): string {
  try {
    decodeCbor(bytes);
  } catch (error) {
    if (error instanceof CodedError) return error.reason;
    throw error;
  }
  return 'none';
}

describe('CBOR', () => {
  // RFC 8949, appendix A, as far as AnyValue has such values.
  test.each([
    ['00', '0'], ['17', '23'], ['1818', '24'], ['1903e8', '1000'], ['1a000f4240', '1000000'], ['1b000000e8d4a51000', '1000000000000'],
    ['20', '-1'], ['29', '-10'], ['3863', '-100'], ['3903e7', '-1000'], ['3b7fffffffffffffff', '-9223372036854775808'],
    ['f90000', '0'], ['f93c00', '1'], ['f93e00', '1.5'], ['f97bff', '65504'], ['fa47c35000', '100000'], ['fa7f7fffff', '3.4028234663852886e+38'],
    ['fb7e37e43c8800759c', '1e+300'], ['f90001', '5.960464477539063e-8'], ['f90400', '0.00006103515625'], ['f9c400', '-4'], ['fbc010666666666666', '-4.1'],
    ['f97c00', '"Infinity"'], ['f97e00', '"NaN"'], ['f9fc00', '"-Infinity"'], ['fa7f800000', '"Infinity"'],
    ['f4', 'false'], ['f5', 'true'], ['f6', 'null'], ['f7', 'null'], ['4401020304', '"AQIDBA=="'], ['6161', '"a"'], ['6449455446', '"IETF"'],
    ['62225c', '"\\"\\\\"'], ['62c3bc', '"ü"'], ['63e6b0b4', '"水"'], ['80', '[]'], ['83010203', '[1,2,3]'], ['8301820203820405', '[1,[2,3],[4,5]]'],
    ['a0', '{}'], ['a26161016162820203', '{"a":1,"b":[2,3]}'], ['5f42010243030405ff', '"AQIDBAU="'], ['7f657374726561646d696e67ff', '"streaming"'],
    ['9fff', '[]'], ['9f018202039f0405ffff', '[1,[2,3],[4,5]]'], ['bf6161016162 9f0203ffff'.replace(' ', ''), '{"a":1,"b":[2,3]}'], ['c11a514b67b0', '1363896240'],
  ])('%s is %s', (bytes, json) => {
    expect(jsonText(decodeCbor(hex(bytes)))).toBe(json);
  });

  test('integers and doubles of the same value are told apart', () => {
    expect(decodeCbor(hex('01')).kind).toBe('int');
    expect(decodeCbor(hex('f93c00')).kind).toBe('double');
  });

  test.each([
    ['', 'nothing'], ['18', 'argument cut'], ['0001', 'bytes after'], ['62c328', 'invalid UTF-8'], ['1bffffffffffffffff', 'beyond int64'],
    ['9b7fffffffffffffff', 'huge array'], ['5b00000001ffffffff', 'huge bytes'], ['9f01', 'no break'], ['ff', 'break alone'], ['a10102', 'key that is no text'],
    ['5f6161ff', 'chunk of another type'], ['1c', 'reserved'], ['f8ff', 'unassigned simple value'], ['81'.repeat(100) + '00', 'too deep'], ['c1'.repeat(100) + '00', 'tags too deep'],
  ])('%s (%s) is refused', (bytes, why) => {
    expect(reasonOf(hex(bytes)), why).toMatch(/^invalid_(cbor|utf8)$/);
  });

  test('64 deep is read', () => {
    expect(reasonOf(hex('81'.repeat(64) + '00'))).toBe('none');
  });

  test('what cbor-x writes', () => {
    const encoder = new Encoder({ useRecords: false, variableMapSize: true });
    const leaf = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.integer(), fc.double({ noInteger: true, noNaN: true, noDefaultInfinity: true }));
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('tree'), { maxLength: 5 }), fc.dictionary(fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'), tie('tree'), { maxKeys: 5 })),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(JSON.parse(jsonText(decodeCbor(encoder.encode(value))))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('random bytes: a value or a refusal', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes): boolean => ['none', 'invalid_cbor', 'invalid_utf8'].includes(reasonOf(bytes))), { numRuns: 2_000 });
  });
});

describe('values as text', () => {
  const columns = [
    { name: 'parent_id', type: new Uint16(), values: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
    { name: 'key', type: new Utf8(), values: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] },
    { name: 'type', type: new Uint8(), values: [0, 1, 2, 3, 4, 5, 6, 7, 1, 3] },
    { name: 'str', type: new Utf8(), values: [null, 'käse', null, null, null, null, null, null, null, null] },
    { name: 'int', type: new Int64(), values: [null, null, 9007199254740993n, null, null, null, null, null, null, null] },
    { name: 'double', type: new Float64(), values: [null, null, null, 0.1, null, null, null, null, null, NaN] },
    { name: 'bool', type: new Bool(), values: [null, null, null, null, true, null, null, null, null, null] },
    { name: 'bytes', type: new Binary(), values: [null, null, null, null, null, null, null, Uint8Array.of(1, 2, 255), null, null] },
    { name: 'ser', type: new Binary(), values: [null, null, null, null, null, hex('a16161f5'), hex('820163c3bc21'), null, null, null] },
  ];

  test('each type', () => {
    const table = new OtapStreamDecoder('logs').decode(barOf([{ name: 'LOG_ATTRS', record: arrowRecord(columns) }])).table('LOG_ATTRS');
    if (table === null) throw new Error('no table');
    const values = valueColumnsOf(table, '');
    const texts = columns[0].values.map((_, row) => anyValueText(values, row));
    expect(texts).toEqual([null, 'käse', '9007199254740993', '0.1', 'true', '{"a":true}', '[1,"ü!"]', 'AQL/', null, 'NaN']);
  });

  test('bodies of a recorded stream', () => {
    const batch = new OtapStreamDecoder('logs').decode(readCapture('logs_zstd')[0]);
    const table = batch.table('LOGS');
    if (table === null) throw new Error('no table');
    const values = valueColumnsOf(table, 'body.');
    const found = Array.from({ length: table.rowCount }, (_, row) => anyValueText(values, row) ?? '').sort();
    const truth = JSON.stringify(readTruth('logs_zstd')[0]);
    expect(found.length).toBe(100);
    const plain = found.filter((text) => !text.startsWith('{'));
    expect(plain.length).toBeGreaterThan(50);
    for (const text of plain) expect(truth).toContain(`"body":{"${/^\d+$/.test(text) ? 'intValue' : 'stringValue'}":${JSON.stringify(text)}`);
    for (const text of found.filter((text) => text.startsWith('{'))) expect(Object.keys(JSON.parse(text)).sort()).toEqual(['items', 'msg', 'total']);
  });
});
