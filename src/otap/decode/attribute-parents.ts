import type { IdColumn } from '../batch.ts';
import type { Column, DictionaryColumn, BytesColumn } from '../column.ts';
import { isValid } from './bits.ts';
import { ArrowDictionaryStore } from './dictionary-store.ts';
import { invalidValues } from './errors.ts';
import { clearDifferent } from './same-as-before.ts';
import { decodeCodedRun } from './coded-run.ts';
import { quasiDeltaRange, valueColumns, type EncodedIds } from './transport-ids.ts';

/** Reads a column of the attribute table by its path, null where it is absent. */
export type ReadColumn = (path: string) => Column | null;

/** Parents of an attribute table, all or those of the rows of one key (OTAP specification, 6.4.3 "Attribute Quasidelta Encoding"). */
export class AttributeParents {
  readonly #column: ReadColumn;
  readonly #encoded: EncodedIds;
  readonly #types: Uint8Array;
  /** 1 where a row of the run at hand is as the one before it; what is outside of the run means nothing. */
  #same: Uint8Array | null = null;

  /** `isChecked`: the types have been checked before. */
  constructor(column: ReadColumn, encoded: EncodedIds, isChecked: boolean) {
    this.#column = column;
    this.#encoded = encoded;
    this.#types = readTypes(column('type'), encoded.values.length);
    if (!isChecked) checkTypes(this.#types);
  }

  /** `ids` has room for one id a row, and becomes the result. */
  all(ids: Uint32Array): IdColumn {
    const types = this.#types;
    for (let from = 0; from < types.length; ) {
      const to = runEnd(types, from, types.length);
      this.#decodeRun(from, to, ids);
      from = to;
    }
    return { values: ids, validity: null };
  }

  /** Parents of rows [from, to), which have one type. */
  #decodeRun(from: number, to: number, ids: Uint32Array): void {
    const path = valueColumns[this.#types[from]];
    const key = this.#column('key');
    const value = path === null ? null : this.#column(path);
    if (value !== null && decodeCodedRun(this.#encoded, key, value, from, to, ids)) return;
    const same = this.#sameRun(from, to);
    this.#clearKeys(same, from + 1, to);
    this.#clearValues(this.#types[from], same, from, to);
    quasiDeltaRange(this.#encoded, same, from, to, ids, from);
  }

  /** Parents of `rows`, ascending; all of them have the same key, and no other row has it. */
  of(rows: Uint32Array): Uint32Array {
    const parents = new Uint32Array(rows.length);
    const types = this.#types;
    for (let index = 0; index < rows.length; ) {
      const from = rows[index];
      let end = index + 1;
      while (end < rows.length && rows[end] === rows[end - 1] + 1 && types[rows[end]] === types[from]) end++;
      const to = from + end - index;
      const same = this.#sameRun(from, to);
      this.#clearKeys(same, from + 1, to);
      this.#clearValues(types[from], same, from, to);
      quasiDeltaRange(this.#encoded, same, from, to, parents, index);
      index = end;
    }
    return parents;
  }

  /** As if each row from the second on were as the one before it. */
  #sameRun(from: number, to: number): Uint8Array {
    this.#same ??= new Uint8Array(this.#types.length);
    this.#same[from] = 0;
    return this.#same.fill(1, from + 1, to);
  }

  /** A dictionary may hold a key twice: where the code changes, the parent is absolute. */
  #clearKeys(same: Uint8Array, from: number, to: number): void {
    const key = this.#column('key');
    if (key !== null && from < to) clearDifferent(key, same, from, to, false);
  }

  /** Clears same[row] in (from, to), rows of one type, where the value is not that of the row before, or null. */
  #clearValues(type: number, same: Uint8Array, from: number, to: number): void {
    if (to - from < 2) return;
    const path = valueColumns[type];
    const column = path === null ? null : this.#column(path);
    if (column === null) same.fill(0, from + 1, to);
    else clearDifferent(column, same, from + 1, to, false);
  }
}

/** Rows whose key is `key`, ascending. */
export function rowsWithKey(column: Column | null, key: string): Uint32Array {
  if (column === null) return new Uint32Array(0);
  const bytes = Buffer.from(key);
  if (column.kind === 'dictionary') return rowsWithCodes(column, codesOf(column, bytes));
  if (column.kind === 'bytes') return rowsWithBytes(column, bytes);
  return new Uint32Array(0);
}

function codesOf({ dictionary: { store, size } }: DictionaryColumn, key: Uint8Array): number[] {
  if (store instanceof ArrowDictionaryStore) return store.codesOf(key, size);
  throw invalidValues('dictionary of another decoder');
}

function rowsWithCodes({ codes, validity }: DictionaryColumn, wanted: readonly number[]): Uint32Array {
  if (wanted.length === 0) return new Uint32Array(0);
  if (wanted.length > 1) return collect(codes.length, (row) => wanted.includes(codes[row]) && isValid(validity, row));
  const [code] = wanted;
  const rows = new RowList();
  for (let row = codes.indexOf(code); row !== -1; row = codes.indexOf(code, row)) {
    for (; row < codes.length && codes[row] === code; row++) if (isValid(validity, row)) rows.push(row);
  }
  return rows.finish();
}

function rowsWithBytes({ offsets, data, validity, length }: BytesColumn, key: Uint8Array): Uint32Array {
  const keyText = Buffer.from(key.buffer, key.byteOffset, key.length);
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.length);
  return collect(length, (row) => {
    const start = offsets[row];
    const end = offsets[row + 1];
    return end - start === keyText.length && isValid(validity, row) && buffer.compare(keyText, 0, keyText.length, start, end) === 0;
  });
}

function collect(length: number, wanted: (row: number) => boolean): Uint32Array {
  const rows = new RowList();
  for (let row = 0; row < length; row++) if (wanted(row)) rows.push(row);
  return rows.finish();
}

class RowList {
  #rows = new Uint32Array(256);
  #count = 0;

  push(row: number): void {
    if (this.#count === this.#rows.length) {
      const larger = new Uint32Array(this.#count * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[this.#count++] = row;
  }

  finish(): Uint32Array {
    return this.#rows.slice(0, this.#count);
  }
}

/** The type of each row (5.5.1); an absent column is type 0, empty. */
function readTypes(column: Column | null, rowCount: number): Uint8Array {
  return column === null ? new Uint8Array(rowCount) : typeValues(column);
}

/** Throws INVALID_ARGUMENT / invalid_values above 7. */
function checkTypes(types: Uint8Array): void {
  let all = 0;
  for (let row = 0; row < types.length; row++) all |= types[row];
  if (all > 7) throw invalidValues(`column type, row ${types.findIndex((type) => type > 7)}: a value over 7 is no attribute type`);
}

function typeValues(column: Column): Uint8Array {
  if (column.kind === 'fixed' && column.values instanceof Uint8Array) return column.values;
  if (column.kind !== 'dictionary') throw invalidValues('column type holds no types');
  const { codes, validity, dictionary } = column;
  return Uint8Array.from(codes, (code, row) => (isValid(validity, row) ? dictionary.store.number(code) : 0));
}

function runEnd(types: Uint8Array, from: number, rowCount: number): number {
  const type = types[from];
  let to = from + 1;
  while (to < rowCount && types[to] === type) to++;
  return to;
}
