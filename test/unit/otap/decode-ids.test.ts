import { Bool, Dictionary, Float64, Int64, makeData, Uint16, Uint32, Uint8, Utf8, vectorFromArray } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import type { PayloadTable } from '../../../src/otap/batch.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { signalPayloads, type PayloadName, type Signal } from '../../../src/otap/payload-type.ts';
import { arrowRecord, barOf, dictionaryData, type TestColumn } from '../../support/arrow-bar.ts';
import { captures, readCapture } from '../../support/captures.ts';
import { cell } from '../../support/otap-cells.ts';

function decodeTable(signal: Signal, name: PayloadName, columns: readonly TestColumn[]): PayloadTable {
  const table = new OtapStreamDecoder(signal).decode(barOf([{ name, record: arrowRecord(columns) }])).table(name);
  if (table === null) throw new Error('no table');
  return table;
}

const idsOf = (table: PayloadTable, path: string): number[] => [...(table.ids(path)?.values ?? [])];
const keys = new Dictionary(new Utf8(), new Uint8());
const u16 = (name: string, values: readonly (number | null)[], encoding?: string): TestColumn => ({ name, type: new Uint16(), values, ...(encoding === undefined ? {} : { encoding }) });
const u8 = (name: string, values: readonly number[]): TestColumn => ({ name, type: new Uint8(), values });
const key = (values: readonly (string | null)[]): TestColumn => ({ name: 'key', type: keys, values });
const str = (values: readonly (string | null)[]): TestColumn => ({ name: 'str', type: new Utf8(), values });

/** An attribute table, and what the specification says its parents are. */
function attributes(columns: readonly TestColumn[]): PayloadTable {
  return decodeTable('logs', 'LOG_ATTRS', columns);
}

