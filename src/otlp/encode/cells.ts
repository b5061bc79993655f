import type { ListColumn, OutputColumn, OutputTable, PoolColumn, RawColumn } from '../../otap/take/output-batch.ts';
import { widthOf } from '../../otap/take/value-bytes.ts';

/**
 * Values of a pooled or fixed-width column as places in one run of bytes, numbers little-endian. All columns have this one shape,
 * so that loops over columns of different kinds stay fast.
 */
export class Cells {
  /** The values' bytes; a view until the column's pool grows. */
  readonly bytes: Uint8Array;
  readonly #width: number;
  readonly #codes: Int32Array | null;
  readonly #offsets: Uint32Array | null;
  readonly #validity: Uint8Array | null;

  constructor(column: PoolColumn | RawColumn) {
    const isPool = column.kind === 'pool';
    this.bytes = isPool ? column.pool.data : bytesOf(column.words);
    this.#width = isPool ? 0 : widthOf(column.type);
    this.#codes = isPool ? column.codes : null;
    this.#offsets = isPool ? column.pool.offsets : null;
    this.#validity = isPool ? null : column.validity;
  }

  /** Where the row's value starts, -1 where it is null. */
  start(row: number): number {
    if (this.#codes !== null && this.#offsets !== null) {
      const code = this.#codes[row];
      return code < 0 ? -1 : this.#offsets[code];
    }
    return this.#validity !== null && this.#validity[row] === 0 ? -1 : row * this.#width;
  }

  /** Where the value of a row that is not null ends. */
  end(row: number): number {
    if (this.#codes !== null && this.#offsets !== null) return this.#offsets[this.#codes[row] + 1];
    return (row + 1) * this.#width;
  }
}

/** 32 bits at `at`, unsigned. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** The column's values, null where the table has none. */
export function cellsOf(table: OutputTable, path: string): Cells | null {
  const column = table.columns.get(path);
  return column === undefined || column.kind === 'list' ? null : new Cells(column);
}

/** Lists of 8-byte values: row i is elements [offsets[i], offsets[i + 1]) of each child, 8 bytes an element. */
export interface Lists {
  readonly offsets: Uint32Array;
  readonly children: readonly Uint8Array[];
}

export function listsOf(table: OutputTable, path: string): Lists | null {
  const column: OutputColumn | undefined = table.columns.get(path);
  return column?.kind === 'list' ? { offsets: column.offsets, children: childrenOf(column) } : null;
}

function childrenOf({ children }: ListColumn): readonly Uint8Array[] {
  return children.map(bytesOf);
}

function bytesOf(words: Uint8Array | Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
