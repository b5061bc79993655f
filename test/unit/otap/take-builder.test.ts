import { describe, expect, test } from 'vitest';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import { OutputBatchBuilder, rootRowsMax } from '../../../src/otap/take/builder.ts';
import type { ItemStamps } from '../../../src/otap/take/item-stamps.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { allRows, appendSplit } from '../../../src/otap/take/split.ts';
import { toOtlp } from '../../support/otap-to-otlp.ts';
import { type JsonObject, object, objects } from '../../support/otlp-json.ts';
import { batchOf, type Value } from '../../support/random-batch.ts';
import { plain } from '../../support/reencode.ts';

type Row = { readonly [path: string]: Value };

const noStamps: ItemStamps = { adjustedCount: Float64Array.of(NaN), traceState: null, threshold: null, randomness: null };

function span(fields: Row = {}): Row {
  return {
    'id': 0, 'resource.id': 0, 'scope.id': 0, 'name': 'n', 'trace_id': new Uint8Array(16).fill(1), 'span_id': new Uint8Array(8).fill(2),
    'start_time_unix_nano': 5n, 'duration_time_unix_nano': 1n, ...fields,
  };
}

function text(parent: number, key: string, str: string | null): Row {
  return { parent_id: parent, key, type: 1, str };
}

function built(signal: 'traces' | 'logs', batch: OtapBatch, stamps: ItemStamps | null = null): JsonObject[] {
  const builder = new OutputBatchBuilder(signal);
  builder.append(batch, allRows(batch), stamps);
  return itemsOf(builder.finish());
}

/** Items as our decoder reads them, in the order of the root table. */
function itemsOf(batch: OutputBatch): JsonObject[] {
  const decoded = toOtlp(new OtapStreamDecoder(batch.signal).decode(new OtapStreamEncoder(batch.signal, plain).encode(1n, batch)));
  const resources = objects(decoded.resourceSpans ?? decoded.resourceLogs);
  return resources.flatMap((resource) => objects(resource['scopeSpans'] ?? resource['scopeLogs']).flatMap((scope) => [...objects(scope['spans'] ?? scope['logRecords'])]));
}

describe('resources and scopes', () => {
  test('equal ones of different batches are one, whatever their ids and the order of their attributes', () => {
    const first = batchOf('traces', { SPANS: [span({ 'resource.id': 4 })], RESOURCE_ATTRS: [text(4, 'a', 'x'), text(4, 'b', 'y')] });
    const second = batchOf('traces', { SPANS: [span({ 'resource.id': 9 })], RESOURCE_ATTRS: [text(9, 'b', 'y'), text(9, 'a', 'x')] }, () => true);
    const builder = new OutputBatchBuilder('traces');
    builder.append(first, allRows(first), null);
    builder.append(second, allRows(second), null);
    const batch = builder.finish();
    expect([...batch.resourceOf]).toEqual([0, 0]);
    expect(batch.tables.get('RESOURCE_ATTRS')?.rowCount).toBe(2);
  });

  test.each([
    ['a value', { RESOURCE_ATTRS: [text(0, 'a', 'x'), text(1, 'a', 'z')] }, {}],
    ['a number of equal attributes', { RESOURCE_ATTRS: [text(0, 'a', 'x'), text(1, 'a', 'x'), text(1, 'a', 'x')] }, {}],
    ['the schema url', {}, { 'resource.schema_url': 'u' }],
    ['the dropped count', {}, { 'resource.dropped_attributes_count': 1 }],
  ])('that differ in %s are two', (_, tables, fields) => {
    const batch = batchOf('traces', { SPANS: [span(), span({ 'id': 1, 'resource.id': 1, ...fields })], ...tables });
    const builder = new OutputBatchBuilder('traces');
    builder.append(batch, allRows(batch), null);
    expect([...builder.finish().resourceOf]).toEqual([0, 1]);
  });

  test('a scope is of one resource and one schema url, so that the ids of rows never fall', () => {
    const rows = [span({ 'resource.id': 1 }), span({ id: 1 }), span({ 'id': 2, 'schema_url': 'u' }), span({ 'id': 3, 'resource.id': 1 })];
    const batch = batchOf('traces', { SPANS: rows, RESOURCE_ATTRS: [text(0, 'a', 'x')] });
    const builder = new OutputBatchBuilder('traces');
    builder.append(batch, allRows(batch), null);
    const output = builder.finish();
    expect([...output.scopeOf]).toEqual([0, 1, 2, 0]);
    expect([...output.resourceOfScope]).toEqual([0, 1, 1]);
  });
});

