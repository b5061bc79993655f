import { describe, expect, test } from 'vitest';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { messageBytes } from '../../support/otlp-bytes.ts';
import { canonical, toOtlp } from '../../support/otap-to-otlp.ts';
import type { OtlpRequest } from '../../support/otlp-json.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';

/*
 * Two encodings of a message one after the other are its fields merged (protobuf.dev, "Last One Wins"): of singular fields the last counts, repeated
 * ones are joined, messages within are merged.
 */

const field = (number: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const body = Buffer.concat(parts);
  if (body.length > 0x3fff) throw new Error('too long');
  const length = body.length < 0x80 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Buffer.concat([Uint8Array.of(number * 8 + 2, ...length), body]);
};
const item = (...parts: readonly Uint8Array[]): Uint8Array => field(1, field(2, field(2, ...parts)));
const text = (value: string): { readonly stringValue: string } => ({ stringValue: value });

function read(signal: Signal, bytes: Uint8Array): string[] {
  return canonical([toOtlp(decodeOtlp(signal, bytes))]);
}

describe('merging', () => {
  test('of requests is joining', () => {
    const one = messageBytes('Traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'a' }] }] }] });
    const two = messageBytes('Traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'b' }] }] }] });
    expect(read('traces', Buffer.concat([one, two]))).toEqual([...read('traces', one), ...read('traces', two)]);
  });

  test('of spans, their status included', () => {
    const one = messageBytes('Span', { name: 'a', kind: 2, status: { code: 2, message: 'bad' }, attributes: [{ key: 'k', value: text('v') }] });
    const two = messageBytes('Span', { name: 'b', status: { code: 1 }, attributes: [{ key: 'l', value: text('w') }] });
    const truth: OtlpRequest = { resourceSpans: [{ scopeSpans: [{ spans: [{
      name: 'b', kind: 2, status: { code: 1, message: 'bad' }, attributes: [{ key: 'k', value: text('v') }, { key: 'l', value: text('w') }],
    }] }] }] };
    expect(read('traces', item(one, two))).toEqual(canonical([truth]));
  });

  test('of resources and scopes, which may stand behind their items', () => {
    const spans = field(2, field(2, messageBytes('Span', { name: 'a' })), field(1, messageBytes('Scope', { name: 's' })), field(1, messageBytes('Scope', { version: '1' })));
    const resource = (key: string, count: number): Uint8Array => field(1, messageBytes('Resource', { attributes: [{ key, value: text(key) }], droppedAttributesCount: count }));
    const truth: OtlpRequest = { resourceSpans: [{
      resource: { attributes: [{ key: 'x', value: text('x') }, { key: 'y', value: text('y') }], droppedAttributesCount: 2 },
      scopeSpans: [{ scope: { name: 's', version: '1' }, spans: [{ name: 'a' }] }],
    }] };
    expect(read('traces', field(1, spans, resource('x', 1), resource('y', 2)))).toEqual(canonical([truth]));
  });

  test('of a value: the last member of the oneof counts', () => {
    const value = Buffer.concat([messageBytes('AnyValue', text('a')), messageBytes('AnyValue', { intValue: 5 }), messageBytes('AnyValue', {})]);
    const bytes = item(field(9, field(1, Buffer.from('k')), field(2, value)));
    expect(read('traces', bytes)).toEqual(canonical([parseOtlp('traces', bytes)]));
    expect(read('traces', bytes)[0]).toContain('intValue:5');
  });

  test('of a number point: int and double, the last counts', () => {
    const int = messageBytes('NumberDataPoint', { asInt: 7 });
    const double = messageBytes('NumberDataPoint', { asDouble: 1.5 });
    const gauge = (...parts: readonly Uint8Array[]): string => read('metrics', item(field(5, field(1, ...parts))))[0];
    expect(gauge(int, double)).toBe(' |  | {gauge:{dataPoints:[{asDouble:1.5}]}}');
    expect(gauge(double, int)).toBe(' |  | {gauge:{dataPoints:[{asInt:7}]}}');
  });

  test('of a metric: the last kind counts, what came before it of that kind is gone, the same kind is joined', () => {
    const gauge = (asInt: number): Uint8Array => field(5, messageBytes('Gauge', { dataPoints: [{ asInt }] }));
    const sum = (asInt: number): Uint8Array => field(7, messageBytes('Sum', { dataPoints: [{ asInt }], aggregationTemporality: 2, isMonotonic: true }));
    expect(read('metrics', item(gauge(1), gauge(2)))).toEqual([' |  | {gauge:{dataPoints:[{asInt:1},{asInt:2}]}}']);
    expect(read('metrics', item(gauge(1), sum(2)))).toEqual([' |  | {sum:{aggregationTemporality:2,dataPoints:[{asInt:2}],isMonotonic:true}}']);
    expect(read('metrics', item(gauge(1), sum(2), gauge(3), gauge(4)))).toEqual([' |  | {gauge:{dataPoints:[{asInt:3},{asInt:4}]}}']);
  });

  test('of packed and single elements', () => {
    const one = messageBytes('HistogramDataPoint', { bucketCounts: [1, 2] });
    const single = Uint8Array.of(0x31, 3, 0, 0, 0, 0, 0, 0, 0);
    const bytes = item(field(9, field(1, one, single, one), field(1), field(1, single)));
    expect(read('metrics', bytes)).toEqual(canonical([parseOtlp('metrics', bytes)]));
    const buckets = item(field(10, field(1, field(8, Uint8Array.of(0x10, 0xac, 0x02)), field(8, field(2, Uint8Array.of(1, 0x80, 1)), Uint8Array.of(0x10, 9)))));
    expect(read('metrics', buckets)[0]).toContain('[300,1,128,9]');
  });
});
