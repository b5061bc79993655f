import { describe, expect, test } from 'vitest';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import type { Column } from '../../../src/otap/column.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import { decodeBatchArrowRecords } from '../../../src/otap/proto/batch-arrow-records.ts';
import { OutputBatchBuilder, rootRowsMax } from '../../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { cell } from '../../support/otap-cells.ts';
import { canonical, toOtlp } from '../../support/otap-to-otlp.ts';
import { decodeWithGo, withoutGo } from '../../support/otapverify.ts';
import { batchOf, type Value } from '../../support/random-batch.ts';
import { entriesOf, plain, requestOf, zstd } from '../../support/reencode.ts';

type Row = { readonly [path: string]: Value };

function span(id: number, fields: Row = {}): Row {
  return {
    id, 'resource.id': 0, 'scope.id': 0, 'name': 'n', 'trace_id': new Uint8Array(16).fill(1), 'span_id': new Uint8Array(8).fill(2),
    'start_time_unix_nano': 5n, 'duration_time_unix_nano': 1n, ...fields,
  };
}

function taken(batch: OtapBatch): OutputBatch {
  const builder = new OutputBatchBuilder(batch.signal);
  builder.append(batch, allRows(batch), null);
  return builder.finish();
}

/** A batch of spans of these names. */
function named(names: readonly string[]): OtapBatch {
  return batchOf('traces', { SPANS: names.map((name, id) => span(id, { name })) });
}

