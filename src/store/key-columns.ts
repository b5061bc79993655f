import type { PayloadTable, RowsOfTable } from '../otap/batch.ts';
import type { Column } from '../otap/column.ts';
import { anyValueText, valueColumnsOf } from '../otap/decode/any-value.ts';
import { isValid } from '../otap/decode/bits.ts';
import type { ReadContext } from './field-readers.ts';
import { greatestId, RowById } from './row-by-id.ts';
import type { ColumnData, ColumnType } from './table-writer.ts';

/** SQL type of an attribute's column, see docs/policies.md for how it is chosen. */
export type KeyType = 'VARCHAR' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN';

/** An attribute key that some policy reads, with the column that holds it in the slot's row table. */
export interface KeyColumn {
  readonly source: 'attributes' | 'resource';
  readonly key: string;
  readonly type: KeyType;
  readonly column: string;
}

/** Types of attribute values in OTAP (specification, section 5.5.1). */
export const anyValueTypes = { empty: 0, str: 1, int: 2, double: 3, bool: 4, map: 5, slice: 6, bytes: 7 } as const;

const storage: { readonly [type in KeyType]: { readonly column: ColumnType; readonly width: number } } = {
  VARCHAR: { column: 'UINTEGER', width: 4 },
  BIGINT: { column: 'BIGINT', width: 8 },
  DOUBLE: { column: 'DOUBLE', width: 8 },
  BOOLEAN: { column: 'BOOLEAN', width: 1 },
};

/** Column type that a key's values are stored in; VARCHAR goes in as codes of the string table. */
export function keyStorage(type: KeyType): ColumnType {
  return storage[type].column;
}

/** Told of a value whose type cannot become the key's: it reads as NULL. */
export type OnMismatch = (key: string, count: number) => void;

/** Values of one key, one a row of the root table. */
export function readKey(context: ReadContext, key: KeyColumn, onMismatch: OnMismatch): ColumnData {
  const { batch, root } = context;
  return key.source === 'resource'
    ? readKeyOf(context, { table: root, idPath: 'resource.id', attributes: batch.table('RESOURCE_ATTRS') }, key, onMismatch)
    : readKeyOf(context, { table: root, idPath: 'id', attributes: batch.table(rowAttributes[batch.signal]) }, key, onMismatch);
}

const rowAttributes = { traces: 'SPAN_ATTRS', logs: 'LOG_ATTRS', metrics: 'METRIC_ATTRS' } as const;

/** A table whose rows have attributes: `idPath` is the column that the attributes' parent_id refers to. */
export interface AttributedTable {
  readonly table: PayloadTable;
  readonly idPath: string;
  readonly attributes: PayloadTable | null;
}

/** Values of one key, one a row of `owner.table`. */
export function readKeyOf(context: ReadContext, owner: AttributedTable, key: KeyColumn, onMismatch: OnMismatch): ColumnData {
  const { table, idPath, attributes } = owner;
  const width = storage[key.type].width;
  const out = { bytes: new Uint8Array(table.rowCount * width), valid: new Uint8Array(table.rowCount) };
  const ids = table.ids(idPath);
  if (attributes === null || ids === null) return out;
  const { rows, parents } = attributes.rowsOfKey(key.key);
  if (rows.length === 0) return out;
  spread(ids, parents, readValues(context, attributes.valuesOf(rows), key, onMismatch), out, width);
  return out;
}

interface KeyValues {
  readonly bytes: Uint8Array;
  readonly valid: Uint8Array;
}

/** Copies the value of parent id p to every root row whose id is p. */
function spread(
  ids: { readonly values: Uint32Array; readonly validity: Uint8Array | null },
  parents: Uint32Array,
  values: KeyValues,
  out: KeyValues,
  width: number,
): void {
  const valueOf = indexByParent(parents);
  const from = wordsOf(values.bytes, width);
  const to = wordsOf(out.bytes, width);
  const words = width === 8 ? 2 : 1;
  for (let row = 0; row < out.valid.length; row++) {
    if (!isValid(ids.validity, row)) continue;
    const index = valueOf.get(ids.values[row]);
    if (index < 0 || values.valid[index] === 0) continue;
    for (let w = 0; w < words; w++) to[row * words + w] = from[index * words + w];
    out.valid[row] = 1;
  }
}

