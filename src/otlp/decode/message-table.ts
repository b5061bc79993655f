import type { IdColumn } from '../../otap/batch.ts';
import type { Column } from '../../otap/column.ts';
import type { PayloadInfo } from '../../otap/payload-type.ts';
import { counting } from './column-memory.ts';
import { LazyTable } from './lazy-table.ts';
import type { MessageRows } from './walk.ts';

/** Columns of a table by path: how each is read. */
export type ReadColumns = ReadonlyMap<string, () => Column | null>;

/** Rows of one message: spans, events, points. Row i has id i. */
export class MessageTable extends LazyTable {
  readonly paths: readonly string[];
  readonly #rows: MessageRows;
  readonly #columns: ReadColumns;
  readonly #ids: Map<string, IdColumn>;

  /** `ids`: `parent_id`, or `resource.id` and `scope.id`. */
  constructor(info: PayloadInfo, rows: MessageRows, ids: ReadonlyMap<string, Uint32Array>, columns: ReadColumns) {
    super(info, rows.count);
    this.#rows = rows;
    this.#columns = columns;
    this.#ids = new Map([...ids].map(([path, values]) => [path, { values, validity: null }]));
    this.paths = ['id', ...ids.keys(), ...columns.keys()];
  }

  override ids(path: string): IdColumn | null {
    const known = this.#ids.get(path) ?? null;
    if (known !== null || path !== 'id') return known;
    const own: IdColumn = { values: counting(this.#rows.request.source, this.rowCount), validity: null };
    this.#ids.set(path, own);
    return own;
  }

  protected override read(path: string): Column | null {
    return this.#columns.get(path)?.() ?? null;
  }
}
