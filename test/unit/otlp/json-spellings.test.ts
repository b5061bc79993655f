import { describe, expect, test } from 'vitest';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { otlpJsonToProtobuf } from '../../../src/otlp/json/otlp-json-to-protobuf.ts';
import { readJsonWithGo, withoutGo } from '../../support/go-json.ts';
import { messageBytes } from '../../support/otlp-bytes.ts';
import { enumNames } from '../../support/otlp-json-spelled.ts';
import { plainRequest, rewritten } from '../../support/otlp-plain.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';

/** protobuf.dev/programming-guides/json, the OTLP specification's "JSON Protobuf Encoding", RFC 8259. Expected values are written by hand or by protobufjs. */

/** What protobufjs reads of the first attribute's value, given as JSON. */
function valueOf(json: string): unknown {
  const text = `{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":${json}}]}}]}`;
  return JSON.parse(JSON.stringify(plainRequest('traces', otlpJsonToProtobuf('traces', Buffer.from(text))))).resourceSpans[0].resource.attributes[0].value;
}

/** The first span, of members given as JSON. */
function spanOf(members: string): unknown {
  const text = `{"resourceSpans":[{"scopeSpans":[{"spans":[{${members}}]}]}]}`;
  return JSON.parse(JSON.stringify(parseOtlp('traces', otlpJsonToProtobuf('traces', Buffer.from(text))))).resourceSpans[0].scopeSpans[0].spans[0];
}

