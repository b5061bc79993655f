import { assert, present } from '../../base/assert.ts';
import type { OtapBatch, PayloadTable } from '../batch.ts';
import { type PayloadInfo, type PayloadName, rootPayload, type Signal, signalPayloads } from '../payload-type.ts';
import { appendAttributes, appendStamps, dropStamped } from './attributes.ts';
import { isValid } from '../decode/bits.ts';
import { EntityIndex } from './entities.ts';
import { IdMap } from './id-map.ts';
import type { ItemStamps } from './item-stamps.ts';
import type { OutputBatch, OutputTable } from './output-batch.ts';
import { TableBuilder } from './table-builder.ts';
import { grown } from './value-pool.ts';

/** Most root rows of a batch: ids are u16, and the Rust engine's counter wraps silently above it. */
export const rootRowsMax = 65_535;

/**
 * Collects rows of many retained batches into few, large output batches. What is read of a source batch is copied, so
 * that the batch may be released after `append`. Value pools outlive `finish`, which makes the next batch cheaper.
 */
export class OutputBatchBuilder {
  readonly signal: Signal;
  readonly rowsMax: number;
  readonly #tables: ReadonlyMap<PayloadName, TableBuilder>;
  readonly #rootAttributes: PayloadInfo;
  readonly #entities: EntityIndex;
  readonly #ids = new Map<PayloadName, IdMap>();
  #rows = new Uint32Array(0);
  #parents = new Uint32Array(0);

  /** `hashSeed` keys the hash tables of values against input that is made to collide. Throws RangeError for a wrong `rowsMax`. */
  constructor(signal: Signal, rowsMax = rootRowsMax, hashSeed = 0) {
    if (!(rowsMax >= 1 && rowsMax <= rootRowsMax)) throw new RangeError(`rowsMax must be 1 to ${rootRowsMax}, got ${rowsMax}`);
    this.signal = signal;
    this.rowsMax = rowsMax;
    this.#tables = new Map(signalPayloads[signal].map((info) => [info.name, new TableBuilder(info, hashSeed)]));
    this.#rootAttributes = present(signalPayloads[signal].find((info) => info.kind === 'attributes' && info.parent === rootPayload[signal].name), 'root attributes');
    this.#entities = new EntityIndex(this.#root, this.#table('RESOURCE_ATTRS'), this.#table('SCOPE_ATTRS'));
  }

  get rowCount(): number {
    return this.#root.rowCount;
  }

  /** Bytes of texts, bytes and ids in its pools: those of the rows so far, and what is kept of batches before. */
  get valueBytes(): number {
    let bytes = 0;
    for (const table of this.#tables.values()) bytes += table.valueBytes;
    return bytes;
  }

  /** Root rows that can still be appended; see `splitRows`. */
  get room(): number {
    return this.rowsMax - this.rowCount;
  }

  /**
   * Appends root rows `rows` (ascending row numbers of the batch's root table) with everything that they refer to: attributes,
   * events, links, data points, exemplars, resource and scope. Throws RangeError when there is less room, and what reading
   * the batch's columns throws; nothing is appended then.
   */
  append(batch: OtapBatch, rows: Uint32Array, stamps: ItemStamps | null): void {
    assert(batch.signal === this.signal, `batch of ${batch.signal} for a builder of ${this.signal}`);
    if (rows.length > this.room) throw new RangeError(`${rows.length} rows where there is room for ${this.room}`);
    if (rows.length === 0) return;
    const source = present(batch.table(rootPayload[this.signal].name), 'root table of a batch with rows');
    const before = new Map([...this.#tables].map(([name, table]) => [name, table.rowCount]));
    const entities = this.#entities.sizes;
    try {
      this.#append(batch, source, rows, stamps);
    } catch (error) {
      this.#entities.truncate(entities);
      for (const [name, table] of this.#tables) table.truncate(before.get(name) ?? 0);
      throw error;
    } finally {
      for (const map of this.#ids.values()) map.clear();
    }
  }

  /** The batch; the builder starts anew. */
  finish(): OutputBatch {
    const rowCount = this.rowCount;
    const entities = this.#entities.build(rowCount);
    const tables = new Map<PayloadName, OutputTable>();
    for (const [name, table] of this.#tables) if (table.rowCount > 0) tables.set(name, table.build());
    return { signal: this.signal, rowCount, tables, ...entities };
  }

  get #root(): TableBuilder {
    return this.#table(rootPayload[this.signal].name);
  }

  #table(name: PayloadName): TableBuilder {
    return present(this.#tables.get(name), name);
  }

  #append(batch: OtapBatch, source: PayloadTable, rows: Uint32Array, stamps: ItemStamps | null): void {
    const base = this.rowCount;
    this.#root.append(source, rows, rows.length, null);
    this.#entities.append(batch, source, rows, rows.length, base);
    this.#mapIds(this.#root.info, source, rows, rows.length, base);
    for (const info of signalPayloads[this.signal]) {
      if (info.parent !== null && info.parent !== 'ROOT') this.#appendChildren(batch, info, info.parent, stamps);
    }
    if (stamps === null) return;
    if (stamps.traceState !== null) this.#writeTraceState(stamps.traceState, base);
    appendStamps(this.#table(this.#rootAttributes.name), stamps, base);
  }

  #appendChildren(batch: OtapBatch, info: PayloadInfo, parent: PayloadName, stamps: ItemStamps | null): void {
    const source = batch.table(info.name);
    const parentIds = source?.ids('parent_id') ?? null;
    const map = this.#ids.get(parent);
    if (source === null || parentIds === null || map === undefined) return;
    const { rows, parents } = this.#scratch(source.rowCount);
    let count = map.select(parentIds, source.rowCount, rows, parents);
    if (stamps !== null && info === this.#rootAttributes) count = dropStamped(source, stamps, rows, parents, count);
    if (count === 0) return;
    const table = this.#table(info.name);
    const base = table.rowCount;
    if (info.kind === 'attributes') appendAttributes(table, source, rows, count, parents);
    else {
      table.append(source, rows, count, parents);
      this.#mapIds(info, source, rows, count, base);
    }
  }

  #scratch(rowCount: number): { readonly rows: Uint32Array; readonly parents: Uint32Array } {
    if (rowCount > this.#rows.length) {
      this.#rows = grown(this.#rows, rowCount);
      this.#parents = grown(this.#parents, rowCount);
    }
    return { rows: this.#rows, parents: this.#parents };
  }

  /** Remembers where the ids of rows[0, count) went, for the tables that refer to them. */
  #mapIds(info: PayloadInfo, source: PayloadTable, rows: Uint32Array, count: number, base: number): void {
    const ids = source.ids('id');
    if (ids === null) return;
    const map = this.#ids.get(info.name) ?? new IdMap();
    this.#ids.set(info.name, map);
    for (let index = 0; index < count; index++) {
      const row = rows[index];
      if (isValid(ids.validity, row)) map.set(ids.values[row], base + index);
    }
  }

  #writeTraceState(states: readonly (string | null)[], base: number): void {
    const column = this.#root.pool('trace_state');
    for (let index = 0; index < states.length; index++) {
      const state = states[index];
      if (state !== null) column.set(base + index, state === '' ? -1 : column.pool.internText(state));
    }
  }
}