function distinct(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** How SPANS.name lies in each batch of a stream: its index width in bytes, or native. */
function widths(messages: readonly Uint8Array[]): (number | string)[] {
  const decoder = new OtapStreamDecoder('traces');
  return messages.map((message) => {
    const column = decoder.decode(message).table('SPANS')?.column('name');
    return column?.kind === 'dictionary' ? column.codes.BYTES_PER_ELEMENT : (column?.kind ?? 'absent');
  });
}

function schemaIds(message: Uint8Array): string[] {
  return decodeBatchArrowRecords(message).payloads.map(({ schemaId }) => schemaId);
}

describe('dictionaries', () => {
  const twice = (names: readonly string[]): string[] => [...names, ...names, ...names];
  const batches = [
    named(['a', 'b', 'a']),
    named(twice(distinct(200, 'few'))),
    named(twice(distinct(200, 'more'))),
    named(['a', 'more7']),
    named(distinct(65_500, 'many')),
    named(['a', 'many7']),
  ];

  test('go from u8 to u16 to native in one stream, and every name is read', () => {
    const encoder = new OtapStreamEncoder('traces', zstd);
    const messages = batches.map((batch, index) => encoder.encode(BigInt(index), taken(batch)));
    expect(widths(messages)).toEqual([1, 1, 2, 2, 'bytes', 'bytes']);
    expect(messages.map(schemaIds)).toEqual([['0'], ['0'], ['1'], ['1'], ['2'], ['2']]);
    const decoder = new OtapStreamDecoder('traces');
    for (const [index, message] of messages.entries()) expect(canonical([toOtlp(decoder.decode(message))])).toEqual(canonical([toOtlp(batches[index])]));
  });

  test('that are full of values which repeat start anew with the same index', () => {
    const encoder = new OtapStreamEncoder('traces', zstd);
    const messages = ['x', 'y', 'z', 'w'].map((prefix) => encoder.encode(0n, taken(named(twice(distinct(20_000, prefix))))));
    expect(widths(messages)).toEqual([2, 2, 2, 2]);
    expect(messages.map(schemaIds)).toEqual([['0'], ['0'], ['0'], ['1']]);
  });

  test('of more bytes than a receiver should hold start anew or end', () => {
    const encoder = new OtapStreamEncoder('traces', zstd);
    const long = (prefix: string): string[] => twice(distinct(100, prefix.padEnd(6000, '.')));
    const messages = ['x', 'y'].map((prefix) => encoder.encode(0n, taken(named(long(prefix)))));
    expect(messages.map(schemaIds)).toEqual([['0'], ['1']]);
    expect(widths(messages)).toEqual([1, 2]);
  });

  test('that were sent come again on a new stream only', () => {
    const output = taken(named(twice(distinct(200, 'long-name-of-a-span-'))));
    const encoder = new OtapStreamEncoder('traces', plain);
    const [first, second] = [encoder.encode(0n, output).length, encoder.encode(1n, output).length];
    expect(second).toBeLessThan(first - 200 * 20);
    expect(new OtapStreamEncoder('traces', plain).encode(0n, output).length).toBe(first);
  });
});

describe('schemas', () => {
  test('are reset when a column comes that they have not, and keep what they have', () => {
    const encoder = new OtapStreamEncoder('traces', plain);
    const batches = [
      batchOf('traces', { SPANS: [span(0)] }),
      batchOf('traces', { SPANS: [span(0, { trace_state: 'a=1' })], SPAN_ATTRS: [{ parent_id: 0, key: 'k', type: 3, double: 1 }] }),
      batchOf('traces', { SPANS: [span(0, { kind: 2 })], SPAN_ATTRS: [{ parent_id: 0, key: 'k', type: 1, str: 's' }] }),
      batchOf('traces', { SPANS: [span(0)], SPAN_ATTRS: [{ parent_id: 0, key: 'k', type: 3, double: 1 }] }),
    ];
    const messages = batches.map((batch) => encoder.encode(0n, taken(batch)));
    expect(messages.map(schemaIds)).toEqual([['0'], ['1', '2'], ['3', '4'], ['3', '4']]);
    const decoder = new OtapStreamDecoder('traces');
    messages.forEach((message, index) => expect(canonical([toOtlp(decoder.decode(message))])).toEqual(canonical([toOtlp(batches[index])])));
    expect(decoder.decode(messages[3]).table('SPANS')?.paths).toEqual(expect.arrayContaining(['trace_state', 'kind']));
  });

  test('come with exactly one record batch a payload, the root first', () => {
    const batch = batchOf('traces', { SPANS: [span(0)], RESOURCE_ATTRS: [{ parent_id: 0, key: 'k', type: 0 }], SPAN_EVENTS: [{ parent_id: 0, name: 'e' }] });
    const { payloads } = decodeBatchArrowRecords(new OtapStreamEncoder('traces', plain).encode(7n, taken(batch)));
    expect(payloads.map(({ type }) => type)).toEqual([40, 1, 42]);
    const recordBatch = 3;
    for (const { record } of payloads) expect(headerTypes(record).filter((type) => type === recordBatch)).toEqual([recordBatch]);
  });
});

test('65,535 rows have the ids 0 to 65,534, their attributes find them, and no row more is taken', () => {
  const rows = Array.from({ length: rootRowsMax }, (_, row) => span(row, { flags: row, 'resource.id': row % 3 }));
  const attributes = [0, 1, 30_000, 65_534].map((parent) => ({ parent_id: parent, key: 'row', type: 2, int: BigInt(parent) }));
  const resources = [0, 1, 2].map((parent) => ({ parent_id: parent, key: 'resource', type: 2, int: BigInt(parent) }));
  const batch = batchOf('traces', { SPANS: rows, SPAN_ATTRS: attributes, RESOURCE_ATTRS: resources });
  const decoded = new OtapStreamDecoder('traces').decode(new OtapStreamEncoder('traces', zstd).encode(0n, taken(batch)));
  const spans = decoded.table('SPANS');
  const ids = spans?.ids('id')?.values ?? new Uint32Array(0);
  expect([ids[0], ids[65_534], ids.length]).toEqual([0, 65_534, 65_535]);
  const own = decoded.table('SPAN_ATTRS');
  const parents = own?.ids('parent_id')?.values ?? new Uint32Array(0);
  expect(Array.from(parents, (parent) => cell(spans?.column('flags') ?? null, parent) ?? 0)).toEqual(
    Array.from(parents, (_, row) => Number(cell(own?.column('int') ?? null, row))),
  );
});

describe('doubles that readers compare in different ways', () => {
  const table = (values: readonly number[], more: readonly Row[] = []): OtapBatch => {
    const attributes = values.map((double, parent) => ({ parent_id: parent, key: 'k', type: 3, double }));
    return batchOf('traces', { SPANS: values.map((_, id) => span(id, { flags: id })), SPAN_ATTRS: [...attributes, ...more] });
  };
  const other = { parent_id: 0, key: 'other', type: 1, str: 's' };
  const read = (batch: OtapBatch): string[][] => {
    const messages = [new OtapStreamEncoder('traces', plain).encode(0n, taken(batch))];
    const own = canonical([toOtlp(new OtapStreamDecoder('traces').decode(messages[0]))]);
    return withoutGo === null ? [own, canonical(decodeWithGo('traces', messages))] : [own];
  };

  test.each([
    ['NaNs side by side', table([NaN, NaN, NaN, 1, NaN])],
    ['zeros of both signs', table([0, -0, 0, -0, -0], [other])],
    ['infinities and NaN', table([Infinity, NaN, -Infinity, NaN])],
  ])('%s keep their spans and values', (_, batch) => {
    for (const items of read(batch)) expect(items).toEqual(canonical([requestOf('traces', entriesOf(batch))]));
  });

  test('a table of nothing but zeros of both signs keeps its spans and loses the signs', () => {
    for (const items of read(table([0, -0, 0, -0]))) expect(items).toEqual(canonical([toOtlp(table([0, 0, 0, 0]))]));
  });
});

test('null slots of exemplar values are no zeros, for the Rust engine compares them with the values beside', () => {
  const exemplars = [{ parent_id: 0, int_value: 0n }, { parent_id: 0, double_value: 0 }, { parent_id: 0 }];
  const batch = batchOf('metrics', {
    UNIVARIATE_METRICS: [{ id: 0, metric_type: 1, name: 'm' }],
    NUMBER_DATA_POINTS: [{ id: 0, parent_id: 0, time_unix_nano: 1n }],
    NUMBER_DP_EXEMPLARS: exemplars.map((row) => ({ ...row, time_unix_nano: 1n })),
  });
  const table = new OtapStreamDecoder('metrics').decode(new OtapStreamEncoder('metrics', plain).encode(0n, taken(batch))).table('NUMBER_DP_EXEMPLARS');
  const pairs = [0, 1, 2].map((row) => ['int_value', 'double_value'].map((path) => slot(table?.column(path) ?? null, row)).join());
  expect(new Set(pairs).size).toBe(3);
});

test('the size of a row is estimated from what was sent', () => {
  const encoder = new OtapStreamEncoder('traces', plain);
  expect(encoder.bytesPerRow).toBe(0);
  const message = encoder.encode(0n, taken(named(['a', 'b', 'c', 'd'])));
  expect(encoder.bytesPerRow).toBe(message.length / 4);
});

/** What lies in a row, null or not. */
function slot(column: Column | null, row: number): string {
  if (column?.kind !== 'wide' && column?.kind !== 'fixed') throw new Error('expected plain values');
  return String(column.values[row]);
}

/** Header types of the encapsulated messages of a record: 1 schema, 2 dictionary, 3 record batch. */
function headerTypes(record: Uint8Array): number[] {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const types: number[] = [];
  for (let at = 0; at < record.length; ) {
    const start = at + 8;
    const message = start + view.getUint32(start, true);
    const vtable = message - view.getInt32(message, true);
    const field = (index: number): number => message + view.getUint16(vtable + 4 + 2 * index, true);
    types.push(view.getUint8(field(1)));
    const bodyLength = vtable + 4 + 6 < vtable + view.getUint16(vtable, true) && view.getUint16(vtable + 10, true) > 0 ? Number(view.getBigInt64(field(3), true)) : 0;
    at = start + view.getUint32(at + 4, true) + bodyLength;
  }
  return types;
}
