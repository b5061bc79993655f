import type { PayloadTable } from '../../src/otap/batch.ts';
import type { Column, PlainColumn } from '../../src/otap/column.ts';
import { anyValueAt, valueColumnsOf } from '../../src/otap/decode/any-value.ts';
import type { AnyValue } from '../../src/otap/decode/cbor.ts';
import type { JsonObject } from './otlp-json.ts';

/** A value as OTLP's JSON has it: ids hex, bytes base64, 64-bit integers as text. undefined for null. */
type Cell = string | number | boolean | undefined;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The value of a row; undefined where it is null or the column absent. */
export function cell(column: Column | null, row: number): Cell {
  if (column === null || isNull(column, row)) return undefined;
  if (column.kind === 'list') throw new Error('a list is no cell');
  if (column.kind !== 'dictionary') return plainCell(column, row);
  const { store } = column.dictionary;
  const code = column.codes[row];
  if (store.isNull(code)) return undefined;
  switch (store.type) {
    case 'utf8':
      return store.text(code);
    case 'binary':
      return Buffer.from(store.bytes(code)).toString('base64');
    case 'fixed8':
    case 'fixed16':
      return Buffer.from(store.bytes(code)).toString('hex');
    case 'i64':
    case 'u64':
    case 'timestamp':
    case 'duration':
      return String(store.bigint(code));
    default:
      return store.number(code);
  }
}

/** The values of a row of a list column, of its `child`-th child. */
export function listCells(column: Column | null, row: number, child = 0): Cell[] {
  if (column === null || isNull(column, row)) return [];
  if (column.kind !== 'list') throw new Error('not a list');
  const cells: Cell[] = [];
  for (let at = column.offsets[row]; at < column.offsets[row + 1]; at++) cells.push(cell(column.children[child], at));
  return cells;
}

function plainCell(column: PlainColumn, row: number): Cell {
  switch (column.kind) {
    case 'fixed':
      return column.values[row];
    case 'wide':
      return String(column.values[row]);
    case 'bool':
      return ((column.bits[row >> 3] >> (row & 7)) & 1) === 1;
    case 'fixed_binary':
      return Buffer.from(column.data.subarray(row * column.width, (row + 1) * column.width)).toString('hex');
    case 'bytes': {
      const bytes = column.data.subarray(column.offsets[row], column.offsets[row + 1]);
      return column.type === 'utf8' ? utf8.decode(bytes) : Buffer.from(bytes).toString('base64');
    }
  }
}

export function isNull(column: Column, row: number): boolean {
  return column.validity !== null && ((column.validity[row >> 3] >> (row & 7)) & 1) === 0;
}

/** The AnyValue of a row whose columns are `prefix` + type, str, int and so on; undefined where it is empty. */
export function anyValue(table: PayloadTable, prefix: '' | 'body.', row: number): JsonObject | undefined {
  const value = anyValueAt(valueColumnsOf(table, prefix), row);
  return value.kind === 'empty' ? undefined : otlpValue(value);
}

function otlpValue(value: AnyValue): JsonObject {
  switch (value.kind) {
    case 'empty':
      return {};
    case 'str':
      return { stringValue: value.value };
    case 'int':
      return { intValue: String(value.value) };
    case 'double':
      return { doubleValue: value.value };
    case 'bool':
      return { boolValue: value.value };
    case 'bytes':
      return { bytesValue: Buffer.from(value.value).toString('base64') };
    case 'slice':
      return { arrayValue: { values: value.values.map(otlpValue) } };
    case 'map':
      return { kvlistValue: { values: value.entries.map(([key, entry]) => ({ key, value: otlpValue(entry) })) } };
  }
}
