import { describe, expect, test } from 'vitest';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { OtlpDecodeError } from '../../../src/otlp/decode/errors.ts';
import { otlpJsonToProtobuf } from '../../../src/otlp/json/otlp-json-to-protobuf.ts';

/** Why a request of traces is refused: `reason: message`. */
function refusal(text: string | Uint8Array, bytesMax?: number): string {
  try {
    otlpJsonToProtobuf('traces', Buffer.from(text), bytesMax === undefined ? undefined : { bytesMax });
  } catch (error) {
    if (!(error instanceof OtlpDecodeError)) throw error;
    expect(error.status).toBe('INVALID_ARGUMENT');
    return `${error.reason}: ${error.message}`;
  }
  return 'taken';
}

function span(members: string): string {
  return `{"resourceSpans":[{},{"scopeSpans":[{"spans":[{"name":"secret"},{${members}}]}]}]}`;
}

function attribute(value: string): string {
  return span(`"attributes":[{"key":"k","value":${value}}]`);
}

const atSpan = 'JSON resourceSpans[1].scopeSpans[0].spans[1]';

describe('refused, with the place', () => {
  test.each([
    ['', 'malformed_json: JSON, byte 0: an empty text; a request with nothing in it is {}'],
    [' \n', 'malformed_json: JSON, byte 2: an empty text; a request with nothing in it is {}'],
    ['\ufeff', 'malformed_json: JSON, byte 3: an empty text; a request with nothing in it is {}'],
    ['[]', 'wrong_type: JSON, byte 0: a value that is not an object'],
    ['null', 'wrong_type: JSON, byte 0: a value that is not an object'],
    ['x', 'malformed_json: JSON, byte 0: no value'],
    ['{', 'malformed_json: JSON, byte 1: no key'],
    ['{}{}', 'malformed_json: JSON, byte 2: more after the request'],
    ['{"a":1,}', 'malformed_json: JSON, byte 7: no key'],
    ['{"a" 1}', "malformed_json: JSON a, byte 5: no ':' after a key"],
    ['{"a":01}', "malformed_json: JSON a, byte 6: no ',' or '}' after a value"],
    ['{"a":+1}', 'malformed_json: JSON a, byte 5: no value'],
    ['{"a":.5}', 'malformed_json: JSON a, byte 5: no value'],
    ['{"a":1.}', 'malformed_json: JSON a, byte 7: no digit where a number needs one'],
    ['{"a":1e}', 'malformed_json: JSON a, byte 7: no digit where a number needs one'],
    ['{"a":-}', 'malformed_json: JSON a, byte 6: no digit where a number needs one'],
    ['{"a":NaN}', 'malformed_json: JSON a, byte 5: no value'],
    ['{"a":nul}', 'malformed_json: JSON a, byte 5: no value'],
    ['{"a":"\\x"}', 'malformed_json: JSON a, byte 6: no such escape in a string'],
    ['{"a":"\\u12g4"}', 'malformed_json: JSON a, byte 6: \\u without four hexadecimal digits'],
    ['{"a":"\n"}', 'malformed_json: JSON a, byte 6: control character in a string'],
    ['{"a":"', 'malformed_json: JSON a, byte 5: the text ends within a string'],
    ['{"a":"\\', 'malformed_json: JSON a, byte 6: no such escape in a string'],
    ['{"a":{"b":[1,2}}', "malformed_json: JSON a.b[1], byte 14: no ',' or closing bracket after a value"],
    ['{"a":["\\"[{,",1],"b":x}', 'malformed_json: JSON b, byte 21: no value'],
    ["{'a':1}", 'malformed_json: JSON, byte 1: no key'],
    ['{"resourceSpans":{}}', 'wrong_type: JSON resourceSpans, byte 17: a value that is not an array'],
    ['{"resourceSpans":[[]]}', 'wrong_type: JSON resourceSpans[0], byte 18: a value that is not an object'],
    ['{"resourceSpans":[{}', "malformed_json: JSON resourceSpans[0], byte 20: no ',' or ']' after an element"],
  ])('%s', (text, expected) => {
    expect(refusal(text)).toBe(expected);
  });

  test.each([
    ['"kind":1.5', 'out_of_range', 'kind', 'a number that is not a whole number of 32 bits, signed'],
    ['"kind":2147483648', 'out_of_range', 'kind', 'a number that is not a whole number of 32 bits, signed'],
    ['"flags":-1', 'out_of_range', 'flags', 'a number that is not a whole number of 32 bits, not negative'],
    ['"flags":4294967296', 'out_of_range', 'flags', 'a number that is not a whole number of 32 bits, not negative'],
    ['"startTimeUnixNano":18446744073709551616', 'out_of_range', 'startTimeUnixNano', 'a number that is not a whole number of 64 bits, not negative'],
    ['"startTimeUnixNano":"-1"', 'out_of_range', 'startTimeUnixNano', 'a number that is not a whole number of 64 bits, not negative'],
    ['"startTimeUnixNano":1e400', 'out_of_range', 'startTimeUnixNano', 'a number that is not a whole number of 64 bits, not negative'],
    ['"startTimeUnixNano":1e-400', 'out_of_range', 'startTimeUnixNano', 'a number that is not a whole number of 64 bits, not negative'],
    ['"startTimeUnixNano":""', 'wrong_type', 'startTimeUnixNano', 'a string that is no number'],
    ['"startTimeUnixNano":" 1"', 'wrong_type', 'startTimeUnixNano', 'a string that is no number'],
    ['"startTimeUnixNano":"0x10"', 'wrong_type', 'startTimeUnixNano', 'a string that is no number'],
    ['"startTimeUnixNano":true', 'wrong_type', 'startTimeUnixNano', 'a value that is not a number'],
    ['"kind":"SPAN_KIND_SECRET"', 'wrong_type', 'kind', 'no name of this enum'],
    ['"kind":"span_kind_server"', 'wrong_type', 'kind', 'no name of this enum'],
    ['"name":5', 'wrong_type', 'name', 'a value that is not a string'],
    ['"name":{}', 'wrong_type', 'name', 'a value that is not a string'],
    ['"status":"ok"', 'wrong_type', 'status', 'a value that is not an object'],
    ['"traceId":"abc"', 'invalid_id', 'traceId', 'an id of other than 32 hexadecimal digits'],
    ['"traceId":"0001020304050607"', 'invalid_id', 'traceId', 'an id of other than 32 hexadecimal digits'],
    ['"traceId":"AAECAwQFBgcICQoLDA0ODw=="', 'invalid_id', 'traceId', 'an id of other than 32 hexadecimal digits'],
    ['"spanId":"000000000000000g"', 'invalid_id', 'spanId', 'an id with other than hexadecimal digits'],
    ['"spanId":"00000000000000\u00e9"', 'invalid_id', 'spanId', 'an id with other than hexadecimal digits'],
    ['"spanId":7', 'wrong_type', 'spanId', 'a value that is not a string'],
  ])('%s', (members, reason, field, detail) => {
    const text = span(members);
    const offset = text.indexOf(members) + members.indexOf(':') + 1;
    expect(refusal(text)).toBe(`${reason}: ${atSpan}.${field}, byte ${offset}: ${detail}`);
  });

  test.each([
    ['{"intValue":"9223372036854775808"}', 'out_of_range', 'intValue', 'a number that is not a whole number of 64 bits, signed'],
    ['{"intValue":-9223372036854775809}', 'out_of_range', 'intValue', 'a number that is not a whole number of 64 bits, signed'],
    ['{"intValue":"NaN"}', 'wrong_type', 'intValue', 'a string that is no number'],
    ['{"doubleValue":1e400}', 'out_of_range', 'doubleValue', 'a number that is not a double'],
    ['{"doubleValue":"-1e400"}', 'out_of_range', 'doubleValue', 'a number that is not a double'],
    ['{"doubleValue":"Infinite"}', 'wrong_type', 'doubleValue', 'a string that is no number'],
    ['{"boolValue":"true"}', 'wrong_type', 'boolValue', 'a value that is not true or false'],
    ['{"boolValue":1}', 'wrong_type', 'boolValue', 'a value that is not true or false'],
    ['{"bytesValue":"A"}', 'invalid_base64', 'bytesValue', 'base64 of a wrong length'],
    ['{"bytesValue":"AA="}', 'invalid_base64', 'bytesValue', 'base64 of a wrong length'],
    ['{"bytesValue":"A==="}', 'invalid_base64', 'bytesValue', 'a character that base64 does not have'],
    ['{"bytesValue":"A A="}', 'invalid_base64', 'bytesValue', 'a character that base64 does not have'],
    ['{"bytesValue":"AA==AA=="}', 'invalid_base64', 'bytesValue', 'a character that base64 does not have'],
    ['{"arrayValue":[]}', 'wrong_type', 'arrayValue', 'a value that is not an object'],
    ['{"arrayValue":{"values":[1]}}', 'wrong_type', 'arrayValue.values[0]', 'a value that is not an object'],
  ])('%s', (value, reason, field, detail) => {
    expect(refusal(attribute(value))).toMatch(new RegExp(`^${reason}: ${atSpan}.attributes[0].value.${field}, byte`.replace(/[[\].]/g, '\\$&')));
    expect(refusal(attribute(value))).toContain(`: ${detail}`);
  });

  test('a number in a list, null in a list of numbers', () => {
    const buckets = (counts: string): (() => unknown) => () =>
      otlpJsonToProtobuf('metrics', Buffer.from(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":${counts}}]}}]}]}]}`));
    const at = 'JSON resourceMetrics[0].scopeMetrics[0].metrics[0].histogram.dataPoints[0].bucketCounts';
    expect(buckets('["1",null]')).toThrow(`${at}[1], byte 98: a value that is not a number`);
    expect(buckets('["1",-1]')).toThrow(`${at}[1], byte 98: a number that is not`);
    expect(buckets('"1"')).toThrow(`${at}, byte 93: a value that is not an array`);
  });
});

describe('what is there twice', () => {
  test.each([
    ['"kind":1,"kind":1', 'kind'], ['"name":"a","n\\u0061me":"b"', 'name'], ['"startTimeUnixNano":1,"start_time_unix_nano":2', 'startTimeUnixNano'],
    ['"attributes":[],"attributes":[]', 'attributes'], ['"status":{},"status":{}', 'status'],
  ])('%s', (members, field) => {
    expect(refusal(span(members))).toMatch(new RegExp(`^duplicate_key: ${atSpan}, byte \\d+: ${field}, or another member of its oneof, for the second time$`.replace(/[[\]]/g, '\\$&')));
  });

  test('two members of a oneof', () => {
    expect(refusal(attribute('{"intValue":"1","stringValue":"a"}'))).toMatch(/^duplicate_key: .*value, byte \d+: stringValue, or/);
    expect(refusal(attribute('{"intValue":"1","unknown":"a","unknown":"a","stringValue":null}'))).toBe('taken');
  });

  test('attributes of one key are no duplicates', () => {
    expect(refusal(span('"attributes":[{"key":"k","value":{}},{"key":"k","value":{}}]'))).toBe('taken');
  });
});

describe('bytes that are no UTF-8', () => {
  test.each([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]])('%j %j', (...bytes) => {
    const before = Buffer.from(span('"name":"\u20ac'));
    const text = Buffer.concat([before.subarray(0, before.length - 8), Buffer.from(bytes), before.subarray(before.length - 8)]);
    expect(refusal(text)).toMatch(/^invalid_utf8: JSON resourceSpans\[1\]\.scopeSpans\[0\]\.spans\[1\]\.name, byte \d+: bytes that are no UTF-8$/);
  });

  test('at the place where they begin, whatever comes before', () => {
    const text = Buffer.concat([Buffer.from('{"a":"\u20ac\u{1f600}'), Buffer.from([0xff]), Buffer.from('"}'.padEnd(300))]);
    expect(refusal(text)).toBe('invalid_utf8: JSON a, byte 13: bytes that are no UTF-8');
  });
});

describe('extremes', () => {
  const nested = (depth: number): string => attribute(`${'{"arrayValue":{"values":['.repeat(depth)}{}${']}}'.repeat(depth)}`);

  test('values are as deep as the reader of protobuf bears, and no deeper', () => {
    expect(refusal(nested(64))).toBe('taken');
    const table = decodeOtlp('traces', otlpJsonToProtobuf('traces', Buffer.from(nested(64)))).table('SPAN_ATTRS');
    expect(table?.column('ser')?.length).toBe(1);
    expect(refusal(nested(65))).toMatch(/^nested_too_deep: .*: value nested deeper than 64$/);
    expect(refusal(nested(10_000))).toMatch(/^nested_too_deep: /);
  });

  test('what is skipped may be 10,000 deep, closed or not', () => {
    const deep = (depth: number, close: number): string => `{"unknown":${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(close / 2)}}`;
    expect(refusal(deep(10_000, 10_000))).toBe('taken');
    expect(refusal(deep(10_002, 10_002))).toMatch(/^nested_too_deep: JSON unknown\[0\]\.a/);
    expect(refusal(deep(10_000, 9_998))).toMatch(/^malformed_json: /);
    expect(refusal('['.repeat(1_000_000))).toMatch(/^nested_too_deep: JSON \[0\]/);
    expect(refusal(deep(10_002, 0)).length).toBeLessThan(400);
  });

  test('a megabyte of digits costs no more than its length', () => {
    const digits = '9'.repeat(1_000_000);
    const began = process.cpuUsage();
    expect(refusal(span(`"startTimeUnixNano":${digits}`))).toMatch(/^out_of_range/);
    expect(refusal(span(`"startTimeUnixNano":"${digits}"`))).toMatch(/^out_of_range/);
    expect(refusal(span(`"startTimeUnixNano":1${'0'.repeat(1_000_000)}e-1000000`))).toBe('taken');
    expect(refusal(span(`"startTimeUnixNano":1e${digits}`))).toMatch(/^out_of_range/);
    expect(refusal(attribute(`{"doubleValue":0.${digits}}`))).toBe('taken');
    expect(refusal(attribute(`{"doubleValue":${digits}}`))).toMatch(/^out_of_range/);
    expect(refusal(`{"unknown":${digits}.${digits}e${digits}}`)).toBe('taken');
    expect(refusal(span(`"kind":"${'a'.repeat(1_000_000)}"`))).toMatch(/^wrong_type/);
    expect(refusal(span(`"${'\\u0061'.repeat(200_000)}":1`))).toBe('taken');
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(3000);
  });

  test('what is sent is in no message but for its keys, and those short', () => {
    expect(refusal(span('"kind":"secret"'))).not.toContain('secret');
    expect(refusal(`{"${'k'.repeat(100_000)}\u00e9":x}`)).toBe(`malformed_json: JSON ${'k'.repeat(40)}..., byte 100006: no value`);
    expect(refusal('{"\u0001x":x}')).toMatch(/^malformed_json: JSON, byte 2: control character/);
    expect(refusal('{"\\u0001\u00e9":x}')).toMatch(/^malformed_json: JSON \\u0001\?\?, byte/);
  });

  test('more protobuf than the limit; lists of numbers are the most that JSON can become', () => {
    const text = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"${'x'.repeat(1000)}"}]}]}]}`;
    expect(refusal(text, 1020)).toBe('taken');
    expect(refusal(text, 1000)).toMatch(/^over_limit: .*: more than 1000 bytes as protobuf; send smaller requests$/);
    const bounds = Buffer.from(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"explicitBounds":[${'1,'.repeat(100_000)}1]}]}}]}]}]}`);
    expect(otlpJsonToProtobuf('metrics', bounds).length).toBeLessThan(bounds.length * 4);
    expect(() => otlpJsonToProtobuf('metrics', bounds, { bytesMax: bounds.length * 2 })).toThrow('as protobuf');
  });

  test('lengths that grow and shrink from one message to the next', () => {
    const lengths = [0, 1, 200, 3, 20_000, 70_000, 5, 3_000_000, 2, 130];
    const spans = lengths.map((length) => `{"name":"${'n'.repeat(length)}","attributes":[{"key":"${'k'.repeat(length)}"}]}`);
    const batch = decodeOtlp('traces', otlpJsonToProtobuf('traces', Buffer.from(`{"resourceSpans":[{"scopeSpans":[{"spans":[${spans.join(',')}]}]}]}`)));
    expect(batch.rowCount).toBe(lengths.length);
    const bytes = otlpJsonToProtobuf('traces', Buffer.from(`{"resourceSpans":[{"scopeSpans":[{"spans":[${spans.join(',')}]}]}]}`));
    expect(Buffer.from(bytes).toString('latin1').match(/n+/g)?.map((run) => run.length)).toEqual(lengths.filter((length) => length > 0));
  });
});
