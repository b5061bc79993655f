import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import { encodeOtlpJson } from '../../../src/otlp/encode/json.ts';
import { encodeOtlp } from '../../../src/otlp/encode/protobuf.ts';
import { otlpJsonToProtobuf } from '../../../src/otlp/json/otlp-json-to-protobuf.ts';
import { mulberry } from '../../support/mulberry.ts';
import { exactItems } from '../../support/otlp-exact.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';
import type { JsonObject, OtlpRequest } from '../../support/otlp-json.ts';
import { lose, losses, otapUnordered, tableLosses } from '../../support/otlp-losses.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';
import { allNoise, type Below, unknownFields, wireBytes } from '../../support/otlp-wire.ts';
import { plain } from '../../support/reencode.ts';
import { requestOf } from './arbitrary.ts';

/*
 * Strategy: random requests with every field and extreme, in plain protobuf and in all its other forms, go through our tables, and through OTAP, to OTLP.
 * Invariants: what comes back says exactly what was sent, by protobufjs's reading, but for what test/support/otlp-losses.ts models; each of these losses
 * is real. docs/otlp.md has them as a table.
 */

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 200);

function mulberryBelow(chance: number): Below {
  const random = mulberry(chance);
  return (below) => Math.floor(random() * below);
}

function taken(signal: Signal, batch: OtapBatch): OutputBatch {
  const builder = new OutputBatchBuilder(signal);
  builder.append(batch, allRows(batch), null);
  return builder.finish();
}

function throughTables(signal: Signal, bytes: Uint8Array): OtlpRequest {
  return parseOtlp(signal, encodeOtlp(taken(signal, decodeOtlp(signal, bytes))));
}

function throughOtap(signal: Signal, bytes: Uint8Array): OtlpRequest {
  const batch = decodeOtlp(signal, bytes);
  if (batch.rowCount === 0) return {};
  const message = new OtapStreamEncoder(signal, plain).encode(1n, taken(signal, batch));
  return parseOtlp(signal, encodeOtlp(taken(signal, new OtapStreamDecoder(signal).decode(message))));
}

function throughJson(signal: Signal, bytes: Uint8Array): OtlpRequest {
  return parseOtlp(signal, otlpJsonToProtobuf(signal, encodeOtlpJson(taken(signal, decodeOtlp(signal, bytes)))));
}

function sorted(signal: Signal, request: OtlpRequest, unordered?: ReadonlySet<string>): string[] {
  return exactItems(signal, request, unordered).sort();
}

describe.each(['traces', 'logs', 'metrics'] as const)('random %s', (signal) => {
  test(`OTLP, tables, OTLP: all but what is known to be lost (seed ${seed})`, () => {
    fc.assert(fc.property(requestOf(signal, true), fc.nat(), (request, chance) => {
      const bytes = wireBytes(signal, request, mulberryBelow(chance), chance % 2 === 0 ? [] : allNoise);
      expect(sorted(signal, throughTables(signal, bytes))).toEqual(sorted(signal, lose(request, tableLosses)));
    }), { seed, numRuns });
  });

  test(`OTLP, OTAP, OTLP: the same (seed ${seed})`, () => {
    fc.assert(fc.property(requestOf(signal, true), (request) => {
      const bytes = wireBytes(signal, request, () => 0, []);
      expect(sorted(signal, throughOtap(signal, bytes), otapUnordered)).toEqual(sorted(signal, lose(request, tableLosses), otapUnordered));
    }), { seed, numRuns });
  });

  test(`OTLP, tables, OTLP in JSON, OTLP: all but what is known to be lost (seed ${seed})`, () => {
    fc.assert(fc.property(requestOf(signal, true), (request) => {
      const bytes = wireBytes(signal, request, () => 0, []);
      if (decodeOtlp(signal, bytes).rowCount === 0) return;
      expect(sorted(signal, throughJson(signal, bytes))).toEqual(sorted(signal, lose(request, tableLosses)));
    }), { seed, numRuns });
  });
});

