import type { IdColumn, PayloadTable, RowsOfTable } from '../batch.ts';
import type { Column } from '../column.ts';
import { CodedError } from '../../base/errors.ts';
import type { RecordBody } from '../ipc/record-batch.ts';
import type { PayloadInfo } from '../payload-type.ts';
import { schemas, type IdEncoding } from '../schema.ts';
import { AttributeParents, rowsWithKey } from './attribute-parents.ts';
import { brokenRule, OtapDecodeError } from './errors.ts';
import type { PayloadLayout } from './layout.ts';
import { readColumn } from './read-column.ts';
import { deltaIds, encodedIds, equalityColumns, plainIds, quasiDeltaIds, sameInAll, type EncodedIds } from './transport-ids.ts';

interface KeyRows {
  readonly rows: Uint32Array;
  readonly parents: Uint32Array;
}

/** One table over the bytes of its record batch. Every error it throws is an OtapDecodeError. */
export class ArrowTable implements PayloadTable {
  readonly info: PayloadInfo;
  readonly rowCount: number;
  readonly paths: readonly string[];
  readonly #layout: PayloadLayout;
  readonly #body: RecordBody;
  readonly #batchId: bigint;
  readonly #columns = new Map<string, Column>();
  readonly #ids = new Map<string, IdColumn>();
  #parents: AttributeParents | null = null;

  constructor(layout: PayloadLayout, body: RecordBody, batchId: bigint) {
    this.info = layout.info;
    this.rowCount = body.rowCount;
    this.paths = layout.plan.paths;
    this.#layout = layout;
    this.#body = body;
    this.#batchId = batchId;
  }

  column(path: string): Column | null {
    const known = this.#columns.get(path);
    return known === undefined ? this.#named(() => this.#read(path)) : known;
  }

  encodingMark(path: string): string | null {
    return this.#layout.plan.columns.get(path)?.encoding ?? null;
  }

  ids(path: string): IdColumn | null {
    const known = this.#ids.get(path);
    return known === undefined ? this.#named(() => this.#decodeIds(path)) : known;
  }

  rowsOfKey(key: string): KeyRows {
    return this.#named(() => this.#rowsOfKey(key));
  }

  valuesOf(rows: Uint32Array): RowsOfTable {
    return { table: this, rows };
  }

  release(): void {
    this.#columns.clear();
    this.#ids.clear();
    this.#parents = null;
  }

  #read(path: string): Column | null {
    const known = this.#columns.get(path);
    if (known !== undefined) return known;
    const plan = this.#layout.plan.columns.get(path);
    if (plan === undefined) return null;
    const column = readColumn(this.#body, plan, this.#layout.dictionaries);
    this.#columns.set(path, column);
    return column;
  }

  #decodeIds(path: string): IdColumn | null {
    const column = this.#read(path);
    const encoding = this.#encodingOf(path);
    if (column === null || encoding === null) return null;
    const encoded = encodedIds(path, column);
    const ids = encoding === 'plain' ? plainIds(encoded) : encoding === 'delta' ? deltaIds(encoded, this.#idsOf(encoded)) : this.#quasiDeltaIds(encoded);
    this.#ids.set(path, ids);
    return ids;
  }

  #quasiDeltaIds(encoded: EncodedIds): IdColumn {
    if (this.info.kind === 'attributes') return this.#attributeParents(encoded).all(this.#idsOf(encoded));
    const columns = (equalityColumns[this.info.schema] ?? []).map((path) => this.#read(path));
    return quasiDeltaIds(encoded, sameInAll(columns, this.rowCount), this.#idsOf(encoded));
  }

  /** Memory for one id a row, as long-lived as the columns. */
  #idsOf({ values }: EncodedIds): Uint32Array {
    const { buffer, byteOffset } = this.#body.memory(values.length * 4);
    return new Uint32Array(buffer, byteOffset, values.length);
  }

  #attributeParents(encoded: EncodedIds): AttributeParents {
    return (this.#parents ??= new AttributeParents((path) => this.#read(path), encoded, this.#body.isChecked));
  }

  #rowsOfKey(key: string): KeyRows {
    const rows = rowsWithKey(this.#read('key'), key);
    const parent = this.#read('parent_id');
    if (rows.length === 0 || parent === null) return { rows: new Uint32Array(0), parents: new Uint32Array(0) };
    const decoded = this.#ids.get('parent_id');
    if (decoded === undefined && this.#encodingOf('parent_id') === 'quasidelta') {
      return { rows, parents: this.#attributeParents(encodedIds('parent_id', parent)).of(rows) };
    }
    const all = decoded ?? this.#decodeIds('parent_id');
    return { rows, parents: all === null ? new Uint32Array(0) : rows.map((row) => all.values[row]) };
  }

  /** How the ids of a column are encoded: as its field says, else as the specification says; null for other columns. */
  #encodingOf(path: string): IdEncoding | 'plain' | null {
    const spec = schemas[this.info.schema].find((column) => column.path === path);
    const implied = spec?.idEncoding ?? null;
    const mark = this.encodingMark(path);
    if (implied === null || mark === null || mark === implied) return implied;
    if (mark === 'plain' || mark === 'delta') return mark;
    throw brokenRule('unknown_encoding', `column ${path}: encoding ${JSON.stringify(mark.slice(0, 40))}`);
  }

  /** Runs `read`; what it throws says which payload and batch it was. */
  #named<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const isBroken = error instanceof OtapDecodeError && error.streamBroken;
      throw new OtapDecodeError(error, this.info.name, this.#batchId, isBroken);
    }
  }
}
