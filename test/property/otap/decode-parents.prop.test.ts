import { Binary, Bool, Dictionary, Float64, Int64, Uint16, Uint32, Uint8, Utf8, type DataType } from 'apache-arrow';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { arrowRecord, barOf, type TestColumn } from '../../support/arrow-bar.ts';

/*
 * Random attribute tables, sorted or not, their parents encoded by the rule of the specification (6.4.3) on plain
 * objects, each column native, a dictionary of some index width, or absent where all its values are null.
 * Guarantees: ids('parent_id') gives the parents back, rowsOfKey those of each key.
 */

interface Row {
  readonly parent: number;
  readonly key: string;
  readonly type: number;
  readonly value: unknown;
}

const values: readonly fc.Arbitrary<unknown>[] = [
  fc.constant(null),
  fc.constantFrom('', 'a', 'b', 'ü', null),
  fc.constantFrom(0n, 1n, -1n, 1n << 62n, null),
  fc.constantFrom(0, -0, NaN, 1.5, null),
  fc.constantFrom(true, false, null),
  fc.constant(Uint8Array.of(0x80)),
  fc.constant(Uint8Array.of(0xa0)),
  fc.constantFrom(Uint8Array.of(), Uint8Array.of(1), Uint8Array.of(1, 2), null),
];

const row: fc.Arbitrary<Row> = fc
  .record({ parent: fc.integer({ min: 0, max: 65_535 }), key: fc.constantFrom('k1', 'k2', 'service.name'), type: fc.integer({ min: 0, max: 7 }) })
  .chain((head) => values[head.type].map((value) => ({ ...head, value })));

const rows = fc.tuple(fc.array(row, { minLength: 1, maxLength: 60 }), fc.boolean()).map(([list, sorted]) => (sorted ? list.toSorted(compare) : list));

function compare(left: Row, right: Row): number {
  return left.type - right.type || left.key.localeCompare(right.key) || textOf(left.value).localeCompare(textOf(right.value)) || left.parent - right.parent;
}

/** Tells values apart by their bits. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Parents in transport: a delta where type, key and value are those of the row before and the delta is not negative. */
function encode(list: readonly Row[]): { encoded: number[]; parents: number[] } {
  const encoded: number[] = [];
  const parents: number[] = [];
  list.forEach((now, index) => {
    const before = index === 0 ? null : list[index - 1];
    const same = before !== null && now.value !== null && ![0, 5, 6].includes(now.type) && before.type === now.type && before.key === now.key && textOf(before.value) === textOf(now.value);
    // An unsorted parent cannot be sent as a delta; such rows repeat the parent before.
    const parent = same ? Math.max(now.parent, parents[index - 1]) : now.parent;
    encoded.push(same ? parent - parents[index - 1] : parent);
    parents.push(parent);
  });
  return { encoded, parents };
}

const valueTypes: readonly (readonly [string, number[], DataType])[] = [
  ['str', [1], new Utf8()],
  ['int', [2], new Int64()],
  ['double', [3], new Float64()],
  ['bool', [4], new Bool()],
  ['bytes', [7], new Binary()],
  ['ser', [5, 6], new Binary()],
];

function valueColumns(list: readonly Row[], index: DataType | null): TestColumn[] {
  return valueTypes
    .map(([name, types, type]) => ({ name, type: dictionaryOf(type, index), values: list.map((entry) => (types.includes(entry.type) ? entry.value : null)) }))
    .filter((column) => column.values.some((value) => value !== null));
}

function dictionaryOf(type: DataType, index: DataType | null): DataType {
  if (index === null || type instanceof Bool || type instanceof Float64) return type;
  return new Dictionary(type, index instanceof Uint8 ? new Uint8() : new Uint16());
}

test('parents come back', () => {
  const indices = fc.constantFrom<DataType | null>(null, new Uint8(), new Uint16());
  fc.assert(
    fc.property(rows, indices, indices, fc.boolean(), (list, keyIndex, valueIndex, wide) => {
      const { encoded, parents } = encode(list);
      const columns: TestColumn[] = [
        { name: 'parent_id', type: wide ? new Uint32() : new Uint16(), values: encoded },
        { name: 'key', type: dictionaryOf(new Utf8(), keyIndex), values: list.map(({ key }) => key) },
        { name: 'type', type: new Uint8(), values: list.map(({ type }) => type) },
        ...valueColumns(list, valueIndex),
      ];
      const name = wide ? 'SPAN_EVENT_ATTRS' : 'SPAN_ATTRS';
      const bar = barOf([{ name, record: arrowRecord(columns) }]);
      const table = new OtapStreamDecoder('traces').decode(bar).table(name);
      for (const key of ['k1', 'k2', 'service.name', 'absent']) {
        const wanted = list.flatMap((entry, index) => (entry.key === key ? [index] : []));
        const found = table?.rowsOfKey(key);
        expect([...(found?.rows ?? [])]).toEqual(wanted);
        expect([...(found?.parents ?? [])]).toEqual(wanted.map((index) => parents[index]));
      }
      expect([...(table?.ids('parent_id')?.values ?? [])]).toEqual(parents);
    }),
    { numRuns: 1_000 },
  );
});
