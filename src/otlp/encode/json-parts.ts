import type { BoundPart } from './bound.ts';
import { isZero, wordAt } from './cells.ts';
import { writeKeyValue, writeValue } from './json-values.ts';
import type { JsonWriter } from './json-writer.ts';
import { decimalOf, doubleOf, jsonDouble, sumHigh, sumLow } from './numbers.ts';
import { byNumber, firstOf } from './protobuf-parts.ts';
import { typeAt } from './protobuf-values.ts';

/** The members of the message of row `row`. */
export function writeParts(writer: JsonWriter, parts: readonly BoundPart[], row: number): void {
  for (const part of parts) writePart(writer, part, row);
}

/** One part; what is left out is the same as in protobuf. */
export function writePart(writer: JsonWriter, part: BoundPart, row: number): void {
  switch (part.operation) {
    case 'attributes':
      return writeAttributes(writer, part, row);
    case 'children':
      return writeChildren(writer, part, row);
    case 'message':
      return writeMessage(writer, part, row);
    case 'value':
      if (part.values === null || typeAt(part.values, row) === 0) return;
      writer.name(part.json);
      return writeValue(writer, part.values, row);
    case 'list':
      return writeList(writer, part, row);
    case 'quantiles':
      return writeQuantiles(writer, part, row);
    case 'end':
      return writeEnd(writer, part, row);
    case 'one_of': {
      const first = firstOf(part.parts, row);
      if (first !== undefined) writeField(writer, first, row);
      return;
    }
    case 'by_number': {
      const option = byNumber(part, row);
      if (option !== undefined) writePart(writer, option, row);
      return;
    }
    default:
      return writeField(writer, part, row);
  }
}

function writeField(writer: JsonWriter, part: BoundPart, row: number): void {
  const { cells, json, always } = part;
  const start = cells === null ? -1 : cells.start(row);
  if (cells === null || start < 0) return;
  const { bytes } = cells;
  const end = start + lengthOf(part, cells.end(row) - start);
  if (!always && (part.operation === 'string' ? end === start : isZero(bytes, start, end))) return;
  writer.name(json);
  switch (part.operation) {
    case 'string':
      return writer.text(bytes, start, end);
    case 'id':
      return writer.hex(bytes, start, end);
    case 'fixed64':
      return writer.literal(`"${decimalOf(wordAt(bytes, start), wordAt(bytes, start + 4), part.signed)}"`);
    case 'double':
      return writer.literal(jsonDouble(doubleOf(wordAt(bytes, start), wordAt(bytes, start + 4))));
    case 'bool':
      return writer.literal(bytes[start] === 0 ? 'false' : 'true');
    case 'int32':
    case 'sint32':
      return writer.literal(String(wordAt(bytes, start) | 0));
    default:
      return writer.literal(String(wordAt(bytes, start)));
  }
}

/** Bytes of a field's value. */
function lengthOf({ operation }: BoundPart, length: number): number {
  if (operation === 'string' || operation === 'id') return length;
  if (operation === 'bool') return 1;
  return operation === 'fixed64' || operation === 'double' ? 8 : 4;
}

function writeAttributes(writer: JsonWriter, part: BoundPart, row: number): void {
  const { children, ownerOf, json } = part;
  if (children === null) return;
  const owner = ownerOf === null ? row : ownerOf[row];
  const first = children.starts[owner];
  const end = children.starts[owner + 1];
  if (first === end) return;
  writer.name(json);
  writer.open('[');
  for (let index = first; index < end; index++) writeKeyValue(writer, part, children.rows[index]);
  writer.close(']');
}

function writeChildren(writer: JsonWriter, { children, parts, json }: BoundPart, row: number): void {
  if (children === null || children.starts[row] === children.starts[row + 1]) return;
  writer.name(json);
  writer.open('[');
  for (let index = children.starts[row]; index < children.starts[row + 1]; index++) {
    writer.open('{');
    writeParts(writer, parts, children.rows[index]);
    writer.close('}');
  }
  writer.close(']');
}

function writeMessage(writer: JsonWriter, { parts, json, always }: BoundPart, row: number): void {
  const before = writer.length;
  writer.name(json);
  writer.open('{');
  const opened = writer.length;
  writeParts(writer, parts, row);
  if (writer.length === opened && !always) writer.truncate(before);
  else writer.close('}');
}

function writeList(writer: JsonWriter, { lists, listType, json }: BoundPart, row: number): void {
  if (lists === null || lists.offsets[row] === lists.offsets[row + 1]) return;
  const [elements] = lists.children;
  writer.name(json);
  writer.open('[');
  for (let at = lists.offsets[row] * 8; at < lists.offsets[row + 1] * 8; at += 8) {
    const low = wordAt(elements, at);
    const high = wordAt(elements, at + 4);
    writer.literal(listType === 'double' ? jsonDouble(doubleOf(low, high)) : `"${decimalOf(low, high, false)}"`);
  }
  writer.close(']');
}

function writeQuantiles(writer: JsonWriter, { lists, json }: BoundPart, row: number): void {
  if (lists === null || lists.offsets[row] === lists.offsets[row + 1]) return;
  writer.name(json);
  writer.open('[');
  for (let at = lists.offsets[row] * 8; at < lists.offsets[row + 1] * 8; at += 8) {
    writer.open('{');
    for (let child = 0; child < 2; child++) {
      const elements = lists.children[child];
      if (isZero(elements, at, at + 8)) continue;
      writer.name(child === 0 ? 'quantile' : 'value');
      writer.literal(jsonDouble(doubleOf(wordAt(elements, at), wordAt(elements, at + 4))));
    }
    writer.close('}');
  }
  writer.close(']');
}

function writeEnd(writer: JsonWriter, { cells, duration, json }: BoundPart, row: number): void {
  if (cells === null || duration === null) return;
  const at = Math.max(0, cells.start(row));
  const durationAt = Math.max(0, duration.start(row));
  const low = wordAt(cells.bytes, at);
  const durationLow = wordAt(duration.bytes, durationAt);
  const endHigh = sumHigh(low, wordAt(cells.bytes, at + 4), durationLow, wordAt(duration.bytes, durationAt + 4));
  const endLow = sumLow(low, durationLow);
  if (endLow === 0 && endHigh === 0) return;
  writer.name(json);
  writer.literal(`"${decimalOf(endLow, endHigh, false)}"`);
}
