import { describe, expect, test } from 'vitest';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { encodeOtlpJson } from '../../../src/otlp/encode/json.ts';
import { encodeOtlp } from '../../../src/otlp/encode/protobuf.ts';
import { batchOf, type Rows } from '../../support/random-batch.ts';

/** What stands in the bytes, letter by letter; expected by hand from opentelemetry-proto and the OTLP specification's JSON rules. */
function taken(signal: Signal, rows: Rows): OutputBatch {
  const source = batchOf(signal, rows);
  const builder = new OutputBatchBuilder(signal);
  builder.append(source, allRows(source), null);
  return builder.finish();
}

const json = (batch: OutputBatch): string => Buffer.from(encodeOtlpJson(batch)).toString('utf8');
const traceId = Uint8Array.from({ length: 16 }, (_, index) => index);
const spanId = Uint8Array.from({ length: 8 }, (_, index) => 0xf8 + index);
const span = { id: 0, 'resource.id': 0, 'scope.id': 0, trace_id: traceId, span_id: spanId, name: 'a', start_time_unix_nano: 1_700_000_000_000_000_001n, duration_time_unix_nano: 5n };

describe('JSON', () => {
  test('of a span: ids in hex, times as texts, enums as numbers, nothing that is zero', () => {
    const batch = taken('traces', {
      SPANS: [{ ...span, kind: 2, flags: 257, 'status.code': 2, 'status.status_message': 'no "go"\n', 'scope.name': 'lib', 'resource.schema_url': 'u', schema_url: 's' }],
      RESOURCE_ATTRS: [{ parent_id: 0, key: 'service.name', type: 1, str: 'shop' }],
      SPAN_EVENTS: [{ id: 0, parent_id: 0, name: 'e', time_unix_nano: 7n, dropped_attributes_count: 1 }],
    });
    expect(json(batch)).toBe('{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"lib"},"spans":['
      + '{"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"f8f9fafbfcfdfeff","name":"a","kind":2,"startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000006",'
      + '"events":[{"timeUnixNano":"7","name":"e","droppedAttributesCount":1}],"status":{"message":"no \\"go\\"\\u000a","code":2},"flags":257}],"schemaUrl":"s"}],"schemaUrl":"u"}]}');
  });

  test('of every kind of value', () => {
    const cbor = Uint8Array.of(0xa2, 0x61, 0x61, 0x82, 0x20, 0xf6, 0x61, 0x62, 0x42, 0xff, 0x00);
    const values = [
      { type: 0 }, { type: 1, str: '' }, { type: 2, int: -(2n ** 63n) }, { type: 3, double: NaN }, { type: 3, double: 1e21 }, { type: 4, bool: false }, { type: 5, ser: cbor },
      { type: 6, ser: Uint8Array.of(0x80) }, { type: 7, bytes: Uint8Array.of(0xfb, 0xff) }, { type: 5, ser: Uint8Array.of(0xff) }, { type: 6 },
    ];
    const batch = taken('traces', { SPANS: [span], SPAN_ATTRS: values.map((value, index) => ({ parent_id: 0, key: `k${index}`, ...value })) });
    const found: unknown = JSON.parse(json(batch)).resourceSpans[0].scopeSpans[0].spans[0].attributes.map(({ value }: { value: unknown }) => JSON.stringify(value));
    expect(found).toEqual([
      '{}', '{"stringValue":""}', '{"intValue":"-9223372036854775808"}', '{"doubleValue":"NaN"}', '{"doubleValue":1e+21}', '{"boolValue":false}',
      '{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"-1"},{}]}}},{"key":"b","value":{"bytesValue":"/wA="}}]}}',
      '{"arrayValue":{"values":[]}}', '{"bytesValue":"+/8="}', '{"bytesValue":"/w=="}', '{"arrayValue":{"values":[]}}',
    ]);
  });

  test('of metrics: 64-bit counts as texts, a gauge without points, a value that is zero', () => {
    const metric = { 'resource.id': 0, 'scope.id': 0, name: 'm' };
    const batch = taken('metrics', {
      UNIVARIATE_METRICS: [{ ...metric, id: 0, metric_type: 1 }, { ...metric, id: 1, metric_type: 3, aggregation_temporality: 2 }, { ...metric, id: 2, metric_type: 2, is_monotonic: true }],
      NUMBER_DATA_POINTS: [{ id: 0, parent_id: 2, time_unix_nano: 1n, int_value: 0n }],
      HISTOGRAM_DATA_POINTS: [{ id: 0, parent_id: 1, time_unix_nano: 1n, count: 2n ** 63n, sum: 0, bucket_counts: [[0n, 3n]], explicit_bounds: [[0.5]] }],
    });
    expect(json(batch)).toBe('{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"name":"m","gauge":{}},{"name":"m","histogram":{"dataPoints":[{"timeUnixNano":"1",'
      + '"count":"9223372036854775808","sum":0,"bucketCounts":["0","3"],"explicitBounds":[0.5]}],"aggregationTemporality":2}},'
      + '{"name":"m","sum":{"dataPoints":[{"timeUnixNano":"1","asInt":"0"}],"isMonotonic":true}}]}]}]}');
  });
});

describe('protobuf', () => {
  test('of the least span: resource and scope are there, empty', () => {
    const batch = taken('traces', { SPANS: [{ ...span, name: '', start_time_unix_nano: 0n, duration_time_unix_nano: 0n }] });
    const item = `0a10${Buffer.from(traceId).toString('hex')}1208${Buffer.from(spanId).toString('hex')}`;
    expect(Buffer.from(encodeOtlp(batch)).toString('hex')).toBe(`0a240a0012200a00121c${item}`);
  });

  test('resources and scopes come once, with the items of each in the order in which they came', () => {
    const rows = [0, 1, 0, 1, 0].map((resource, index) => ({ ...span, id: index, 'resource.id': resource, 'scope.id': index % 3, name: `n${index}` }));
    const attributes = [0, 1].map((id) => ({ parent_id: id, key: 'r', type: 2, int: BigInt(id) }));
    const scopes = [0, 1, 2].map((id) => ({ parent_id: id, key: 's', type: 2, int: BigInt(id) }));
    const parsed: { resourceSpans: { scopeSpans: { spans: { name: string }[] }[] }[] } = JSON.parse(json(taken('traces', { SPANS: rows, RESOURCE_ATTRS: attributes, SCOPE_ATTRS: scopes })));
    const names = parsed.resourceSpans.map(({ scopeSpans }) => scopeSpans.map(({ spans }) => spans.map(({ name }) => name)));
    expect(names).toEqual([[['n0'], ['n2'], ['n4']], [['n1'], ['n3']]]);
  });

  test('a batch of nothing is an empty request', () => {
    const empty = new OutputBatchBuilder('logs').finish();
    expect([encodeOtlp(empty).length, json(empty)]).toEqual([0, '{}']);
  });
});
