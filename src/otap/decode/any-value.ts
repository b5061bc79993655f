import type { PayloadTable } from '../batch.ts';
import type { Column } from '../column.ts';
import { bit, isValid } from './bits.ts';
import { decodeCbor, type AnyValue } from './cbor.ts';
import { invalidValues } from './errors.ts';
import { bufferOver, readText } from './text.ts';

const empty: AnyValue = { kind: 'empty' };

/** The columns of an AnyValue, null where the sender left one out (OTAP specification, 5.5.1). */
export interface ValueColumns {
  readonly type: Column | null;
  readonly str: Column | null;
  readonly int: Column | null;
  readonly double: Column | null;
  readonly bool: Column | null;
  readonly bytes: Column | null;
  readonly ser: Column | null;
}

/** Reads the value columns of an attribute table (`prefix` '') or of a log's body (`body.`). */
export function valueColumnsOf(table: PayloadTable, prefix: '' | 'body.'): ValueColumns {
  const column = (name: string): Column | null => table.column(prefix + name);
  return {
    type: column('type'),
    str: column('str'),
    int: column('int'),
    double: column('double'),
    bool: column('bool'),
    bytes: column('bytes'),
    ser: column('ser'),
  };
}

/**
 * The value of a row; empty where its type, or the column of its type, is null or absent.
 * Throws INVALID_ARGUMENT: invalid_values (type), invalid_utf8, invalid_cbor.
 */
export function anyValueAt(columns: ValueColumns, row: number): AnyValue {
  const type = columns.type === null ? null : integerAt(columns.type, row);
  switch (Number(type ?? 0n)) {
    case 0:
      return empty;
    case 1: {
      const value = columns.str === null ? null : textAt(columns.str, row);
      return value === null ? empty : { kind: 'str', value };
    }
    case 2: {
      const value = columns.int === null ? null : integerAt(columns.int, row);
      return value === null ? empty : { kind: 'int', value };
    }
    case 3: {
      const value = columns.double === null ? null : doubleAt(columns.double, row);
      return value === null ? empty : { kind: 'double', value };
    }
    case 4: {
      if (columns.bool?.kind !== 'bool' || !isValid(columns.bool.validity, row)) return empty;
      return { kind: 'bool', value: bit(columns.bool.bits, row) };
    }
    case 5:
    case 6: {
      const value = columns.ser === null ? null : bytesAt(columns.ser, row);
      return value === null ? empty : decodeCbor(value);
    }
    case 7: {
      const value = columns.bytes === null ? null : bytesAt(columns.bytes, row);
      return value === null ? empty : { kind: 'bytes', value };
    }
    default:
      throw invalidValues(`type ${type} is no attribute type`);
  }
}

/** `anyValueAt` as text for SQL: strings as they are, numbers and bools as in JSON, bytes base64, maps and slices JSON; null where empty. */
export function anyValueText(columns: ValueColumns, row: number): string | null {
  const value = anyValueAt(columns, row);
  if (value.kind === 'empty') return null;
  if (value.kind === 'str') return value.value;
  if (value.kind === 'bytes') return base64(value.value);
  return value.kind === 'double' ? String(value.value) : jsonText(value);
}

/** An AnyValue as JSON. Doubles that JSON has not are the texts "NaN", "Infinity", "-Infinity". */
export function jsonText(value: AnyValue): string {
  switch (value.kind) {
    case 'empty':
      return 'null';
    case 'str':
      return JSON.stringify(value.value);
    case 'bytes':
      return `"${base64(value.value)}"`;
    case 'double':
      return Number.isFinite(value.value) ? String(value.value) : `"${value.value}"`;
    case 'slice':
      return `[${value.values.map(jsonText).join(',')}]`;
    case 'map':
      return `{${value.entries.map(([key, entry]) => `${JSON.stringify(key)}:${jsonText(entry)}`).join(',')}}`;
    default:
      return String(value.value);
  }
}

function base64(bytes: Uint8Array): string {
  return bufferOver(bytes).toString('base64');
}

/** The text of a utf8 column's row, null where it is null. */
export function textAt(column: Column, row: number): string | null {
  if (!isValid(column.validity, row)) return null;
  if (column.kind === 'bytes') return readText(bufferOver(column.data), column.offsets[row], column.offsets[row + 1]);
  if (column.kind !== 'dictionary') throw invalidValues(`column of ${column.type} holds no text`);
  const { store } = column.dictionary;
  return store.isNull(column.codes[row]) ? null : store.text(column.codes[row]);
}

/** The bytes of a binary or fixed-size binary column's row (a view), null where it is null. */
export function bytesAt(column: Column, row: number): Uint8Array | null {
  if (!isValid(column.validity, row)) return null;
  switch (column.kind) {
    case 'bytes':
      return column.data.subarray(column.offsets[row], column.offsets[row + 1]);
    case 'fixed_binary':
      return column.data.subarray(row * column.width, (row + 1) * column.width);
    case 'dictionary':
      return column.dictionary.store.isNull(column.codes[row]) ? null : column.dictionary.store.bytes(column.codes[row]);
    default:
      throw invalidValues(`column of ${column.type} holds no bytes`);
  }
}

/** The integer of a row of a column of any integer type, null where it is null. */
export function integerAt(column: Column, row: number): bigint | null {
  if (!isValid(column.validity, row)) return null;
  if (column.kind === 'wide') return column.values[row];
  if (column.kind === 'fixed' && column.type !== 'f64') return BigInt(column.values[row]);
  if (column.kind !== 'dictionary') throw invalidValues(`column of ${column.type} holds no integers`);
  const { store } = column.dictionary;
  return store.isNull(column.codes[row]) ? null : store.bigint(column.codes[row]);
}

/** The double of a row of an f64 column, null where it is null. */
export function doubleAt(column: Column, row: number): number | null {
  if (!isValid(column.validity, row)) return null;
  if (column.kind === 'fixed') return column.values[row];
  if (column.kind !== 'dictionary') throw invalidValues(`column of ${column.type} holds no doubles`);
  const { store } = column.dictionary;
  return store.isNull(column.codes[row]) ? null : store.number(column.codes[row]);
}
