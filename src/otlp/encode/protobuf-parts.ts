import type { BackWriter } from './back-writer.ts';
import type { BoundPart } from './bound.ts';
import { isZero, wordAt } from './cells.ts';
import { sumHigh, sumLow, zigzag } from './numbers.ts';
import { typeAt, writeKeyValue, writeValue } from './protobuf-values.ts';

/** The content of the message of row `row`, from its last part to its first. */
export function writeParts(writer: BackWriter, parts: readonly BoundPart[], row: number): void {
  for (let index = parts.length - 1; index >= 0; index--) writePart(writer, parts[index], row);
}

/** One part; what is left out by its rules is not written. */
export function writePart(writer: BackWriter, part: BoundPart, row: number): void {
  switch (part.operation) {
    case 'attributes':
      return writeAttributes(writer, part, row);
    case 'children':
      return writeChildren(writer, part, row);
    case 'message':
      return writeMessage(writer, part, row);
    case 'value':
      return writeOwnValue(writer, part, row);
    case 'list':
      return writeList(writer, part, row);
    case 'quantiles':
      return writeQuantiles(writer, part, row);
    case 'end':
      return writeEnd(writer, part, row);
    case 'one_of':
      return writeFirst(writer, part, row);
    case 'by_number': {
      const option = byNumber(part, row);
      if (option !== undefined) writePart(writer, option, row);
      return;
    }
    default:
      return writeField(writer, part, row);
  }
}

/** The first of the parts that is not null. */
export function firstOf(parts: readonly BoundPart[], row: number): BoundPart | undefined {
  for (const part of parts) if (part.cells !== null && part.cells.start(row) >= 0) return part;
  return undefined;
}

/** The part that the row's number stands for. */
export function byNumber({ cells, byNumber: options }: BoundPart, row: number): BoundPart | undefined {
  const start = cells === null ? -1 : cells.start(row);
  return cells === null || start < 0 ? undefined : options[cells.bytes[start]];
}

function writeFirst(writer: BackWriter, { parts }: BoundPart, row: number): void {
  const first = firstOf(parts, row);
  if (first !== undefined) writeField(writer, first, row);
}

function writeField(writer: BackWriter, part: BoundPart, row: number): void {
  const { cells, number, always } = part;
  if (cells === null) return;
  const start = cells.start(row);
  if (start < 0) return;
  const { bytes } = cells;
  switch (part.operation) {
    case 'string': {
      const end = cells.end(row);
      if (end === start && !always) return;
      const before = writer.length;
      writer.copy(bytes, start, end);
      return writer.header(number, before);
    }
    case 'id': {
      const end = cells.end(row);
      if (!always && isZero(bytes, start, end)) return;
      const before = writer.length;
      writer.copy(bytes, start, end);
      return writer.header(number, before);
    }
    case 'fixed64':
    case 'double':
      if (!always && isZero(bytes, start, start + 8)) return;
      writer.copy(bytes, start, start + 8);
      return writer.tag(number, 1);
    case 'fixed32':
      if (!always && isZero(bytes, start, start + 4)) return;
      writer.copy(bytes, start, start + 4);
      return writer.tag(number, 5);
    case 'bool':
      if (!always && bytes[start] === 0) return;
      writer.byte(bytes[start]);
      return writer.tag(number, 0);
    default:
      return writeVarint(writer, part, wordAt(bytes, start));
  }
}

function writeVarint(writer: BackWriter, { operation, number, always }: BoundPart, word: number): void {
  if (word === 0 && !always) return;
  if (operation === 'sint32') writer.varint(zigzag(word));
  else if (operation === 'int32' && word > 0x7fffffff) writer.varint64(word, 0xffffffff);
  else writer.varint(word);
  writer.tag(number, 0);
}

function writeAttributes(writer: BackWriter, part: BoundPart, row: number): void {
  const { children, ownerOf, number } = part;
  if (children === null) return;
  const owner = ownerOf === null ? row : ownerOf[row];
  const first = children.starts[owner];
  for (let index = children.starts[owner + 1] - 1; index >= first; index--) {
    const before = writer.length;
    writeKeyValue(writer, part, children.rows[index]);
    writer.header(number, before);
  }
}

function writeChildren(writer: BackWriter, { children, parts, number }: BoundPart, row: number): void {
  if (children === null) return;
  const first = children.starts[row];
  for (let index = children.starts[row + 1] - 1; index >= first; index--) {
    const before = writer.length;
    writeParts(writer, parts, children.rows[index]);
    writer.header(number, before);
  }
}

function writeMessage(writer: BackWriter, { parts, number, always }: BoundPart, row: number): void {
  const before = writer.length;
  writeParts(writer, parts, row);
  if (always || writer.length > before) writer.header(number, before);
}

function writeOwnValue(writer: BackWriter, { values, number }: BoundPart, row: number): void {
  if (values === null || typeAt(values, row) === 0) return;
  const before = writer.length;
  writeValue(writer, values, row);
  writer.header(number, before);
}

function writeList(writer: BackWriter, { lists, listType, number }: BoundPart, row: number): void {
  if (lists === null) return;
  const [elements] = lists.children;
  const first = lists.offsets[row] * 8;
  const end = lists.offsets[row + 1] * 8;
  if (first === end) return;
  const before = writer.length;
  if (listType !== 'uint64') writer.copy(elements, first, end);
  else for (let at = end - 8; at >= first; at -= 8) writer.varint64(wordAt(elements, at), wordAt(elements, at + 4));
  writer.header(number, before);
}

function writeQuantiles(writer: BackWriter, { lists, number }: BoundPart, row: number): void {
  if (lists === null) return;
  const first = lists.offsets[row] * 8;
  for (let at = lists.offsets[row + 1] * 8 - 8; at >= first; at -= 8) {
    const before = writer.length;
    for (let child = 1; child >= 0; child--) {
      if (isZero(lists.children[child], at, at + 8)) continue;
      writer.copy(lists.children[child], at, at + 8);
      writer.tag(child + 1, 1);
    }
    writer.header(number, before);
  }
}

function writeEnd(writer: BackWriter, { cells, duration, number }: BoundPart, row: number): void {
  if (cells === null || duration === null) return;
  const at = Math.max(0, cells.start(row));
  const durationAt = Math.max(0, duration.start(row));
  const low = wordAt(cells.bytes, at);
  const durationLow = wordAt(duration.bytes, durationAt);
  const endLow = sumLow(low, durationLow);
  const endHigh = sumHigh(low, wordAt(cells.bytes, at + 4), durationLow, wordAt(duration.bytes, durationAt + 4));
  if (endLow === 0 && endHigh === 0) return;
  writer.word(endHigh);
  writer.word(endLow);
  writer.tag(number, 1);
}