describe('stamps', () => {
  test('give attributes to a record that had none and no id', () => {
    const batch = batchOf('logs', { LOGS: [{ 'body.type': 1, 'body.str': 'hi' }] });
    const stamps = { adjustedCount: Float64Array.of(2.5), traceState: null, threshold: ['c'], randomness: ['0123456789abcd'] };
    expect(built('logs', batch, stamps).map((item) => object(item)['attributes'])).toEqual([
      expect.arrayContaining([
        { key: 'sampling.adjusted_count', value: { doubleValue: 2.5 } },
        { key: 'sampling.threshold', value: { stringValue: 'c' } },
        { key: 'sampling.randomness', value: { stringValue: '0123456789abcd' } },
      ]),
    ]);
  });

  test('remove what came of the three keys, and only on rows that are stamped', () => {
    const attributes = [text(0, 'sampling.adjusted_count', '9'), text(0, 'sampling.threshold', '8'), text(0, 'sampling.randomness', '7'), text(0, 'kept', 'k')];
    const batch = batchOf('traces', { SPANS: [span()], SPAN_ATTRS: attributes });
    const keys = (stamps: ItemStamps | null): unknown[] => objects(built('traces', batch, stamps)[0]['attributes']).map(({ key }) => key).sort();
    expect(keys(null)).toEqual(['kept', 'sampling.adjusted_count', 'sampling.randomness', 'sampling.threshold']);
    expect(keys(noStamps)).toEqual(['kept', 'sampling.randomness', 'sampling.threshold']);
    expect(keys({ ...noStamps, threshold: [null], randomness: [null] })).toEqual(['kept']);
  });

  test.each([
    [null, 'came=1'],
    ['', undefined],
    ['ot=th:8', 'ot=th:8'],
  ])('a tracestate of %j leaves %j', (given, left) => {
    const batch = batchOf('traces', { SPANS: [span({ trace_state: 'came=1' })] });
    expect(built('traces', batch, { ...noStamps, traceState: [given] })[0]['traceState']).toBe(left);
  });
});

describe('values', () => {
  test('of attributes that the source left null are the zero of their type, as the writers mean it', () => {
    const attributes = [text(0, 'str', null), { parent_id: 0, key: 'int', type: 2 }, { parent_id: 0, key: 'double', type: 3 }, { parent_id: 0, key: 'bool', type: 4 }, { parent_id: 0, key: 'bytes', type: 7 }];
    const [item] = built('traces', batchOf('traces', { SPANS: [span()], SPAN_ATTRS: attributes }));
    expect(Object.fromEntries(objects(item['attributes']).map(({ key, value }) => [key, value]))).toEqual({
      str: { stringValue: '' }, int: { intValue: '0' }, double: { doubleValue: 0 }, bool: { boolValue: false }, bytes: { bytesValue: '' },
    });
  });

  test('that are no UTF-8 are repaired, since one would make a receiver refuse the batch', () => {
    const broken = Uint8Array.of(0x61, 0xff, 0x62);
    const batch = batchOf('traces', { SPANS: [span({ name: broken })] });
    expect(built('traces', batch)[0]['name']).toBe('a\ufffdb');
  });
});

describe('room', () => {
  test('rows beyond it are refused before anything is appended', () => {
    const batch = batchOf('traces', { SPANS: [span(), span({ id: 1 }), span({ id: 2 })] });
    const builder = new OutputBatchBuilder('traces', 2);
    expect(() => builder.append(batch, allRows(batch), null)).toThrow(RangeError);
    expect([builder.rowCount, builder.room]).toEqual([0, 2]);
  });

  test('split rows fill batches up, each with its stamps', () => {
    const batch = batchOf('traces', { SPANS: [span({ name: 'a' }), span({ id: 1, name: 'b' }), span({ id: 2, name: 'c' })] });
    const builder = new OutputBatchBuilder('traces', 2);
    const full: OutputBatch[] = [];
    const stamps = { ...noStamps, adjustedCount: Float64Array.of(1, 2, 3) };
    appendSplit(builder, batch, allRows(batch), stamps, (output) => full.push(output));
    const items = [...full, builder.finish()].map(itemsOf);
    expect(items.map((list) => list.map((item) => [item['name'], object(objects(item['attributes'])[0]['value'])['doubleValue']]))).toEqual([[['a', 1], ['b', 2]], [['c', 3]]]);
  });

  test.each([0, rootRowsMax + 1, NaN])('of %d rows is refused', (rowsMax) => {
    expect(() => new OutputBatchBuilder('traces', rowsMax)).toThrow(RangeError);
  });
});

test('a batch that cannot be read to its end leaves nothing behind', () => {
  const good = batchOf('traces', { SPANS: [span()], SPAN_ATTRS: [text(0, 'k', 'v')], RESOURCE_ATTRS: [text(0, 'r', 'one')] });
  const bad = batchOf('traces', { SPANS: [span({ name: 'bad' })], SPAN_ATTRS: [text(0, 'k', 'bad')], RESOURCE_ATTRS: [text(0, 'r', 'two')], SPAN_EVENTS: [{ parent_id: 0, name: 'e' }] });
  const failing: OtapBatch = { ...bad, table: (name) => {
    if (name === 'SPAN_EVENTS') throw new Error('cannot be read');
    return bad.table(name);
  } };
  const builder = new OutputBatchBuilder('traces');
  builder.append(good, allRows(good), null);
  expect(() => builder.append(failing, allRows(failing), null)).toThrow('cannot be read');
  builder.append(good, allRows(good), null);
  builder.append(bad, allRows(bad), null);
  const output = builder.finish();
  expect([output.rowCount, [...output.resourceOf], output.tables.get('SPAN_ATTRS')?.rowCount, output.tables.get('RESOURCE_ATTRS')?.rowCount]).toEqual([3, [0, 0, 1], 3, 2]);
  expect(itemsOf(output).map((item) => item['name'])).toEqual(['n', 'n', 'bad']);
});
