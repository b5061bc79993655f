import type { IdColumn, PayloadTable, RowsOfTable } from '../../otap/batch.ts';
import type { Column } from '../../otap/column.ts';
import type { PayloadInfo } from '../../otap/payload-type.ts';
import { named } from './errors.ts';

/** Rows of an attribute table with one key, and their parents. */
export interface KeyRows {
  readonly rows: Uint32Array;
  readonly parents: Uint32Array;
}

const noRows: KeyRows = { rows: new Uint32Array(0), parents: new Uint32Array(0) };

/** What all tables over a request have in common: columns are read once, ids are absolute, and what is thrown says where. */
export abstract class LazyTable implements PayloadTable {
  readonly info: PayloadInfo;
  readonly rowCount: number;
  readonly #columns = new Map<string, Column | null>();

  constructor(info: PayloadInfo, rowCount: number) {
    this.info = info;
    this.rowCount = rowCount;
  }

  abstract readonly paths: readonly string[];

  /** Ids of each row by path; null for what is no id of this table. */
  abstract ids(path: string): IdColumn | null;

  protected abstract read(path: string): Column | null;

  protected findKey(_key: string): KeyRows {
    return noRows;
  }

  protected forget(): void {}

  column(path: string): Column | null {
    let column = this.#columns.get(path);
    if (column === undefined) {
      column = named(this.info.name, () => this.#idColumn(path) ?? this.read(path));
      this.#columns.set(path, column);
    }
    return column;
  }

  encodingMark(path: string): string | null {
    return this.ids(path) === null ? null : 'plain';
  }

  rowsOfKey(key: string): KeyRows {
    return named(this.info.name, () => this.findKey(key));
  }

  valuesOf(rows: Uint32Array): RowsOfTable {
    return { table: this, rows };
  }

  release(): void {
    this.#columns.clear();
    this.forget();
  }

  #idColumn(path: string): Column | null {
    const ids = this.ids(path);
    return ids === null ? null : { kind: 'fixed', type: 'u32', length: this.rowCount, validity: ids.validity, values: ids.values };
  }
}