describe('transport ids', () => {
  // OTAP specification, the examples of 6.4.2 and 6.4.3.
  test('delta: running sum, nulls skipped', () => {
    expect(idsOf(decodeTable('logs', 'LOGS', [u16('id', [0, 0, 1, 0, 0, 1, 1])]), 'id')).toEqual([0, 0, 1, 1, 1, 2, 3]);
    const table = decodeTable('logs', 'LOGS', [u16('id', [5, null, 1, null, 2])]);
    expect(idsOf(table, 'id').filter((_, row) => row % 2 === 0)).toEqual([5, 6, 8]);
    expect(table.ids('id')?.validity?.[0]).toBe(0b10101);
  });

  test('what lies under a null is not looked at', () => {
    const ids = makeData({ type: new Uint16(), length: 4, nullCount: 2, nullBitmap: Uint8Array.of(0b1001), data: Uint16Array.of(5, 999, 65_535, 2) });
    const decoded = decodeTable('logs', 'LOGS', [{ name: 'id', type: new Uint16(), values: ids }]).ids('id');
    expect([decoded?.values[0], decoded?.values[3]]).toEqual([5, 7]);
    const parents = { name: 'parent_id', type: new Uint16(), values: [1, 1, 1, 1] };
    const names = makeData({ type: keys, length: 4, nullCount: 3, nullBitmap: Uint8Array.of(0b1000), data: Uint8Array.of(0, 1, 0, 0), dictionary: vectorFromArray(['a', 'b'], new Utf8()) });
    const events = decodeTable('traces', 'SPAN_EVENTS', [parents, { name: 'name', type: keys, values: names }]);
    expect(idsOf(events, 'parent_id')).toEqual([1, 2, 3, 1]);
  });

  test('quasi-delta of attributes: delta where type, key and value are those of the row before', () => {
    const table = attributes([
      u16('parent_id', [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
      key(['k1', 'k1', 'k1', 'k1', 'k1', 'k2', 'k2', 'k2', 'k2', 'k2', 'k2', 'k2', 'k2']),
      u8('type', [1, 1, 1, 1, 1, 1, 1, 1, 2, 0, 0, 5, 5]),
      str(['v1', 'v1', 'v1', 'v2', 'v2', 'v2', 'v2', 'v2', null, null, null, null, null]),
      { name: 'int', type: new Int64(), values: [null, null, null, null, null, null, null, null, 1n, null, null, null, null] },
    ]);
    expect(idsOf(table, 'parent_id')).toEqual([1, 2, 3, 1, 2, 1, 2, 3, 1, 1, 1, 1, 1]);
  });

  test('attributes with a null value, or whose value column is absent, are absolute', () => {
    expect(idsOf(attributes([u16('parent_id', [3, 4, 5]), key(['k', 'k', 'k']), u8('type', [1, 1, 1]), str([null, null, 'a'])]), 'parent_id')).toEqual([3, 4, 5]);
    expect(idsOf(attributes([u16('parent_id', [3, 4, 5]), key(['k', 'k', 'k']), u8('type', [2, 2, 2])]), 'parent_id')).toEqual([3, 4, 5]);
  });

  test('doubles are compared by their bits, bools by their value', () => {
    const doubles = { name: 'double', type: new Float64(), values: [NaN, NaN, 0, -0, -0] };
    expect(idsOf(attributes([u16('parent_id', [1, 1, 1, 1, 1]), key(['k', 'k', 'k', 'k', 'k']), u8('type', [3, 3, 3, 3, 3]), doubles]), 'parent_id')).toEqual([1, 2, 1, 1, 2]);
    const bools = { name: 'bool', type: new Bool(), values: [true, true, false, false, true] };
    expect(idsOf(attributes([u16('parent_id', [1, 1, 1, 1, 1]), key(['k', 'k', 'k', 'k', 'k']), u8('type', [4, 4, 4, 4, 4]), bools]), 'parent_id')).toEqual([1, 2, 1, 2, 1]);
  });

  test('events and links: delta where name or trace id repeat; a missing column is equal throughout', () => {
    const name = { name: 'name', type: new Utf8(), values: ['a', 'a', 'a', 'a', 'b', 'b'] };
    expect(idsOf(decodeTable('traces', 'SPAN_EVENTS', [u16('parent_id', [0, 1, 1, 2, 0, 3]), name]), 'parent_id')).toEqual([0, 1, 2, 4, 0, 3]);
    expect(idsOf(decodeTable('traces', 'SPAN_LINKS', [u16('parent_id', [2, 1, 1])]), 'parent_id')).toEqual([2, 3, 4]);
  });

  test('exemplars: both values count, two nulls are equal, a null is no zero', () => {
    const parents = { name: 'parent_id', type: new Uint32(), values: [1, 1, 1, 1, 1, 1] };
    const int = { name: 'int_value', type: new Int64(), values: [null, null, 0n, 0n, 1n, null] };
    const double = { name: 'double_value', type: new Float64(), values: [null, null, null, null, null, 0] };
    expect(idsOf(decodeTable('metrics', 'NUMBER_DP_EXEMPLARS', [parents, int, double]), 'parent_id')).toEqual([1, 2, 1, 2, 1, 1]);
  });

  test('plain marks are believed, unknown ones refused', () => {
    expect(idsOf(decodeTable('logs', 'LOGS', [u16('id', [7, 3, 5], 'plain')]), 'id')).toEqual([7, 3, 5]);
    expect(idsOf(attributes([u16('parent_id', [7, 3, 5], 'plain'), key(['k', 'k', 'k']), u8('type', [1, 1, 1]), str(['a', 'a', 'a'])]), 'parent_id')).toEqual([7, 3, 5]);
    expect(() => decodeTable('logs', 'LOGS', [u16('id', [7, 3, 5], 'zigzag')]).ids('id')).toThrow(/LOGS: column id: encoding "zigzag"/);
  });

  test('parent ids of u32 may be dictionaries', () => {
    const parents = { name: 'parent_id', type: new Dictionary(new Uint32(), new Uint8()), values: [70_000, 1, 1, 70_000] };
    const table = decodeTable('traces', 'SPAN_EVENT_ATTRS', [parents, key(['k', 'k', 'k', 'k']), u8('type', [1, 1, 1, 1]), str(['a', 'a', 'b', 'b'])]);
    expect(idsOf(table, 'parent_id')).toEqual([70_000, 70_001, 1, 70_001]);
  });

  test('ids that overflow their type are refused, the greatest is not', () => {
    expect(idsOf(decodeTable('logs', 'LOGS', [u16('id', [65_535])]), 'id')).toEqual([65_535]);
    expect(() => decodeTable('logs', 'LOGS', [u16('id', [65_535, 1])]).ids('id')).toThrow(/LOGS: column id, row 1: delta leads to 65536/);
    const u32 = (values: readonly number[]): TestColumn => ({ name: 'id', type: new Uint32(), values });
    expect(idsOf(decodeTable('traces', 'SPAN_EVENTS', [u32([4_294_967_294, 1])]), 'id')).toEqual([4_294_967_294, 4_294_967_295]);
    expect(() => decodeTable('traces', 'SPAN_EVENTS', [u32([4_294_967_294, 2])]).ids('id')).toThrow(/delta leads to 4294967296/);
    const overflowing = attributes([u16('parent_id', [65_535, 1]), key(['k', 'k']), u8('type', [1, 1]), str(['a', 'a'])]);
    expect(() => overflowing.ids('parent_id')).toThrow(/row 1: delta leads to 65536/);
    expect(() => overflowing.rowsOfKey('k')).toThrow(/row 1: delta leads to 65536/);
  });
});

describe('rowsOfKey', () => {
  test('a key that the dictionary holds twice is found whole; where the code changes the parent is absolute', () => {
    const codes = { name: 'key', type: keys, values: dictionaryData(keys, Uint8Array.of(0, 0, 2, 2, 1), ['k', 'other', 'k']) };
    const table = attributes([u16('parent_id', [1, 1, 1, 1, 9]), codes, u8('type', [1, 1, 1, 1, 1]), str(['a', 'a', 'a', 'a', 'a'])]);
    expect(idsOf(table, 'parent_id')).toEqual([1, 2, 1, 2, 9]);
    table.release();
    const found = table.rowsOfKey('k');
    expect([...found.rows]).toEqual([0, 1, 2, 3]);
    expect([...found.parents]).toEqual([1, 2, 1, 2]);
    expect([...table.rowsOfKey('absent').rows]).toEqual([]);
  });

  test('native keys, a null among them', () => {
    const native = { name: 'key', type: new Utf8(), values: ['k', null, 'kk', 'k', 'k'] };
    const found = attributes([u16('parent_id', [1, 1, 1, 1, 1]), native, u8('type', [1, 1, 1, 1, 1]), str(['a', 'a', 'a', 'a', 'a'])]).rowsOfKey('k');
    expect([...found.rows]).toEqual([0, 3, 4]);
    expect([...found.parents]).toEqual([1, 1, 2]);
  });

  test.each(captures)('$name: the same rows and parents as reading everything', ({ name, signal }) => {
    const decoder = new OtapStreamDecoder(signal);
    let compared = 0;
    for (const bar of readCapture(name).slice(0, 12)) {
      const batch = decoder.decode(bar);
      for (const { name: table, kind } of signalPayloads[signal]) if (kind === 'attributes') compared += compareKeys(batch.table(table));
    }
    expect(compared).toBeGreaterThan(2);
  });
});

/** Compares rowsOfKey of every key of a table, before and after all parents are known; gives the number of keys. */
function compareKeys(table: PayloadTable | null): number {
  if (table === null) return 0;
  const column = table.column('key');
  const rowKeys = Array.from({ length: table.rowCount }, (_, row) => String(cell(column, row)));
  const parents = idsOf(table, 'parent_id');
  const expected = new Map<string, number[]>();
  rowKeys.forEach((rowKey, row) => expected.set(rowKey, [...(expected.get(rowKey) ?? []), row]));
  for (const fresh of [false, true]) {
    if (fresh) table.release();
    for (const [rowKey, rows] of expected) {
      const found = table.rowsOfKey(rowKey);
      expect([...found.rows]).toEqual(rows);
      expect([...found.parents]).toEqual(rows.map((row) => parents[row]));
    }
  }
  return expected.size;
}
