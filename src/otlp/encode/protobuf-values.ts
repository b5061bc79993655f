import { CodedError } from '../../base/errors.ts';
import { type AnyValue, decodeCbor } from '../../otap/decode/cbor.ts';
import { valueTypes } from '../../otap/take/attributes.ts';
import type { BackWriter } from './back-writer.ts';
import type { BoundPart, ValueCells } from './bound.ts';
import { type Cells, wordAt } from './cells.ts';

/** Field numbers of AnyValue (common.proto). */
const fields = { STRING: 1, BOOL: 2, INT: 3, DOUBLE: 4, ARRAY: 5, KVLIST: 6, BYTES: 7 } as const;

/** The KeyValue of row `row` of an attribute table, without its own header. */
export function writeKeyValue(writer: BackWriter, { keys, values }: BoundPart, row: number): void {
  if (keys === null || values === null) return;
  const before = writer.length;
  writeValue(writer, values, row);
  writer.header(2, before);
  writeText(writer, 1, keys, row);
}

/**
 * The content of an AnyValue. A value that is null though its type says otherwise is the type's zero, as in attributes (docs/otap.md); a map or
 * slice whose CBOR cannot be read is written as the bytes that it is.
 */
export function writeValue(writer: BackWriter, values: ValueCells, row: number): void {
  switch (typeAt(values, row)) {
    case valueTypes.STR:
      return writeText(writer, fields.STRING, values.str, row);
    case valueTypes.INT:
      return writeInt(writer, values.int, row);
    case valueTypes.DOUBLE:
      return writeDouble(writer, values.double, row);
    case valueTypes.BOOL:
      return writeBool(writer, values.bool, row);
    case valueTypes.MAP:
      return writeSerialised(writer, values.ser, row, fields.KVLIST);
    case valueTypes.SLICE:
      return writeSerialised(writer, values.ser, row, fields.ARRAY);
    case valueTypes.BYTES:
      return writeText(writer, fields.BYTES, values.bytes, row);
  }
}

/** The number of the value's type, EMPTY where it is null. */
export function typeAt({ type }: ValueCells, row: number): number {
  const at = type.start(row);
  return at < 0 ? valueTypes.EMPTY : type.bytes[at];
}

/** The value in a map's or slice's CBOR, or null where it cannot be read. */
export function readSerialised(cbor: Uint8Array): AnyValue | null {
  try {
    return decodeCbor(cbor);
  } catch (error) {
    if (error instanceof CodedError) return null;
    throw error;
  }
}

/** Length-delimited, empty where null. */
function writeText(writer: BackWriter, number: number, cells: Cells | null, row: number): void {
  const start = cells === null ? -1 : cells.start(row);
  const before = writer.length;
  if (cells !== null && start >= 0) writer.copy(cells.bytes, start, cells.end(row));
  writer.header(number, before);
}

function writeInt(writer: BackWriter, cells: Cells | null, row: number): void {
  const start = cells === null ? -1 : cells.start(row);
  if (cells === null || start < 0) writer.byte(0);
  else writer.varint64(wordAt(cells.bytes, start), wordAt(cells.bytes, start + 4));
  writer.tag(fields.INT, 0);
}

const zero = new Uint8Array(8);

function writeDouble(writer: BackWriter, cells: Cells | null, row: number): void {
  const start = cells === null ? -1 : cells.start(row);
  if (cells === null || start < 0) writer.copy(zero, 0, 8);
  else writer.copy(cells.bytes, start, start + 8);
  writer.tag(fields.DOUBLE, 1);
}

function writeBool(writer: BackWriter, cells: Cells | null, row: number): void {
  const start = cells === null ? -1 : cells.start(row);
  writer.byte(cells === null || start < 0 ? 0 : cells.bytes[start]);
  writer.tag(fields.BOOL, 0);
}

function writeSerialised(writer: BackWriter, cells: Cells | null, row: number, ofNull: number): void {
  const start = cells === null ? -1 : cells.start(row);
  if (cells === null || start < 0) {
    writer.header(ofNull, writer.length);
    return;
  }
  const value = readSerialised(cells.bytes.subarray(start, cells.end(row)));
  if (value === null) writeText(writer, fields.BYTES, cells, row);
  else writeTree(writer, value);
}

/** The content of an AnyValue that was read from CBOR, which is nested at most 64 deep. */
function writeTree(writer: BackWriter, value: AnyValue): void {
  const before = writer.length;
  switch (value.kind) {
    case 'empty':
      return;
    case 'str':
      return writeBytes(writer, fields.STRING, Buffer.from(value.value));
    case 'bytes':
      return writeBytes(writer, fields.BYTES, value.value);
    case 'int': {
      const bits = BigInt.asUintN(64, value.value);
      writer.varint64(Number(bits & 0xffffffffn), Number(bits >> 32n));
      return writer.tag(fields.INT, 0);
    }
    case 'double':
      writer.copy(new Uint8Array(Float64Array.of(value.value).buffer), 0, 8);
      return writer.tag(fields.DOUBLE, 1);
    case 'bool':
      writer.byte(value.value ? 1 : 0);
      return writer.tag(fields.BOOL, 0);
    case 'slice':
      for (let index = value.values.length - 1; index >= 0; index--) writeMember(writer, value.values[index], null);
      return writer.header(fields.ARRAY, before);
    case 'map':
      for (let index = value.entries.length - 1; index >= 0; index--) writeMember(writer, value.entries[index][1], value.entries[index][0]);
      return writer.header(fields.KVLIST, before);
  }
}

/** An element of a slice, or with a key a pair of a map: both are field 1 of their message. */
function writeMember(writer: BackWriter, value: AnyValue, key: string | null): void {
  const before = writer.length;
  writeTree(writer, value);
  if (key !== null) {
    writer.header(2, before);
    writeBytes(writer, 1, Buffer.from(key));
  }
  writer.header(1, before);
}

function writeBytes(writer: BackWriter, number: number, bytes: Uint8Array): void {
  const before = writer.length;
  writer.copy(bytes, 0, bytes.length);
  writer.header(number, before);
}
