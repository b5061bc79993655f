import type { OtapBatch, PayloadTable } from '../otap/batch.ts';
import type { Column } from '../otap/column.ts';
import { bufferOver, readText } from '../otap/decode/text.ts';
import { isValid } from '../otap/decode/bits.ts';
import { type LookupCache, readNumbers, readWide, validRows } from './lookup.ts';
import type { StringTable } from './string-table.ts';
import type { ColumnData, ColumnType } from './table-writer.ts';

/** What reading a batch's columns needs to know. */
export interface ReadContext {
  readonly batch: OtapBatch;
  readonly root: PayloadTable;
  readonly strings: StringTable;
  readonly lookups: LookupCache;
  /** Number of the batch, unique in the process; resource and scope ids are made unique with it. */
  readonly batchOrdinal: number;
}

/** How a column of a slot's table is read out of a batch's root table, all rows at once. */
export interface FieldReader {
  readonly type: ColumnType;
  read(context: ReadContext): ColumnData;
}

export function bytesOf(values: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function allNull(rowCount: number, width: number): ColumnData {
  return { bytes: new Uint8Array(rowCount * width), valid: new Uint8Array(rowCount) };
}

/** Longest span of time that is told apart, either way (73 years), and the end of time (2116): beyond, sums of times would overflow. */
const durationMaxHigh = 2 ** 29;
const timeMaxHigh = 2 ** 30;

/** Time since the epoch, ns; later than 2^62 is 2^62. An unknown time (0 in OTLP, or absent) is 0 or NULL, as `unknown` says. */
export function timeField(path: string, unknown: 'null' | 'zero'): FieldReader {
  return {
    type: 'BIGINT',
    read: (context) => {
      const words = readClamped(path, context, 0, timeMaxHigh);
      return { bytes: bytesOf(words), valid: unknown === 'null' ? nonZero(words) : null };
    },
  };
}

/** Duration, ns, held within 2^61 either way; 0 where absent. */
export function durationField(path: string): FieldReader {
  return { type: 'BIGINT', read: (context) => ({ bytes: bytesOf(readClamped(path, context, -durationMaxHigh, durationMaxHigh)), valid: null }) };
}

/** 64-bit values in two words, held within [min, max] * 2^32; with min = 0 they are unsigned, as OTLP's times are. 0 where absent. */
function readClamped(path: string, { root, lookups }: ReadContext, minHigh: number, maxHigh: number): Int32Array<ArrayBuffer> {
  const column = root.column(path);
  if (column === null) return new Int32Array(root.rowCount * 2);
  const words = new Int32Array(readWide(column, lookups).buffer);
  clampWide(words, minHigh, maxHigh);
  return words;
}

function nonZero(words: Int32Array): Uint8Array {
  const valid = new Uint8Array(words.length / 2);
  for (let row = 0; row < valid.length; row++) valid[row] = (words[row * 2] | words[row * 2 + 1]) === 0 ? 0 : 1;
  return valid;
}

function clampWide(words: Int32Array, minHigh: number, maxHigh: number): void {
  for (let at = 1; at < words.length; at += 2) {
    const high = minHigh === 0 ? words[at] >>> 0 : words[at];
    if (high >= minHigh && high < maxHigh) continue;
    words[at] = high < minHigh ? minHigh : maxHigh;
    words[at - 1] = 0;
  }
}

/** Small enum field (0 to 255, held within; 0 where absent). */
export function enumField(path: string): FieldReader {
  return {
    type: 'UTINYINT',
    read: ({ root, lookups }) => {
      const out = new Uint8ClampedArray(root.rowCount);
      const column = root.column(path);
      if (column !== null) readNumbers(column, lookups, out);
      return { bytes: bytesOf(out), valid: null };
    },
  };
}

/** 32-bit counter or flags field (0 where absent). */
export function countField(path: string): FieldReader {
  return {
    type: 'UINTEGER',
    read: ({ root, lookups }) => {
      const out = new Uint32Array(root.rowCount);
      const column = root.column(path);
      if (column !== null) readNumbers(column, lookups, out);
      return { bytes: bytesOf(out), valid: null };
    },
  };
}

/** Text field as codes of the slot's string table; NULL where absent. */
export function textField(path: string): FieldReader {
  return {
    type: 'UINTEGER',
    read: ({ root, strings }) => {
      const column = root.column(path);
      return column === null ? allNull(root.rowCount, 4) : textCodes(column, strings);
    },
  };
}

/** Codes of a utf8 column, native or dictionary. */
export function textCodes(column: Column, strings: StringTable): ColumnData {
  const out = new Uint32Array(column.length);
  if (column.kind === 'dictionary') {
    const { store, size } = column.dictionary;
    const map = strings.codesOf(store, size);
    for (let row = 0; row < out.length; row++) {
      if (isValid(column.validity, row)) out[row] = strings.codeOfEntry(map, store, column.codes[row]);
    }
  } else {
    const texts = readTexts(column);
    for (let row = 0; row < out.length; row++) {
      const text = texts[row];
      if (text !== null) out[row] = strings.codeOf(text);
    }
  }
  return { bytes: bytesOf(out), valid: validRows(column) };
}

/** One string a row, or null; null for all but `rows` where those are given. Throws INVALID_ARGUMENT / invalid_utf8. */
export function readTexts(column: Column, rows: Uint32Array | null = null): (string | null)[] {
  const texts = new Array<string | null>(column.length).fill(null);
  const buffer = column.kind === 'bytes' ? bufferOver(column.data) : null;
  const count = rows === null ? column.length : rows.length;
  for (let i = 0; i < count; i++) {
    const row = rows === null ? i : rows[i];
    if (!isValid(column.validity, row)) continue;
    if (column.kind === 'dictionary') texts[row] = column.dictionary.store.text(column.codes[row]);
    else if (column.kind === 'bytes' && buffer !== null) texts[row] = readText(buffer, column.offsets[row], column.offsets[row + 1]);
    else throw new Error(`invariant broken: ${column.type} column holds no text`);
  }
  return texts;
}

/** Calls `visit(row, data, offset)` for the bytes of each valid row of a fixed8 or fixed16 column. */
export function visitFixedBytes(
  column: Column,
  visit: (row: number, data: Uint8Array, offset: number) => void,
): void {
  const { length, validity } = column;
  if (column.kind === 'fixed_binary') {
    const { data, width } = column;
    for (let row = 0; row < length; row++) if (isValid(validity, row)) visit(row, data, row * width);
  } else if (column.kind === 'dictionary') {
    const { codes, dictionary } = column;
    for (let row = 0; row < length; row++) {
      if (isValid(validity, row)) visit(row, dictionary.store.bytes(codes[row]), 0);
    }
  } else {
    throw new Error(`invariant broken: ${column.type} column holds no fixed-size bytes`);
  }
}

/** 8-byte id as UBIGINT (big-endian, so that its hex digits read as written); NULL where absent or all zero. */
export function spanIdField(path: string): FieldReader {
  return {
    type: 'UBIGINT',
    read: ({ root }) => {
      const column = root.column(path);
      if (column === null) return allNull(root.rowCount, 8);
      const out = new Uint32Array(root.rowCount * 2);
      const valid = new Uint8Array(root.rowCount);
      visitFixedBytes(column, (row, data, offset) => {
        const high = bigEndian32(data, offset);
        const low = bigEndian32(data, offset + 4);
        out[row * 2] = low;
        out[row * 2 + 1] = high;
        valid[row] = (low | high) === 0 ? 0 : 1;
      });
      return { bytes: bytesOf(out), valid };
    },
  };
}

/** 16-byte id as UUID; NULL where absent or all zero (sampling.md, rule 1: an all-zero trace id counts as none). */
export function traceIdField(path: string): FieldReader {
  return {
    type: 'UUID',
    read: ({ root }) => {
      const column = root.column(path);
      if (column === null) return allNull(root.rowCount, 16);
      const out = new Uint32Array(root.rowCount * 4);
      const valid = new Uint8Array(root.rowCount);
      visitFixedBytes(column, (row, data, offset) => {
        valid[row] = writeUuid(out, row * 4, data, offset);
      });
      return { bytes: bytesOf(out), valid };
    },
  };
}

/**
 * Writes 16 bytes as DuckDB lays out a UUID: a little-endian 128-bit integer with its top bit flipped.
 * Returns 0 where all bytes are zero, else 1.
 */
export function writeUuid(out: Uint32Array, at: number, data: Uint8Array, offset: number): 0 | 1 {
  const w3 = bigEndian32(data, offset);
  const w2 = bigEndian32(data, offset + 4);
  const w1 = bigEndian32(data, offset + 8);
  const w0 = bigEndian32(data, offset + 12);
  out[at] = w0;
  out[at + 1] = w1;
  out[at + 2] = w2;
  out[at + 3] = w3 ^ 0x80000000;
  return (w0 | w1 | w2 | w3) === 0 ? 0 : 1;
}

export function bigEndian32(data: Uint8Array, offset: number): number {
  return ((data[offset] << 24) | (data[offset + 1] << 16) | (data[offset + 2] << 8) | data[offset + 3]) >>> 0;
}

/** `resource.id` or `scope.id` made unique in the process: batch ordinal * 65536 + id; NULL where absent. */
export function ownerIdField(path: 'resource.id' | 'scope.id'): FieldReader {
  return {
    type: 'UBIGINT',
    read: ({ root, batchOrdinal }) => {
      const ids = root.ids(path);
      if (ids === null) return allNull(root.rowCount, 8);
      const out = new BigUint64Array(root.rowCount);
      const valid = new Uint8Array(root.rowCount);
      const base = BigInt(batchOrdinal) << 16n;
      for (let row = 0; row < out.length; row++) {
        if (!isValid(ids.validity, row)) continue;
        out[row] = base | BigInt(ids.values[row]);
        valid[row] = 1;
      }
      return { bytes: bytesOf(out), valid };
    },
  };
}
