import fc from 'fast-check';
import type { Signal } from '../../../src/otap/payload-type.ts';
import type { JsonObject, OtlpRequest } from '../../support/otlp-json.ts';

/** Random requests in the shape of OTLP's JSON, with every field, extremes, absences and nested values. `signs`: doubles may be -0 or NaN. */
export function requestOf(signal: Signal, signs: boolean): fc.Arbitrary<OtlpRequest> {
  const make = { traces: traces, logs, metrics } as const;
  return make[signal](signs);
}

const text = fc.oneof(fc.constantFrom('', 'a', 'service.name', 'GET /'), fc.string({ unit: 'grapheme', maxLength: 24 }), fc.string({ minLength: 130, maxLength: 300 }));
const u64 = fc.oneof(fc.constantFrom('0', '1', '18446744073709551615', '1700000000123456789'), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String));
const i64 = fc.oneof(fc.constantFrom('0', '-1', '9223372036854775807', '-9223372036854775808'), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String));
const u32 = fc.oneof(fc.constantFrom(0, 1, 127, 128, 0xffff_ffff), fc.nat());
const i32 = fc.oneof(fc.constantFrom(0, -1, -(2 ** 31), 2 ** 31 - 1), fc.integer());
const bytes = fc.uint8Array({ maxLength: 20 }).map((value) => Buffer.from(value).toString('base64'));
const id = (width: number): fc.Arbitrary<string> =>
  fc.oneof(fc.constantFrom('', '00'.repeat(width)), fc.uint8Array({ minLength: width, maxLength: width }).map((value) => Buffer.from(value).toString('hex')));

function double(signs: boolean): fc.Arbitrary<number> {
  return fc.oneof(fc.constantFrom(0, 1.5, -2, Infinity, -Infinity, 5e-324), fc.double({ noNaN: !signs })).map((value) => (signs || value !== 0 ? value : 0));
}

function value(signs: boolean): fc.Arbitrary<JsonObject> {
  const { any } = fc.letrec<{ any: JsonObject }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.constantFrom({}, { boolValue: true }, { boolValue: false }),
      text.map((stringValue) => ({ stringValue })),
      i64.map((intValue) => ({ intValue })),
      double(signs).map((doubleValue) => ({ doubleValue })),
      bytes.map((bytesValue) => ({ bytesValue })),
      fc.array(tie('any'), { maxLength: 4 }).map((values) => ({ arrayValue: { values } })),
      fc.array(fc.record({ key: text, value: tie('any') }), { maxLength: 4 }).map((values) => ({ kvlistValue: { values } })),
    ),
  }));
  return any;
}

/** Each member may be absent. */
function some(members: { readonly [name: string]: fc.Arbitrary<unknown> }): fc.Arbitrary<JsonObject> {
  return fc.record(members, { requiredKeys: [] }) as fc.Arbitrary<JsonObject>;
}

function list(item: fc.Arbitrary<JsonObject>, maxLength = 3): fc.Arbitrary<JsonObject[]> {
  return fc.array(item, { maxLength });
}

function attributes(signs: boolean): fc.Arbitrary<JsonObject[]> {
  return list(some({ key: text, value: value(signs) }), 5);
}

/** Most have items: three in four of what holds them is there. */
function mostly(items: fc.Arbitrary<JsonObject[]>): fc.Arbitrary<JsonObject[] | undefined> {
  return fc.oneof({ weight: 3, arbitrary: items }, { weight: 1, arbitrary: fc.constant(undefined) });
}

function framed(entries: string, scopes: string, items: string, item: fc.Arbitrary<JsonObject>, signs: boolean): fc.Arbitrary<OtlpRequest> {
  const own = { attributes: attributes(signs), droppedAttributesCount: u32 };
  const around = (members: { readonly [name: string]: fc.Arbitrary<unknown> }, name: string, inner: fc.Arbitrary<JsonObject[]>): fc.Arbitrary<JsonObject> =>
    fc.tuple(some(members), mostly(inner)).map(([rest, held]) => (held === undefined ? rest : { ...rest, [name]: held }));
  const scoped = around({ scope: some({ ...own, name: text, version: text }), schemaUrl: text }, items, list(item, 4));
  return around({}, entries, list(around({ resource: some(own), schemaUrl: text }, scopes, list(scoped))));
}

