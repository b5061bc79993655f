import type { PayloadTable } from '../batch.ts';
import type { PayloadInfo } from '../payload-type.ts';
import { schemas } from '../schema.ts';
import { columnBuilder, type ColumnBuilder } from './column-builder.ts';
import type { OutputColumn, OutputTable } from './output-batch.ts';
import { PoolBuilder } from './pool-builder.ts';
import { RawBuilder } from './raw-builder.ts';
import { isRequired } from './required.ts';
import { grown } from './value-pool.ts';

const idPaths: ReadonlySet<string> = new Set(['id', 'parent_id', 'resource.id', 'scope.id']);

/** Grows one table of an output batch. */
export class TableBuilder {
  readonly info: PayloadInfo;
  readonly #columns = new Map<string, ColumnBuilder>();
  #parents = new Uint32Array(0);
  #rowCount = 0;

  constructor(info: PayloadInfo, hashSeed: number) {
    this.info = info;
    for (const spec of schemas[info.schema]) {
      if (!idPaths.has(spec.path)) this.#columns.set(spec.path, columnBuilder(spec, isRequired(info.schema, spec), hashSeed));
    }
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Appends rows[0, count) of a source table; parents[i] is what rows[i] belongs to (null for the root). */
  append(source: PayloadTable, rows: Uint32Array, count: number, parents: Uint32Array | null): void {
    const base = this.addRows(count, parents);
    for (const path of source.paths) {
      const builder = this.#columns.get(path);
      const column = builder === undefined ? null : source.column(path);
      if (builder !== undefined && column !== null) builder.gather(column, rows, count, base);
    }
  }

  /** Adds rows whose columns the caller writes itself (`pool`, `raw`); gives the number of the first. */
  addRows(count: number, parents: Uint32Array | null): number {
    const base = this.#rowCount;
    this.#rowCount += count;
    if (parents !== null) {
      if (this.#rowCount > this.#parents.length) this.#parents = grown(this.#parents, this.#rowCount);
      for (let index = 0; index < count; index++) this.#parents[base + index] = parents[index];
    }
    return base;
  }

  /** Bytes of the values in its pools, which outlive batches until they are full. */
  get valueBytes(): number {
    let bytes = 0;
    for (const builder of this.#columns.values()) if (builder instanceof PoolBuilder) bytes += builder.pool.byteLength;
    return bytes;
  }

  /** Takes back rows from `rowCount` on. */
  truncate(rowCount: number): void {
    this.#rowCount = rowCount;
    for (const builder of this.#columns.values()) {
      if (builder instanceof PoolBuilder || builder instanceof RawBuilder) builder.truncate(rowCount);
    }
  }

  /** The builder of a pooled column. */
  pool(path: string): PoolBuilder {
    const builder = this.#columns.get(path);
    if (builder instanceof PoolBuilder) return builder;
    throw new Error(`invariant broken: ${this.info.name}.${path} is no pooled column`);
  }

  /** The builder of a fixed-width column. */
  raw(path: string): RawBuilder {
    const builder = this.#columns.get(path);
    if (builder instanceof RawBuilder) return builder;
    throw new Error(`invariant broken: ${this.info.name}.${path} is no fixed-width column`);
  }

  build(): OutputTable {
    const rowCount = this.#rowCount;
    const columns = new Map<string, OutputColumn>();
    for (const [path, builder] of this.#columns) {
      const column = builder.build(rowCount);
      if (column !== null && !saysNothing(path, column)) columns.set(path, column);
    }
    const parents = this.info.parent === null ? null : this.#parents.subarray(0, rowCount);
    this.#parents = new Uint32Array(this.#parents.length);
    this.#rowCount = 0;
    return { info: this.info, rowCount, parents, columns };
  }
}

/** Counts and flags that are all zero, and bodies that are all empty, mean the same when they are left out. */
function saysNothing(path: string, column: OutputColumn): boolean {
  if (column.kind !== 'raw' || (column.type !== 'u32' && path !== 'body.type')) return false;
  const { words } = column;
  for (let index = 0; index < words.length; index++) if (words[index] !== 0) return false;
  return true;
}