function wordsOf(bytes: Uint8Array, width: number): Uint8Array | Uint32Array {
  return width === 1 ? bytes : new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** Index of the last attribute row of each parent, by parent id. */
function indexByParent(parents: Uint32Array): RowById {
  const index = new RowById(greatestId(parents), parents.length);
  for (let i = 0; i < parents.length; i++) index.set(parents[i], i);
  return index;
}

function readValues(
  context: ReadContext,
  { table, rows }: RowsOfTable,
  key: KeyColumn,
  onMismatch: OnMismatch,
): KeyValues {
  const types = table.column('type');
  const out = { bytes: new Uint8Array(rows.length * storage[key.type].width), valid: new Uint8Array(rows.length) };
  if (types === null || types.kind !== 'fixed') return out;
  const put = converters[key.type](context, table, out.bytes);
  let mismatches = 0;
  for (let i = 0; i < rows.length; i++) {
    const type = types.values[rows[i]];
    if (type === anyValueTypes.empty) continue;
    if (put(i, rows[i], type)) out.valid[i] = 1;
    else mismatches++;
  }
  if (mismatches > 0) onMismatch(key.key, mismatches);
  return out;
}

/** Writes the value of attribute row `row` as value i; false where its type does not fit. */
type Put = (i: number, row: number, type: number) => boolean;

const converters: { readonly [type in KeyType]: (context: ReadContext, table: PayloadTable, bytes: Uint8Array) => Put } = {
  VARCHAR: textConverter,
  BIGINT: (_context, table, bytes) => {
    const out = new BigInt64Array(bytes.buffer);
    const ints = lazy(() => integerReader(table.column('int')));
    const doubles = lazy(() => doubleReader(table.column('double')));
    return (i, row, type) => {
      if (type === anyValueTypes.int) {
        out[i] = ints()(row);
        return true;
      }
      if (type !== anyValueTypes.double) return false;
      const value = doubles()(row);
      if (!Number.isSafeInteger(value)) return false;
      out[i] = BigInt(value);
      return true;
    };
  },
  DOUBLE: (_context, table, bytes) => {
    const out = new Float64Array(bytes.buffer);
    const ints = lazy(() => integerReader(table.column('int')));
    const doubles = lazy(() => doubleReader(table.column('double')));
    return (i, row, type) => {
      if (type === anyValueTypes.double) out[i] = doubles()(row);
      else if (type === anyValueTypes.int) out[i] = Number(ints()(row));
      else return false;
      return true;
    };
  },
  BOOLEAN: (_context, table, bytes) => {
    const column = lazy(() => table.column('bool'));
    return (i, row, type) => {
      if (type !== anyValueTypes.bool) return false;
      const bools = column();
      bytes[i] = bools?.kind === 'bool' && isValid(bools.validity, row) && isValid(bools.bits, row) ? 1 : 0;
      return true;
    };
  },
};

function textConverter(context: ReadContext, table: PayloadTable, bytes: Uint8Array): Put {
  const out = new Uint32Array(bytes.buffer);
  const { strings } = context;
  const columns = lazy(() => valueColumnsOf(table, ''));
  const codes = lazy(() => {
    const column = table.column('str');
    return column?.kind === 'dictionary' ? { column, map: strings.codesOf(column.dictionary.store, column.dictionary.size) } : null;
  });
  return (i, row, type) => {
    const dictionary = type === anyValueTypes.str ? codes() : null;
    if (dictionary !== null && isValid(dictionary.column.validity, row)) {
      const { column, map } = dictionary;
      out[i] = strings.codeOfEntry(map, column.dictionary.store, column.codes[row]);
    } else {
      out[i] = strings.codeOf(anyValueText(columns(), row) ?? '');
    }
    return true;
  };
}

function integerReader(column: Column | null): (row: number) => bigint {
  if (column?.kind === 'wide') return (row) => (isValid(column.validity, row) ? BigInt.asIntN(64, column.values[row]) : 0n);
  if (column?.kind === 'dictionary') {
    return (row) => (isValid(column.validity, row) ? column.dictionary.store.bigint(column.codes[row]) : 0n);
  }
  return () => 0n;
}

function doubleReader(column: Column | null): (row: number) => number {
  if (column?.kind === 'fixed') return (row) => (isValid(column.validity, row) ? column.values[row] : 0);
  if (column?.kind === 'dictionary') {
    return (row) => (isValid(column.validity, row) ? column.dictionary.store.number(column.codes[row]) : 0);
  }
  return () => 0;
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

