import { present } from '../../base/assert.ts';
import type { BatchLayout, OtapBatch, PayloadTable } from '../../otap/batch.ts';
import type { Column } from '../../otap/column.ts';
import { type PayloadInfo, type PayloadName, rootPayload, type Signal, signalPayloads } from '../../otap/payload-type.ts';
import { AttributeTable } from './attribute-table.ts';
import type { ReadField } from './field-columns.ts';
import { type Framing, framingColumns } from './framing.ts';
import { MessageTable } from './message-table.ts';
import type { Ranges } from './ranges.ts';
import type { MessageRows, RequestBytes } from './walk.ts';

/** All that is needed to read a request again is its bytes; see `reopenOtlp`. */
export class OtlpLayout implements BatchLayout {
  readonly byteLength = 48;
  readonly signal: Signal;
  readonly hashSeed: number;

  constructor(signal: Signal, hashSeed: number) {
    this.signal = signal;
    this.hashSeed = hashSeed;
  }
}

/** Tables of one OTLP request, by the names that OTAP has for them. */
export class OtlpBatch implements OtapBatch {
  readonly signal: Signal;
  readonly batchId = 0n;
  readonly rowCount: number;
  readonly layout: OtlpLayout;
  /** The request's own bytes, and where its items lie in them. */
  readonly request: RequestBytes;
  readonly framing: Framing;
  readonly #tables: ReadonlyMap<PayloadName, PayloadTable>;

  constructor(layout: OtlpLayout, request: RequestBytes, framing: Framing, tables: ReadonlyMap<PayloadName, PayloadTable>) {
    const { signal } = layout;
    this.request = request;
    this.framing = framing;
    this.signal = signal;
    this.layout = layout;
    this.#tables = tables;
    this.rowCount = tables.get(rootPayload[signal].name)?.rowCount ?? 0;
  }

  table(name: PayloadName): PayloadTable | null {
    return this.#tables.get(name) ?? null;
  }
}

/** Columns of a table that are fields of its message. */
export type FieldColumns = readonly (readonly [path: string, read: ReadField])[];

/** Gathers the tables of a batch; those without rows are left out. */
export class TableSet {
  readonly tables = new Map<PayloadName, PayloadTable>();
  readonly #request: RequestBytes;
  readonly #infos: ReadonlyMap<PayloadName, PayloadInfo>;

  constructor(request: RequestBytes, signal: Signal) {
    this.#request = request;
    this.#infos = new Map(signalPayloads[signal].map((info) => [info.name, info]));
  }

  /** The root table, with the attributes of its resources and scopes; `more` are columns that are not fields of the items. */
  addRoot(name: PayloadName, framing: Framing, rows: MessageRows, fields: FieldColumns, more: readonly [string, () => Column | null][] = []): void {
    const ids = new Map([['resource.id', framing.resourceOf], ['scope.id', framing.scopeOf]]);
    const columns = new Map([...framingColumns(framing), ...columnsOf(rows, fields), ...more]);
    if (rows.count === 0) return;
    this.#add(new MessageTable(this.#info(name), rows, ids, columns), more);
    this.addAttributes('RESOURCE_ATTRS', framing.resources.lists[0]);
    this.addAttributes('SCOPE_ATTRS', framing.scopes.lists[0]);
  }

  /** A table of messages that lie in rows of another: `ranges` are those that `rows` were walked over. */
  addChildren(name: PayloadName, ranges: Ranges, rows: MessageRows, fields: FieldColumns, more: readonly [string, () => Column | null][] = []): void {
    if (rows.count === 0) return;
    this.#add(new MessageTable(this.#info(name), rows, new Map([['parent_id', ranges.ownerIds()]]), new Map([...columnsOf(rows, fields), ...more])), more);
  }

  addAttributes(name: PayloadName, ranges: Ranges): void {
    if (ranges.count === 0) return;
    const table = new AttributeTable(this.#info(name), this.#request, ranges);
    if (this.#request.isChecked) table.check();
    this.tables.set(name, table);
  }

  /** Columns that are not fields of the message are checked by reading them. */
  #add(table: MessageTable, more: readonly [string, () => Column | null][]): void {
    if (this.#request.isChecked) for (const [path] of more) table.column(path);
    this.tables.set(table.info.name, table);
  }

  #info(name: PayloadName): PayloadInfo {
    return present(this.#infos.get(name), `table ${name}`);
  }
}

function columnsOf(rows: MessageRows, fields: FieldColumns): [string, () => Column | null][] {
  return fields.map(([path, read]) => [path, () => read(rows)]);
}
