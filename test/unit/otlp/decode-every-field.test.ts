import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';
import type { JsonObject, OtlpRequest } from '../../support/otlp-json.ts';
import { changedEverywhere, type Node } from '../../support/otlp-mutate.ts';
import { requestType } from '../../support/otlp-wire.ts';
import { coded, readEverything } from '../../support/read-everything.ts';

/*
 * Scenario: a request in which every field of every message occurs, with one thing wrong, at each of its fields in turn; and cut off at every byte.
 * Guarantees: it is refused, by the check before anything is taken of it, with the reason; the good one is taken, and every column of it can be read.
 */

const attributes = [
  { stringValue: 'v' }, { boolValue: true }, { intValue: '-5' }, { doubleValue: 1.5 }, { bytesValue: 'AAE=' },
  { arrayValue: { values: [{ stringValue: 'a' }] } }, { kvlistValue: { values: [{ key: 'k', value: { stringValue: 'b' } }] } },
].map((value) => ({ key: 'k', value }));
const own = { attributes, droppedAttributesCount: 1 };
const ids = { traceId: '01'.repeat(16), spanId: '02'.repeat(8) };
const times = { startTimeUnixNano: '1', timeUnixNano: '2', flags: 1, attributes };
const exemplars = [{ ...ids, filteredAttributes: attributes, timeUnixNano: '3', asInt: '4' }, { asDouble: 0.5 }];
const ranged = { ...times, count: '5', sum: 1.5, min: 0.5, max: 2.5, exemplars };
const buckets = { offset: -1, bucketCounts: ['1', '300'] };
const metrics: readonly JsonObject[] = [
  { name: 'n', description: 'd', unit: 'u', metadata: attributes, gauge: { dataPoints: [{ ...times, asInt: '1', exemplars }, { asDouble: 1.5 }] } },
  { sum: { dataPoints: [{ asInt: '1' }], aggregationTemporality: 2, isMonotonic: true } },
  { histogram: { dataPoints: [{ ...ranged, bucketCounts: ['1', '2'], explicitBounds: [0.5] }], aggregationTemporality: 1 } },
  { exponentialHistogram: { dataPoints: [{ ...ranged, scale: -1, zeroCount: '1', positive: buckets, negative: buckets, zeroThreshold: 0.1 }], aggregationTemporality: 1 } },
  { summary: { dataPoints: [{ ...times, count: '1', sum: 1.5, quantileValues: [{ quantile: 0.5, value: 2 }] }] } },
];
const span: JsonObject = {
  ...ids, ...own, traceState: 'a=b', parentSpanId: '03'.repeat(8), name: 'n', kind: 2, startTimeUnixNano: '1', endTimeUnixNano: '2', droppedEventsCount: 1, droppedLinksCount: 2, flags: 1,
  events: [{ ...own, timeUnixNano: '1', name: 'e' }], links: [{ ...ids, ...own, traceState: 'c=d', flags: 1 }], status: { code: 2, message: 'm' },
};
const record: JsonObject = {
  ...ids, ...own, timeUnixNano: '1', observedTimeUnixNano: '2', severityNumber: 9, severityText: 's', body: { stringValue: 'b' }, flags: 1, eventName: 'e',
};

function around(entries: string, scopes: string, items: string, held: readonly JsonObject[]): OtlpRequest {
  return { [entries]: [{ resource: own, schemaUrl: 'r', [scopes]: [{ scope: { ...own, name: 's', version: '1' }, schemaUrl: 'u', [items]: held }] }] };
}

const requests: readonly (readonly [Signal, OtlpRequest])[] = [
  ['traces', around('resourceSpans', 'scopeSpans', 'spans', [span])],
  ['logs', around('resourceLogs', 'scopeLogs', 'logRecords', [record])],
  ['metrics', around('resourceMetrics', 'scopeMetrics', 'metrics', metrics)],
];

/** The names of all fields that a message may hold at any depth. */
function allFields(type: protobuf.Type, found = new Set<string>()): Set<string> {
  for (const { id, resolvedType } of type.fieldsArray) {
    const name = `${type.name}.${id}`;
    if (found.has(name)) continue;
    found.add(name);
    if (resolvedType instanceof protobuf.Type) allFields(resolvedType, found);
  }
  return found;
}

