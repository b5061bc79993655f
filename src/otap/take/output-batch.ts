import type { PayloadInfo, PayloadName, Signal } from '../payload-type.ts';
import type { ValueType } from '../schema.ts';
import type { ValuePool } from './value-pool.ts';

/**
 * Rows taken from many batches, in the order in which they were appended, with plain references between tables:
 * the id of a row is its row number. The encoder sorts, numbers and encodes; nothing here is transport form.
 */
export interface OutputBatch {
  readonly signal: Signal;
  /** Rows of the root table, at most 65,535. */
  readonly rowCount: number;
  /** Tables that have rows, parents before children. */
  readonly tables: ReadonlyMap<PayloadName, OutputTable>;
  /** Resource of each root row; RESOURCE_ATTRS refer to these numbers. Every number below the greatest occurs. */
  readonly resourceOf: Uint32Array;
  /** Scope of each root row; SCOPE_ATTRS refer to these numbers. A scope belongs to one resource and one schema_url. */
  readonly scopeOf: Uint32Array;
  /** Resource of each scope. */
  readonly resourceOfScope: Uint32Array;
}

export interface OutputTable {
  readonly info: PayloadInfo;
  readonly rowCount: number;
  /** What each row belongs to: a row number of the parent table, or a resource or scope number; null for the root. */
  readonly parents: Uint32Array | null;
  /** Columns that hold a value, by path; `id`, `parent_id`, `resource.id` and `scope.id` are never among them. */
  readonly columns: ReadonlyMap<string, OutputColumn>;
}

export type OutputColumn = PoolColumn | RawColumn | ListColumn;

/** Column whose values repeat: codes[row] is a code of `pool`, -1 where null. */
export interface PoolColumn {
  readonly kind: 'pool';
  readonly type: ValueType;
  readonly codes: Int32Array;
  readonly pool: ValuePool;
}

/**
 * Fixed-width column; row i is words[i * wordsPerValue, (i + 1) * wordsPerValue): bytes for u8 and bool (0 or 1), 16-bit words
 * for u16, else 32-bit words, least significant first. Null rows hold zeros.
 */
export interface RawColumn {
  readonly kind: 'raw';
  readonly type: ValueType;
  readonly words: Words;
  readonly wordsPerValue: number;
  readonly validity: RowValidity;
}

/** Lists of 8-byte values; row i is elements [offsets[i], offsets[i + 1]) of each child, two 32-bit words an element. */
export interface ListColumn {
  readonly kind: 'list';
  readonly type: ValueType;
  readonly offsets: Uint32Array;
  readonly children: readonly Uint32Array[];
  readonly validity: RowValidity;
}

export type Words = Uint8Array | Uint16Array | Uint32Array;

/** One byte a row, 1 = valid; null where no row is null. */
export type RowValidity = Uint8Array | null;
