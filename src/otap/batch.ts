import type { Column } from './column.ts';
import type { PayloadInfo, PayloadName, Signal } from './payload-type.ts';

/** One table of a batch. Columns are decompressed and read at the first call that asks for them, then kept. */
export interface PayloadTable {
  readonly info: PayloadInfo;
  readonly rowCount: number;
  /** Paths of the leaf columns that the sender's schema has. */
  readonly paths: readonly string[];
  /** The column as it was sent (ids still delta-encoded), or null where the sender left it out. */
  column(path: string): Column | null;
  /** The field's `encoding` metadata: plain, delta, quasidelta, or null where the sender says nothing. */
  encodingMark(path: string): string | null;
  /** Decoded ids of `id`, `resource.id`, `scope.id`, `parent_id`; null where the column is absent. */
  ids(path: string): IdColumn | null;
  /**
   * Rows of an attribute table that have this key, with their decoded parents, without decoding the rest.
   * `rows` are ascending row numbers, `parents[i]` the decoded parent id of rows[i].
   */
  rowsOfKey(key: string): { readonly rows: Uint32Array; readonly parents: Uint32Array };
  /** Where the values of these rows of an attribute table are read: in this table, or in one that holds nothing else and so reads no more than them. */
  valuesOf(rows: Uint32Array): RowsOfTable;
  /** Forgets decompressed columns; they are read again when asked for. */
  release(): void;
}

/** Some rows of a table, by their numbers in it. */
export interface RowsOfTable {
  readonly table: PayloadTable;
  readonly rows: Uint32Array;
}

/** Absolute ids, one a row; `validity` as in Column. */
export interface IdColumn {
  readonly values: Uint32Array;
  readonly validity: Uint8Array | null;
}

/** A decoded BatchArrowRecords: lazy tables over the bytes that came. */
export interface OtapBatch {
  readonly signal: Signal;
  readonly batchId: bigint;
  /** Rows of the root table: spans, log records, metrics. */
  readonly rowCount: number;
  /** The table, or null where the batch has none or it is empty. */
  table(name: PayloadName): PayloadTable | null;
  /**
   * What must be kept to read the same bytes again without the stream: schema plans and dictionary views, no bodies.
   * Layouts of one stream share what did not change.
   */
  readonly layout: BatchLayout;
}

/** Opaque to everyone but the decoder; `reopenBatch(layout, bytes)` gives an equal OtapBatch. */
export interface BatchLayout {
  readonly signal: Signal;
  /** Rough bytes of heap that this layout alone holds, without what it shares with its stream. */
  readonly byteLength: number;
}