/** Why the check refuses, null where it does not. */
function reasonOf(signal: Signal, bytes: Uint8Array): string | null {
  return coded(() => decodeOtlp(signal, bytes, { isChecked: true }))?.reason ?? null;
}

describe.each(requests)('%s', (signal, request) => {
  const good = otlpBytes(signal, request);
  const refusals = (change: (field: Node) => void): Set<string> => new Set(changedEverywhere(signal, good, change).map(({ where, bytes }) => `${where} ${reasonOf(signal, bytes)}`));
  const every = new Set(changedEverywhere(signal, good, () => {}).map(({ where }) => where));
  const each = (reason: string): Set<string> => new Set([...every].map((where) => `${where} ${reason}`));

  test('the good request has every field, and is taken', () => {
    expect(every).toEqual(allFields(requestType(signal)));
    expect(reasonOf(signal, good)).toBeNull();
    expect(readEverything(decodeOtlp(signal, good))).toEqual([]);
  });

  test.each([3, 4, 6, 7])('any field in wire type %d', (wire) => {
    expect(refusals((field) => {
      field.wire = wire;
      field.body = new Uint8Array(0);
    })).toEqual(each('malformed_protobuf'));
  });

  test.each([[0, [1]], [1, [1, 2, 3, 4, 5, 6, 7, 8]], [2, [1, 0]], [5, [1, 2, 3, 4]]] as const)('any field in wire type %d, but those of that type', (wire, body) => {
    const right = new Set<string>();
    const changed = changedEverywhere(signal, good, (field) => {
      if (field.wire === wire || isSingle(field, wire)) right.add(`${field.within.name}.${field.id}`);
      else [field.wire, field.body] = [wire, Uint8Array.from(body)];
    });
    for (const { where, bytes } of changed) expect([where, reasonOf(signal, bytes)]).toEqual([where, right.has(where) ? null : 'malformed_protobuf']);
    expect(changed.length).toBeGreaterThan(right.size);
  });

  test('any length that leaves its message', () => {
    const lengths = changedEverywhere(signal, good, (field) => (field.lie = 2 ** 20)).filter(({ bytes }) => !Buffer.from(bytes).equals(Buffer.from(good)));
    expect(lengths.length).toBeGreaterThan(20);
    expect(lengths.filter(({ bytes }) => reasonOf(signal, bytes) !== 'malformed_protobuf')).toEqual([]);
  });

  test('cut off at any byte', () => {
    const taken = Array.from(good.keys()).filter((length) => reasonOf(signal, good.subarray(0, length)) === null);
    expect(taken).toEqual([0]);
  });

  test('any text that is no UTF-8, any id too long', () => {
    const changed = changedEverywhere(signal, good, (field) => {
      const { type } = field.within.fieldsById[field.id];
      const isId = type === 'bytes' && field.within.name !== 'AnyValue';
      if (type === 'string') field.body = Uint8Array.of(0xff);
      else if (isId) field.body = new Uint8Array(17);
    });
    const reasons = new Map(changed.map(({ where, bytes }) => [where, reasonOf(signal, bytes)]));
    for (const [where, reason] of reasons) expect([where, reason]).toEqual([where, expectedOf(signal, where)]);
  });
});

/** Repeated numbers may come one by one in their own wire type. */
function isSingle({ within, id }: Node, wire: number): boolean {
  return (wire === 1 && within.name === 'HistogramDataPoint' && (id === 6 || id === 7)) || (wire === 0 && within.name === 'Buckets' && id === 2);
}

function expectedOf(signal: Signal, where: string): string | null {
  const [name, id] = where.split('.');
  const type = requestType(signal).root.lookupType(`thresher.test.${name}`);
  const field = type.fieldsById[Number(id)];
  if (field.type === 'string') return 'invalid_utf8';
  return field.type === 'bytes' && name !== 'AnyValue' ? 'invalid_id' : null;
}
