import type { ValueType } from './schema.ts';

/**
 * A column in memory: decoded buffers of an Arrow array, never values one by one. `validity` is an Arrow bitmap
 * (least significant bit first, 1 = valid), null where no value is null. Lengths are in rows.
 */
export type Column =
  | FixedColumn
  | WideColumn
  | BoolColumn
  | BytesColumn
  | FixedBinaryColumn
  | DictionaryColumn
  | ListColumn;

/** The columns that hold values themselves and so can be a dictionary's values. */
export type PlainColumn = Exclude<Column, DictionaryColumn | ListColumn>;

interface ColumnBase {
  readonly type: ValueType;
  readonly length: number;
  readonly validity: Uint8Array | null;
}

/** u8, u16, u32, i32, f64. */
export interface FixedColumn extends ColumnBase {
  readonly kind: 'fixed';
  readonly values: Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;
}

/** u64, i64, timestamp (ns since the epoch), duration (ns): 64-bit integers. */
export interface WideColumn extends ColumnBase {
  readonly kind: 'wide';
  readonly values: BigInt64Array | BigUint64Array;
}

/** bool: one bit a row, least significant first. */
export interface BoolColumn extends ColumnBase {
  readonly kind: 'bool';
  readonly bits: Uint8Array;
}

/** utf8 (checked to be valid where it is read as text) and binary: row i is data[offsets[i], offsets[i + 1]). */
export interface BytesColumn extends ColumnBase {
  readonly kind: 'bytes';
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
}

/** fixed8, fixed16: row i is data[i * width, (i + 1) * width). */
export interface FixedBinaryColumn extends ColumnBase {
  readonly kind: 'fixed_binary';
  readonly width: number;
  readonly data: Uint8Array;
}

/** codes[i] indexes `dictionary`; every valid code is checked to be below `dictionary.size`. */
export interface DictionaryColumn extends ColumnBase {
  readonly kind: 'dictionary';
  readonly codes: Uint8Array | Uint16Array | Uint32Array;
  readonly dictionary: DictionaryView;
}

/** list_u64, list_f64: `child` is one column; list_quantile: two, quantile and value. */
export interface ListColumn extends ColumnBase {
  readonly kind: 'list';
  readonly offsets: Int32Array;
  readonly children: readonly PlainColumn[];
}

/**
 * The values of a dictionary as they were when a batch came: the first `size` entries of `store`.
 * A delta appends to the same store (entries never move or change); a replacement makes a new store. So two views
 * with the same store agree on all entries that both have, and maps from code to anything can be cached by store.
 */
export interface DictionaryView {
  readonly store: DictionaryStore;
  readonly size: number;
}

/** Append-only values of one dictionary; identity is stable over deltas. */
export interface DictionaryStore {
  readonly type: ValueType;
  readonly size: number;
  /** Bytes that the store holds in memory. */
  readonly byteLength: number;
  /** utf8 entry as text, decoded at most once. Invalid UTF-8 throws CodedError INVALID_ARGUMENT `invalid_utf8`. */
  text(code: number): string;
  /** utf8, binary, fixed8, fixed16 entry as bytes (a view; do not keep or change it). */
  bytes(code: number): Uint8Array;
  /** i32, u32, f64 entry, and i64, duration where a double holds it exactly enough for statistics. */
  number(code: number): number;
  /** i64, u64, duration, timestamp entry exactly. */
  bigint(code: number): bigint;
  isNull(code: number): boolean;
}