/** The bits of the double that the text is read as. */
function doubleBits(text: string): bigint {
  const bytes = otlpJsonToProtobuf('metrics', Buffer.from(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asDouble":${text}}]}}]}]}]}`));
  return new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8).getBigUint64(0, true);
}

function bitsOf(value: number): bigint {
  return new BigUint64Array(Float64Array.of(value).buffer)[0];
}

describe('integers', () => {
  test.each([
    ['"9223372036854775807"', '9223372036854775807'], ['9223372036854775807', '9223372036854775807'], ['-9223372036854775808', '-9223372036854775808'],
    ['"-9223372036854775808"', '-9223372036854775808'], ['9007199254740993', '9007199254740993'], ['"007"', '7'], ['"+5"', '5'], ['-0', '0'], ['1e3', '1000'],
    ['"1e3"', '1000'], ['1.0', '1'], ['1.5e1', '15'], ['-12.50E+2', '-1250'], ['9.223372036854775807e18', '9223372036854775807'], ['1000e-3', '1'], ['0e999999999', '0'],
    ['"1\\u0032"', '12'], [`1${'0'.repeat(1000)}e-1000`, '1'], [`"${'0'.repeat(100_000)}7"`, '7'],
  ])('%s is %s', (text, expected) => {
    expect(valueOf(`{"intValue":${text}}`)).toEqual({ intValue: expected });
  });

  test.each([['18446744073709551615', '18446744073709551615'], ['"18446744073709551615"', '18446744073709551615'], ['1.8446744073709551615e19', '18446744073709551615']])(
    'of 64 bits without a sign: %s is %s', (text, expected) => {
      expect(spanOf(`"startTimeUnixNano":${text}`)).toEqual({ startTimeUnixNano: expected });
    });

  test('the control: as JSON.parse reads them, they are others', () => {
    expect(String(JSON.parse('9223372036854775807'))).not.toBe('9223372036854775807');
    expect(String(JSON.parse('9007199254740993'))).not.toBe('9007199254740993');
  });

  test('of 32 bits', () => {
    expect(spanOf('"kind":-2147483648,"flags":"4294967295","droppedEventsCount":4294967295')).toEqual({ kind: -2147483648, flags: 4294967295, droppedEventsCount: 4294967295 });
  });
});

describe('doubles', () => {
  test.each(['0', '-0', '-0.0', '0.1', '1.7976931348623157e308', '5e-324', '2.2250738585072011e-308', '123456789012345678', '0.30000000000000004', '9007199254740993', '1e22',
    '1e23', '8.41e21', '123456789012345', '0.000001', '999999999999999', '99999999999999.9', '1e-400', '6.02214076e+23', '3', '-17', `0.${'3'.repeat(800)}`])('%s is what JSON.parse reads', (text) => {
    expect(doubleBits(text)).toBe(bitsOf(JSON.parse(text)));
    expect(doubleBits(`"${text}"`)).toBe(bitsOf(JSON.parse(text)));
  });

  test.each([['"Infinity"', Infinity], ['"-Infinity"', -Infinity], ['"+Inf"', Infinity], ['"-inf"', -Infinity]])('%s', (text, expected) => {
    expect(doubleBits(text)).toBe(bitsOf(expected));
  });

  test.each(['"NaN"', '"nan"'])('%s', (text) => {
    expect(doubleBits(text) & 0x7ff0_0000_0000_0000n).toBe(0x7ff0_0000_0000_0000n);
    expect(doubleBits(text) & 0x000f_ffff_ffff_ffffn).not.toBe(0n);
  });
});

describe('texts', () => {
  test.each([
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'], ['"\\u0000\\u00e9\\u20AC"', '\0\u00e9\u20ac'], ['"\\ud83d\\ude00"', '\u{1f600}'], ['"\u{1f600}\u00e9"', '\u{1f600}\u00e9'],
    ['"\\ud83d"', '\ufffd'], ['"\\ude00\\ud83d"', '\ufffd\ufffd'], ['"\\ude00\\ude00"', '\ufffd\ufffd'], ['"\\ud83dx"', '\ufffdx'], ['"\\ud83d\\n"', '\ufffd\n'], ['"\\ud83d\\u0041"', '\ufffdA'], ['"\\ud83d\\ud83d\\ude00"', '\ufffd\u{1f600}'],
    ['""', ''], [`"${'x'.repeat(70_000)}"`, 'x'.repeat(70_000)], ['"\u2028\u007f"', '\u2028\u007f'],
  ])('%s', (text, expected) => {
    expect(valueOf(`{"stringValue":${text}}`)).toEqual({ stringValue: expected });
  });

  test('escapes in keys', () => {
    expect(spanOf('"\\u0074raceId":"000102030405060708090a0b0c0d0e0f","n\\u0061me":"a"')).toEqual({ traceId: '000102030405060708090a0b0c0d0e0f', name: 'a' });
  });
});

describe('bytes', () => {
  const bytes = Buffer.from([0xfb, 0xff, 0xbf, 0x00]);

  test.each(['"+/+/AA=="', '"-_-_AA=="', '"+/+/AA"', '"-_-_AA"', '"+\\/+\\/AA=="', '"+/-_AA"'])('%s', (text) => {
    expect(valueOf(`{"bytesValue":${text}}`)).toEqual({ bytesValue: bytes.toString('base64') });
  });

  test.each([0, 1, 2, 3, 4, 5, 100, 70_000])('%d of them', (length) => {
    const text = Buffer.alloc(length, 0xa7).toString('base64');
    expect(valueOf(`{"bytesValue":"${text}"}`)).toEqual({ bytesValue: text });
    expect(valueOf(`{"bytesValue":"${text.replace(/=/g, '')}"}`)).toEqual({ bytesValue: text });
  });

  test('ids are hexadecimal in either case; an empty one is none, zeros stay', () => {
    expect(spanOf('"traceId":"000102030405060708090A0b0C0d0E0f","spanId":"ABCDEFabcdef0123","parentSpanId":""')).toEqual({ traceId: '000102030405060708090a0b0c0d0e0f', spanId: 'abcdefabcdef0123' });
    expect(spanOf('"traceId":"00000000000000000000000000000000"')).toEqual({ traceId: '00000000000000000000000000000000' });
  });
});

describe('enums', () => {
  const fields: readonly (readonly [string, Signal, (value: string) => string])[] = [
    ['kind', 'traces', (value) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":${value}}]}]}]}`],
    ['code', 'traces', (value) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{"status":{"code":${value}}}]}]}]}`],
    ['severityNumber', 'logs', (value) => `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":${value}}]}]}]}`],
    ['aggregationTemporality', 'metrics', (value) => `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"aggregationTemporality":${value}}}]}]}]}`],
  ];

  test.each(fields)('%s by number, by number as a text, by name', (field, signal, text) => {
    enumNames[field].forEach((name, number) => {
      const byNumber = otlpJsonToProtobuf(signal, Buffer.from(text(String(number))));
      expect(otlpJsonToProtobuf(signal, Buffer.from(text(`"${number}"`)))).toEqual(byNumber);
      expect(otlpJsonToProtobuf(signal, Buffer.from(text(`"${name}"`)))).toEqual(byNumber);
    });
  });

  test.skipIf(withoutGo !== null).each(fields)(`%s by name, as the Collector has them ${withoutGo ?? ''}`, async (field, signal, text) => {
    // pdata 1.60 has this one with a space behind it.
    const names = enumNames[field].filter((name) => name !== 'SEVERITY_NUMBER_TRACE');
    const texts = names.map((name) => Buffer.from(text(`"${name}"`)));
    const readings = await readJsonWithGo(signal, texts);
    expect(readings.map((reading) => ('protobuf' in reading ? '' : reading.error)).filter((error) => error !== '')).toEqual([]);
    readings.forEach((reading, index) => {
      const number = (bytes: Uint8Array): string => JSON.stringify(parseOtlp(signal, bytes)).match(/"(?:kind|code|severityNumber|aggregationTemporality)":(\d+)/)?.[1] ?? '0';
      expect('protobuf' in reading ? number(reading.protobuf) : '').toBe(number(otlpJsonToProtobuf(signal, texts[index])));
    });
  });

  test('numbers that nobody has named yet stay', () => {
    expect(spanOf('"kind":99')).toEqual({ kind: 99 });
  });
});

