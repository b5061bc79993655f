import type { Column } from '../column.ts';
import type { ColumnSpec } from '../schema.ts';
import { ListBuilder } from './list-builder.ts';
import type { OutputColumn } from './output-batch.ts';
import { PoolBuilder } from './pool-builder.ts';
import { RawBuilder } from './raw-builder.ts';

/** Grows one column of an output table by rows of source columns. Life: gather*, build; then it starts anew. */
export interface ColumnBuilder {
  /** Writes source rows rows[0, count) to the rows from `base` on; rows before `base` that were never written are null. */
  gather(source: Column, rows: Uint32Array, count: number, base: number): void;
  /** The column with `rowCount` rows, or null where no value was written; the builder is empty afterwards. */
  build(rowCount: number): OutputColumn | null;
}

/** The builder for a column of the given specification: pools where values may repeat, else plain words or lists. */
export function columnBuilder(spec: ColumnSpec, required: boolean, hashSeed: number): ColumnBuilder {
  if (spec.type === 'list_u64' || spec.type === 'list_f64') return new ListBuilder(spec.type, 1);
  if (spec.type === 'list_quantile') return new ListBuilder(spec.type, 2);
  if (isPooled(spec)) return new PoolBuilder(spec.type, required, hashSeed);
  return new RawBuilder(spec.type, required);
}

/** Whether the column is held as codes of a pool. */
export function isPooled(spec: ColumnSpec): boolean {
  return spec.dictionary !== 'none' || spec.type === 'utf8' || spec.type === 'binary';
}