describe('what is lost is lost', () => {
  const value = { stringValue: 'v' };
  const id = (width: number): string => '00'.repeat(width);
  const spans = (...items: readonly JsonObject[]): OtlpRequest => ({ resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans: items }] }] });
  const logs = (...items: readonly JsonObject[]): OtlpRequest => ({ resourceLogs: [{ resource: {}, scopeLogs: [{ scope: {}, logRecords: items }] }] });
  const points = (...dataPoints: readonly JsonObject[]): OtlpRequest => ({ resourceMetrics: [{ resource: {}, scopeMetrics: [{ scope: {}, metrics: [{ exponentialHistogram: { dataPoints } }] }] }] });
  const examples: readonly (readonly [keyof typeof losses, Signal, OtlpRequest])[] = [
    ['resourcesThere', 'traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'a' }] }] }] }],
    ['valuesThere', 'traces', spans({ attributes: [{ key: 'k' }] })],
    ['valuesThere', 'logs', logs({ body: { kvlistValue: { values: [{ key: 'k' }] } } })],
    ['bodiesGone', 'logs', logs({ body: {} })],
    ['statusesGone', 'traces', spans({ status: {} })],
    ['bucketsGone', 'metrics', points({ positive: {}, negative: {} })],
    ['zeroIdsGone', 'traces', spans({ traceId: id(16), spanId: id(8), links: [{ traceId: id(16), spanId: id(8) }] })],
  ];

  test.each(examples)('%s, of %s', (name, signal, request) => {
    const bytes = otlpBytes(signal, request);
    expect(exactItems(signal, throughTables(signal, bytes))).toEqual(exactItems(signal, losses[name](request)));
    expect(exactItems(signal, throughTables(signal, bytes))).not.toEqual(exactItems(signal, request));
  });

  test('what is told apart elsewhere comes back: zero ids of parents, log records and exemplars, optional zeros, empty members of oneofs', () => {
    const kept: readonly (readonly [Signal, OtlpRequest])[] = [
      ['traces', spans({ parentSpanId: id(8) }, { parentSpanId: '' }, { attributes: [{ key: 'k', value: { stringValue: '' } }, { key: 'k', value: {} }, { key: 'k', value }] })],
      ['logs', logs({ traceId: id(16), spanId: id(8) }, {}, { body: { arrayValue: {} } }, { body: { bytesValue: '' } })],
      ['metrics', points({ sum: 0, min: 0, max: -0, exemplars: [{ traceId: id(16), spanId: id(8), asInt: '0' }, { asDouble: -0 }, {}] }, {})],
    ];
    for (const [signal, request] of kept) expect(exactItems(signal, throughTables(signal, otlpBytes(signal, request)))).toEqual(exactItems(signal, request));
  });

  test('resources and scopes without items are gone; items of one resource come together', () => {
    const resource = (name: string): JsonObject => ({ attributes: [{ key: 'service.name', value: { stringValue: name } }] });
    const entry = (name: string, ...names: readonly string[]): JsonObject => ({ resource: resource(name), scopeSpans: [{ scope: {}, spans: names.map((own) => ({ name: own })) }] });
    const sent: OtlpRequest = { resourceSpans: [entry('a', '1'), entry('b', '2'), entry('c'), entry('a', '3'), { resource: resource('d') }] };
    expect(throughTables('traces', otlpBytes('traces', sent))).toEqual({ resourceSpans: [entry('a', '1', '3'), entry('b', '2')] });
  });

  test('fields that nobody knows are gone through tables', () => {
    const known: OtlpRequest = spans({ name: 'a' });
    const bytes = wireBytes('traces', known, mulberryBelow(3), ['unknown']);
    expect(unknownFields('traces', [bytes]).length).toBeGreaterThan(0);
    expect(unknownFields('traces', [encodeOtlp(taken('traces', decodeOtlp('traces', bytes)))])).toEqual([]);
  });

  test('through OTAP: the order of attributes and of exemplars, and signs of zero where a table has nothing but zeros of both', () => {
    const attributes = (...doubles: readonly number[]): OtlpRequest => spans({ attributes: doubles.map((doubleValue) => ({ key: 'k', value: { doubleValue } })) });
    const through = (request: OtlpRequest): string[] => exactItems('traces', throughOtap('traces', otlpBytes('traces', request)));
    expect(through(attributes(-0, 0))).toEqual(exactItems('traces', attributes(0, 0)));
    expect(through(attributes(-0))).toEqual(exactItems('traces', attributes(-0)));
    expect(through(attributes(-0, 1, 0))).toEqual(exactItems('traces', attributes(-0, 1, 0)));
    const [text, double] = [{ key: 'text', value }, { key: 'double', value: { doubleValue: 1 } }];
    expect(through(spans({ attributes: [double, text] }))).toEqual(exactItems('traces', spans({ attributes: [text, double] })));
    const [one, two] = [{ asDouble: 1 }, { asInt: '2' }];
    expect(exactItems('metrics', throughOtap('metrics', otlpBytes('metrics', points({ exemplars: [one, two] }))))).toEqual(exactItems('metrics', points({ exemplars: [two, one] })));
  });
});
