import duckdb from '@duckdb/node-bindings';
import { messageOf } from '../base/errors.ts';
import type { Session } from './duckdb.ts';

const rowsPerChunk = duckdb.vector_size();

/** Column types that rows are written in, with the bytes that a value takes in DuckDB's vectors. */
export const columnTypes = {
  BOOLEAN: { id: duckdb.Type.BOOLEAN, width: 1 },
  UTINYINT: { id: duckdb.Type.UTINYINT, width: 1 },
  UINTEGER: { id: duckdb.Type.UINTEGER, width: 4 },
  INTEGER: { id: duckdb.Type.INTEGER, width: 4 },
  BIGINT: { id: duckdb.Type.BIGINT, width: 8 },
  UBIGINT: { id: duckdb.Type.UBIGINT, width: 8 },
  DOUBLE: { id: duckdb.Type.DOUBLE, width: 8 },
  UUID: { id: duckdb.Type.UUID, width: 16 },
  VARCHAR: { id: duckdb.Type.VARCHAR, width: 0 },
  UHUGEINT: { id: duckdb.Type.UHUGEINT, width: 16 },
  BLOB: { id: duckdb.Type.BLOB, width: 0 },
} as const;

export type ColumnType = keyof typeof columnTypes;

export interface ColumnDefinition {
  readonly name: string;
  readonly type: ColumnType;
}

/** Values of some rows of one column, to be written. */
export type ColumnData =
  /** Fixed width: `bytes` are the values as DuckDB lays them out; `valid[i]` is 0 where row i is NULL, or null where none is. */
  | { readonly bytes: Uint8Array; readonly valid: Uint8Array | null }
  /** VARCHAR and BLOB, one element a row. */
  | { readonly texts: readonly (string | Uint8Array | null)[] };

/**
 * Writes rows to one table in whole vectors: rows are gathered until a chunk is full, since a call into DuckDB costs
 * more than copying a small batch's values. `flush` makes everything written so far visible to queries.
 * A table is derived data: once DuckDB has refused rows (its memory is full), nothing more is written and every `flush` throws,
 * so that whoever reads the table knows that rows are missing, and whoever writes need not care.
 */
export class TableWriter {
  readonly table: string;
  readonly columns: readonly ColumnDefinition[];
  readonly #appender: duckdb.Appender;
  readonly #types: readonly duckdb.LogicalType[];
  readonly #staged: readonly StagedColumn[];
  #stagedRows = 0;
  #rowCount = 0;
  #failure: unknown = null;

  private constructor(session: Session, table: string, columns: readonly ColumnDefinition[]) {
    this.table = table;
    this.columns = columns;
    this.#appender = session.appender(table);
    this.#types = columns.map((column) => duckdb.create_logical_type(columnTypes[column.type].id));
    this.#staged = columns.map((column) => stagedColumn(columnTypes[column.type].width));
  }

  /** Creates the table and its writer. */
  static async create(session: Session, table: string, columns: readonly ColumnDefinition[]): Promise<TableWriter> {
    const list = columns.map((column) => `${column.name} ${column.type}`).join(', ');
    await session.definer.run(`CREATE TABLE ${table} (${list})`);
    return new TableWriter(session, table, columns);
  }

  /** Rows written, staged ones included. */
  get rowCount(): number {
    return this.#rowCount;
  }

  /** Bytes that a row takes in the table, text apart. */
  get rowBytes(): number {
    return this.columns.reduce((sum, column) => sum + (columnTypes[column.type].width || 16), 0);
  }

