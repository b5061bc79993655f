import type { AnyValue } from '../../otap/decode/cbor.ts';
import { valueTypes } from '../../otap/take/attributes.ts';
import type { BoundPart, ValueCells } from './bound.ts';
import { type Cells, wordAt } from './cells.ts';
import type { JsonWriter } from './json-writer.ts';
import { decimalOf, doubleOf, jsonDouble } from './numbers.ts';
import { readSerialised, typeAt } from './protobuf-values.ts';

/** The KeyValue of row `row` of an attribute table. */
export function writeKeyValue(writer: JsonWriter, { keys, values }: BoundPart, row: number): void {
  if (keys === null || values === null) return;
  writer.open('{');
  writer.name('key');
  writeText(writer, keys, row);
  writer.name('value');
  writeValue(writer, values, row);
  writer.close('}');
}

/** An AnyValue as an object of one member, or of none where it is empty; by the rules of `writeValue` for protobuf. */
export function writeValue(writer: JsonWriter, values: ValueCells, row: number): void {
  writer.open('{');
  switch (typeAt(values, row)) {
    case valueTypes.STR:
      writer.name('stringValue');
      writeText(writer, values.str, row);
      break;
    case valueTypes.INT:
      writer.name('intValue');
      writer.literal(`"${integerAt(values.int, row)}"`);
      break;
    case valueTypes.DOUBLE:
      writer.name('doubleValue');
      writer.literal(jsonDouble(doubleAt(values.double, row)));
      break;
    case valueTypes.BOOL:
      writer.name('boolValue');
      writer.literal(String(boolAt(values.bool, row)));
      break;
    case valueTypes.MAP:
      writeSerialised(writer, values.ser, row, 'kvlistValue');
      break;
    case valueTypes.SLICE:
      writeSerialised(writer, values.ser, row, 'arrayValue');
      break;
    case valueTypes.BYTES:
      writeBytes(writer, values.bytes, row);
      break;
  }
  writer.close('}');
}

const noBytes = new Uint8Array(0);

function writeText(writer: JsonWriter, cells: Cells | null, row: number): void {
  const start = cells === null ? -1 : cells.start(row);
  if (cells === null || start < 0) writer.text(noBytes, 0, 0);
  else writer.text(cells.bytes, start, cells.end(row));
}

function writeBytes(writer: JsonWriter, cells: Cells | null, row: number): void {
  writer.name('bytesValue');
  const start = cells === null ? -1 : cells.start(row);
  if (cells === null || start < 0) writer.base64(noBytes, 0, 0);
  else writer.base64(cells.bytes, start, cells.end(row));
}

function integerAt(cells: Cells | null, row: number): string {
  const start = cells === null ? -1 : cells.start(row);
  return cells === null || start < 0 ? '0' : decimalOf(wordAt(cells.bytes, start), wordAt(cells.bytes, start + 4), true);
}

function doubleAt(cells: Cells | null, row: number): number {
  const start = cells === null ? -1 : cells.start(row);
  return cells === null || start < 0 ? 0 : doubleOf(wordAt(cells.bytes, start), wordAt(cells.bytes, start + 4));
}

function boolAt(cells: Cells | null, row: number): boolean {
  const start = cells === null ? -1 : cells.start(row);
  return cells !== null && start >= 0 && cells.bytes[start] !== 0;
}

function writeSerialised(writer: JsonWriter, cells: Cells | null, row: number, ofNull: 'kvlistValue' | 'arrayValue'): void {
  const start = cells === null ? -1 : cells.start(row);
  if (cells === null || start < 0) {
    writer.name(ofNull);
    writeList(writer, [], () => {});
    return;
  }
  const value = readSerialised(cells.bytes.subarray(start, cells.end(row)));
  if (value === null) writeBytes(writer, cells, row);
  else writeMember(writer, value);
}

/** The member that an AnyValue's object has. */
function writeMember(writer: JsonWriter, value: AnyValue): void {
  switch (value.kind) {
    case 'empty':
      return;
    case 'str':
      writer.name('stringValue');
      return writeString(writer, value.value);
    case 'int':
      writer.name('intValue');
      return writer.literal(`"${value.value}"`);
    case 'double':
      writer.name('doubleValue');
      return writer.literal(jsonDouble(value.value));
    case 'bool':
      writer.name('boolValue');
      return writer.literal(String(value.value));
    case 'bytes':
      writer.name('bytesValue');
      return writer.base64(value.value, 0, value.value.length);
    case 'slice':
      writer.name('arrayValue');
      return writeList(writer, value.values, (element) => writeTree(writer, element));
    case 'map':
      writer.name('kvlistValue');
      return writeList(writer, value.entries, ([key, entry]) => {
        writer.open('{');
        writer.name('key');
        writeString(writer, key);
        writer.name('value');
        writeTree(writer, entry);
        writer.close('}');
      });
  }
}

function writeTree(writer: JsonWriter, value: AnyValue): void {
  writer.open('{');
  writeMember(writer, value);
  writer.close('}');
}

function writeString(writer: JsonWriter, text: string): void {
  const bytes = Buffer.from(text);
  writer.text(bytes, 0, bytes.length);
}

/** ArrayValue and KeyValueList: `{"values":[...]}`. */
function writeList<T>(writer: JsonWriter, values: readonly T[], write: (value: T) => void): void {
  writer.open('{');
  writer.name('values');
  writer.open('[');
  for (const value of values) write(value);
  writer.close(']');
  writer.close('}');
}