describe('members', () => {
  test('null is none, also of a oneof, and in a list a message without fields', () => {
    expect(spanOf('"kind":null,"name":null,"attributes":null,"status":null,"traceId":null,"flags":null,"name":"n"')).toEqual({ name: 'n' });
    expect(valueOf('{"stringValue":null,"intValue":"3","doubleValue":null}')).toEqual({ intValue: '3' });
    expect(valueOf('{"arrayValue":{"values":[null,{"boolValue":true}]}}')).toEqual({ arrayValue: { values: [{}, { boolValue: true }] } });
  });

  test('zeros of a oneof, and of optional fields, are there; others are not written', () => {
    for (const zero of ['{"intValue":"0"}', '{"doubleValue":0}', '{"boolValue":false}', '{"stringValue":""}', '{"bytesValue":""}', '{"arrayValue":{}}', '{"kvlistValue":{}}']) {
      expect(Object.keys(valueOf(zero) as object)).toEqual([/"(\w+)"/.exec(zero)?.[1]]);
    }
    const zeros = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":0,"name":"","flags":0,"startTimeUnixNano":"0","traceId":"","attributes":[]}]}]}]}';
    expect(Buffer.from(otlpJsonToProtobuf('traces', Buffer.from(zeros))).toString('hex')).toBe('0a0412021200');
  });

  test('names in either form, in any order; what OTLP does not have is skipped', () => {
    expect(spanOf('"end_time_unix_nano":2,"unknown":{"traceId":[{"deep":[1e400,"\\ud800",{}]}]},"startTimeUnixNano":1,"":0')).toEqual({ startTimeUnixNano: '1', endTimeUnixNano: '2' });
  });

  test('entity_refs, which the tests\' own definitions lack', () => {
    const text = '{"resourceSpans":[{"resource":{"entityRefs":[{"schemaUrl":"u","type":"host","idKeys":["a",""],"descriptionKeys":["b"]}]}}]}';
    // EntityRef: schema_url = 1, type = 2, id_keys = 3, description_keys = 4; Resource.entity_refs = 3.
    const entity = '0a01751204686f73741a01611a00220162';
    expect(Buffer.from(otlpJsonToProtobuf('traces', Buffer.from(text))).toString('hex')).toBe(`0a150a131a11${entity}`);
  });

  test('space, a byte order mark, and lists of numbers', () => {
    const point = messageBytes('Metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ histogram: { dataPoints: [{ bucketCounts: [1, '18446744073709551615'], explicitBounds: [0.5, -0, Infinity] }] } }] }] }] });
    const text = '\ufeff \t\r\n{ "resourceMetrics" :\n[ { "scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[ "1" , 18446744073709551615 ],"explicitBounds":[0.5,-0,"Infinity"]}]}}]}]}]}\n ';
    expect(rewritten('metrics', otlpJsonToProtobuf('metrics', Buffer.from(text)))).toEqual(rewritten('metrics', point));
  });

  test.each(['{}', ' {} ', '{"resourceSpans":[]}', '{"resourceSpans":null}', '{"unknown":1}'])('nothing: %s', (text) => {
    expect(otlpJsonToProtobuf('traces', Buffer.from(text))).toHaveLength(0);
  });
});