  /** Appends `count` rows; `data[c]` belongs to column c. */
  write(count: number, data: readonly ColumnData[]): void {
    this.#rowCount += count;
    let from = 0;
    while (from < count && this.#failure === null) {
      const rows = Math.min(count - from, rowsPerChunk - this.#stagedRows);
      for (let c = 0; c < data.length; c++) this.#staged[c].put(data[c], from, this.#stagedRows, rows);
      this.#stagedRows += rows;
      from += rows;
      if (this.#stagedRows === rowsPerChunk) this.#guard(() => this.#appendChunk());
    }
  }

  /** Puts into the table what was written, so that DuckDB can spill it: an appender holds up to 204,800 rows back. */
  settle(): void {
    this.#guard(() => {
      if (this.#stagedRows > 0) this.#appendChunk();
      duckdb.appender_flush_sync(this.#appender);
    });
  }

  /** Throws when rows were lost. */
  flush(): void {
    this.settle();
    if (this.#failure !== null) throw new Error(`rows of ${this.table} are missing: ${messageOf(this.#failure)}`, { cause: this.#failure });
  }

  /** Ends writing; what was not flushed is lost. */
  close(): void {
    this.#guard(() => duckdb.appender_close_sync(this.#appender));
  }

  #guard(work: () => void): void {
    if (this.#failure !== null) return;
    try {
      work();
    } catch (error) {
      this.#failure = error ?? new Error('DuckDB gave no reason');
    }
  }

  #appendChunk(): void {
    const chunk = duckdb.create_data_chunk(this.#types);
    duckdb.data_chunk_set_size(chunk, this.#stagedRows);
    this.#staged.forEach((column, index) => {
      column.copyTo(duckdb.data_chunk_get_vector(chunk, index), this.#stagedRows);
    });
    this.#stagedRows = 0;
    duckdb.append_data_chunk(this.#appender, chunk);
  }
}

interface StagedColumn {
  put(data: ColumnData, from: number, to: number, rows: number): void;
  copyTo(vector: duckdb.Vector, rows: number): void;
}

function stagedColumn(width: number): StagedColumn {
  return width === 0 ? new StagedTexts() : new StagedValues(width);
}

class StagedValues implements StagedColumn {
  readonly #width: number;
  readonly #values: Uint8Array<ArrayBuffer>;
  readonly #validity = new Uint8Array(rowsPerChunk / 8).fill(0xff);
  #hasNull = false;

  constructor(width: number) {
    this.#width = width;
    this.#values = new Uint8Array(rowsPerChunk * width);
  }

  put(data: ColumnData, from: number, to: number, rows: number): void {
    if (!('bytes' in data)) throw new Error('invariant broken: values expected');
    const width = this.#width;
    this.#values.set(data.bytes.subarray(from * width, (from + rows) * width), to * width);
    if (data.valid === null) return;
    for (let i = 0; i < rows; i++) {
      if (data.valid[from + i] !== 0) continue;
      this.#validity[(to + i) >> 3] &= ~(1 << ((to + i) & 7));
      this.#hasNull = true;
    }
  }

  copyTo(vector: duckdb.Vector, rows: number): void {
    duckdb.copy_data_to_vector(vector, 0, this.#values.buffer, 0, rows * this.#width);
    if (!this.#hasNull) return;
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, this.#validity.buffer, 0, this.#validity.length);
    this.#validity.fill(0xff);
    this.#hasNull = false;
  }
}

class StagedTexts implements StagedColumn {
  readonly #texts: (string | Uint8Array | null)[] = new Array<null>(rowsPerChunk).fill(null);
  readonly #validity = new Uint8Array(rowsPerChunk / 8);

  put(data: ColumnData, from: number, to: number, rows: number): void {
    if (!('texts' in data)) throw new Error('invariant broken: texts expected');
    for (let i = 0; i < rows; i++) this.#texts[to + i] = data.texts[from + i];
  }

  copyTo(vector: duckdb.Vector, rows: number): void {
    this.#validity.fill(0xff);
    let hasNull = false;
    for (let i = 0; i < rows; i++) {
      const text = this.#texts[i];
      if (text === null) {
        this.#validity[i >> 3] &= ~(1 << (i & 7));
        hasNull = true;
      } else if (typeof text === 'string') duckdb.vector_assign_string_element(vector, i, text);
      else duckdb.vector_assign_string_element_len(vector, i, text);
      this.#texts[i] = null;
    }
    if (!hasNull) return;
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, this.#validity.buffer, 0, this.#validity.length);
  }
}