function traces(signs: boolean): fc.Arbitrary<OtlpRequest> {
  const own = { attributes: attributes(signs), droppedAttributesCount: u32 };
  const span = some({
    ...own, traceId: id(16), spanId: id(8), traceState: text, parentSpanId: id(8), name: text, kind: i32,
    startTimeUnixNano: u64, endTimeUnixNano: u64, droppedEventsCount: u32, droppedLinksCount: u32, flags: u32,
    status: some({ code: i32, message: text }),
    events: list(some({ ...own, timeUnixNano: u64, name: text })),
    links: list(some({ ...own, traceId: id(16), spanId: id(8), traceState: text, flags: u32 })),
  });
  return framed('resourceSpans', 'scopeSpans', 'spans', span, signs);
}

function logs(signs: boolean): fc.Arbitrary<OtlpRequest> {
  const log = some({
    attributes: attributes(signs), droppedAttributesCount: u32, timeUnixNano: u64, observedTimeUnixNano: u64, severityNumber: i32, severityText: text,
    body: value(signs), flags: u32, traceId: id(16), spanId: id(8), eventName: text,
  });
  return framed('resourceLogs', 'scopeLogs', 'logRecords', log, signs);
}

function metrics(signs: boolean): fc.Arbitrary<OtlpRequest> {
  const number = double(signs);
  const head = { attributes: attributes(signs), startTimeUnixNano: u64, timeUnixNano: u64, flags: u32 };
  const either = fc.oneof(i64.map((asInt) => ({ asInt })), number.map((asDouble) => ({ asDouble })), fc.constant({}));
  const exemplar = fc.tuple(some({ filteredAttributes: attributes(signs), timeUnixNano: u64, spanId: id(8), traceId: id(16) }), either).map(([rest, own]) => ({ ...rest, ...own }));
  const exemplars = list(exemplar);
  const numbers = fc.tuple(some({ ...head, exemplars }), either).map(([rest, own]) => ({ ...rest, ...own }));
  const counts = fc.array(u64, { maxLength: 5 });
  const buckets = some({ offset: i32, bucketCounts: counts });
  const summed = { ...head, count: u64, sum: number };
  const ranged = { ...summed, min: number, max: number, exemplars };
  const histogram = some({ ...ranged, bucketCounts: counts, explicitBounds: fc.array(number, { maxLength: 4 }) });
  const exponential = some({ ...ranged, scale: i32, zeroCount: u64, positive: buckets, negative: buckets, zeroThreshold: number });
  const quantiles = some({ ...summed, quantileValues: list(some({ quantile: number, value: number })) });
  // A sum of 0 is as none in a summary: protobufjs does not write it, toOtlp always says it.
  const summary = quantiles.map((point) => ({ ...point, sum: point['sum'] === undefined || point['sum'] === 0 ? 1 : point['sum'] }));
  const data = fc.oneof(
    fc.constant({}),
    some({ dataPoints: list(numbers) }).map((gauge) => ({ gauge })),
    some({ dataPoints: list(numbers), aggregationTemporality: i32, isMonotonic: fc.boolean() }).map((sum) => ({ sum })),
    some({ dataPoints: list(histogram), aggregationTemporality: i32 }).map((member) => ({ histogram: member })),
    some({ dataPoints: list(exponential), aggregationTemporality: i32 }).map((exponentialHistogram) => ({ exponentialHistogram })),
    some({ dataPoints: list(summary) }).map((member) => ({ summary: member })),
  );
  const metric = fc.tuple(some({ name: text, description: text, unit: text, metadata: attributes(signs) }), data).map(([rest, own]) => ({ ...rest, ...own }));
  return framed('resourceMetrics', 'scopeMetrics', 'metrics', metric, signs);
}
