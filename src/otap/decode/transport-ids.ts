import type { IdColumn } from '../batch.ts';
import type { Column } from '../column.ts';
import type { SchemaName } from '../payload-type.ts';
import { brokenRule, invalidValues } from './errors.ts';
import { bit } from './bits.ts';
import { clearDifferent } from './same-as-before.ts';

/** Columns whose equality makes a `parent_id` a delta, by column set (OTAP specification, section 6.4.3). */
export const equalityColumns: { readonly [name in SchemaName]?: readonly string[] } = {
  span_events: ['name'],
  span_links: ['trace_id'],
  exemplars: ['int_value', 'double_value'],
};

/** Column that holds the value of an attribute of each type, null where there is none or it is never compared (5.5.1). */
export const valueColumns: readonly (string | null)[] = [null, 'str', 'int', 'double', 'bool', null, null, 'bytes'];

/** Ids as they were sent. */
export interface EncodedIds {
  readonly path: string;
  readonly values: Uint8Array | Uint16Array | Uint32Array;
  readonly validity: Uint8Array | null;
  /** Greatest id of the column's type. */
  readonly idMax: number;
}

/** The values of an id column, native or dictionary. Throws INVALID_ARGUMENT: invalid_values for a null parent. */
export function encodedIds(path: string, column: Column): EncodedIds {
  const idMax = column.type === 'u16' ? 0xffff : 0xffff_ffff;
  if (path === 'parent_id' && column.validity !== null) throw invalidValues('column parent_id holds nulls');
  if (column.kind === 'dictionary') return { path, values: lookUp(column), validity: column.validity, idMax };
  if (column.kind !== 'fixed' || column.values instanceof Float64Array || column.values instanceof Int32Array) {
    throw invalidValues(`column ${path} holds no ids`);
  }
  return { path, values: column.values, validity: column.validity, idMax };
}

function lookUp({ codes, dictionary, validity }: Column & { kind: 'dictionary' }): Uint32Array {
  const entries = new Uint32Array(dictionary.size);
  for (let code = 0; code < entries.length; code++) entries[code] = dictionary.store.number(code);
  const values = new Uint32Array(codes.length);
  for (let row = 0; row < codes.length; row++) {
    if (validity === null || bit(validity, row)) values[row] = entries[codes[row]];
  }
  return values;
}

/** Ids that were sent as they are. */
export function plainIds({ values, validity }: EncodedIds): IdColumn {
  return { values: values instanceof Uint32Array ? values : Uint32Array.from(values), validity };
}

/** Running sum over the rows that are not null (6.4.2), written to `ids`, which has room for one a row. Throws INVALID_ARGUMENT / id_overflow. */
export function deltaIds(encoded: EncodedIds, ids: Uint32Array): IdColumn {
  const { values, validity, idMax } = encoded;
  let sum = 0;
  for (let row = 0; row < values.length; row++) {
    if (validity !== null && !bit(validity, row)) {
      ids[row] = 0;
      continue;
    }
    sum += values[row];
    if (sum > idMax) throw idOverflow(encoded, row, sum);
    ids[row] = sum;
  }
  return { values: ids, validity };
}

/** A delta to the row before where same[row] is set, else absolute (6.4.3), written to `ids`. Throws INVALID_ARGUMENT / id_overflow. */
export function quasiDeltaIds(encoded: EncodedIds, same: Uint8Array, ids: Uint32Array): IdColumn {
  quasiDeltaRange(encoded, same, 0, encoded.values.length, ids, 0);
  return { values: ids, validity: null };
}

/** `quasiDeltaIds` of the rows in [from, to), written to `ids` from `at` on; row `from` is absolute. */
export function quasiDeltaRange(encoded: EncodedIds, same: Uint8Array, from: number, to: number, ids: Uint32Array, at: number): void {
  const { values, idMax } = encoded;
  let id = 0;
  for (let row = from; row < to; row++) {
    id = same[row] === 1 ? id + values[row] : values[row];
    if (id > idMax) throw idOverflow(encoded, row, id);
    ids[at + row - from] = id;
  }
}

/** same[row] = 1 where all `columns` hold what the row before holds; nulls equal nulls, absent columns are equal. */
export function sameInAll(columns: readonly (Column | null)[], rowCount: number): Uint8Array {
  const same = new Uint8Array(rowCount).fill(1, 1);
  for (const column of columns) if (column !== null) clearDifferent(column, same, 1, rowCount, true);
  return same;
}

/** INVALID_ARGUMENT / id_overflow: `id` in `row` is over what the column's type holds. */
export function idOverflow({ path, idMax }: EncodedIds, row: number, id: number): Error {
  return brokenRule('id_overflow', `column ${path}, row ${row}: delta leads to ${id}, over ${idMax}`);
}
