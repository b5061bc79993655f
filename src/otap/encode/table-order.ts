import { present } from '../../base/assert.ts';
import type { PayloadName } from '../payload-type.ts';
import { rootPayload } from '../payload-type.ts';
import { valueTypes } from '../take/attributes.ts';
import type { OutputBatch, OutputColumn, OutputTable } from '../take/output-batch.ts';
import { clearSign, isNegativeZeroAt, isPositiveZeroAt } from './double-values.ts';
import { identityOrder, positionsOf, sortBy } from './stable-order.ts';

/** In which order a table is written. */
export interface TableOrder {
  /** Row numbers of the output table, in the order in which they are written. */
  readonly order: Uint32Array;
  /** By row number of the output table: the id that the row gets, which is where it is written. */
  readonly positions: Uint32Array;
  /** By row number of the output table: the id of what the row belongs to; null for the root. */
  readonly parentIds: Uint32Array | null;
  /** The table's columns; a column that had to be changed for this order is another one. */
  readonly columns: ReadonlyMap<string, OutputColumn>;
}

/** Numbers of scopes in the order of their resources: with rows in this order, resource.id and scope.id never fall. */
export function scopeIdsOf(batch: OutputBatch): Uint32Array {
  return positionsOf(sortBy(identityOrder(batch.resourceOfScope.length), batch.resourceOfScope));
}

/**
 * Orders of all tables. The root goes by resource and scope, so that both are runs; children by parent, in which rows of one
 * parent keep their order; attributes by type, key, value and parent, whose order means nothing.
 */
export function tableOrders(batch: OutputBatch): ReadonlyMap<PayloadName, TableOrder> {
  const orders = new Map<PayloadName, TableOrder>();
  const scopeIds = scopeIdsOf(batch);
  for (const [name, table] of batch.tables) orders.set(name, orderOf(batch, table, scopeIds, orders));
  return orders;
}

function orderOf(batch: OutputBatch, table: OutputTable, scopeIds: Uint32Array, orders: ReadonlyMap<PayloadName, TableOrder>): TableOrder {
  const { info, rowCount, parents } = table;
  if (parents === null) {
    const order = sortBy(identityOrder(rowCount), gather(scopeIds, batch.scopeOf));
    return { order, positions: positionsOf(order), parentIds: null, columns: table.columns };
  }
  const parentIds = parentIdsOf(batch, table, parents, scopeIds, orders);
  const byParent = sortBy(identityOrder(rowCount), parentIds);
  if (info.kind === 'attributes') return attributeOrder(table, byParent, parentIds);
  if (info.schema === 'exemplars') return exemplarOrder(table, byParent, parentIds);
  return { order: byParent, positions: positionsOf(byParent), parentIds, columns: table.columns };
}

function parentIdsOf(
  batch: OutputBatch,
  { info }: OutputTable,
  parents: Uint32Array,
  scopeIds: Uint32Array,
  orders: ReadonlyMap<PayloadName, TableOrder>,
): Uint32Array {
  if (info.name === 'RESOURCE_ATTRS') return parents;
  if (info.name === 'SCOPE_ATTRS') return gather(scopeIds, parents);
  const parent = info.parent === 'ROOT' || info.parent === null ? rootPayload[batch.signal].name : info.parent;
  return gather(present(orders.get(parent), `order of ${parent}`).positions, parents);
}

function gather(values: Uint32Array, rows: Uint32Array): Uint32Array {
  const result = new Uint32Array(rows.length);
  for (let index = 0; index < rows.length; index++) result[index] = values[rows[index]];
  return result;
}

/**
 * Sorts by (type, key, value, parent), equal values side by side. Where -0 occurs it goes to the front and 0 to the end of the
 * table, so that no reader meets both in a row; a table of nothing but both loses the sign.
 */
function attributeOrder(table: OutputTable, byParent: Uint32Array, parentIds: Uint32Array): TableOrder {
  const types = wordsOf(table, 'type');
  const doubles = zerosApart(table, (row) => types[row] === valueTypes.DOUBLE);
  const order = sortBy(sortBy(byParent, valueKeys(table, types, doubles.words)), typeKeys(table, types, doubles));
  return { order, positions: positionsOf(order), parentIds, columns: doubles.columns };
}

/** Rows without a value first, for Go counts their parents on from the row before; then as attributes, by kind of value. */
function exemplarOrder(given: OutputTable, byParent: Uint32Array, parentIds: Uint32Array): TableOrder {
  const { int, double } = exemplarKinds(given);
  const table = { ...given, columns: oneValueEach(given, double) };
  const doubles = zerosApart(table, (row) => double[row] === 1);
  const keys = new Uint32Array(table.rowCount);
  const words = doubles.words;
  for (let row = 0; row < keys.length; row++) {
    const zero = doubles.apart && double[row] === 1;
    if (int[row] === 1) keys[row] = 2;
    else if (double[row] === 1) keys[row] = zero && isNegativeZeroAt(words, row) ? 1 : zero && isPositiveZeroAt(words, row) ? 4 : 3;
  }
  const order = sortBy(byParent, keys);
  return { order, positions: positionsOf(order), parentIds, columns: doubles.columns };
}

/** One byte a row each: whether the exemplar's value is an int, a double. An int wins where a source gave both. */
export function exemplarKinds(table: { readonly rowCount: number; readonly columns: ReadonlyMap<string, OutputColumn> }): {
  readonly int: Uint8Array;
  readonly double: Uint8Array;
} {
  const int = validRows(table.columns.get('int_value'), table.rowCount);
  const double = validRows(table.columns.get('double_value'), table.rowCount);
  for (let row = 0; row < double.length; row++) if (int[row] === 1) double[row] = 0;
  return { int, double };
}

/** Doubles only where the exemplar's value is one: readers disagree on rows that have both. */
function oneValueEach(table: OutputTable, double: Uint8Array): ReadonlyMap<string, OutputColumn> {
  const column = table.columns.get('double_value');
  if (column?.kind !== 'raw' || !table.columns.has('int_value')) return table.columns;
  return new Map(table.columns).set('double_value', { ...column, validity: double });
}

function validRows(column: OutputColumn | undefined, rowCount: number): Uint8Array {
  const valid = new Uint8Array(rowCount);
  if (column === undefined) return valid;
  if (column.kind === 'pool') for (let row = 0; row < rowCount; row++) valid[row] = column.codes[row] < 0 ? 0 : 1;
  else if (column.validity === null) valid.fill(1);
  else valid.set(column.validity.subarray(0, rowCount));
  return valid;
}

interface Doubles {
  readonly columns: ReadonlyMap<string, OutputColumn>;
  readonly words: ArrayLike<number>;
  /** Whether zeros of both signs must be kept apart. */
  readonly apart: boolean;
}

function zerosApart(table: OutputTable, isDouble: (row: number) => boolean): Doubles {
  const path = table.info.kind === 'attributes' ? 'double' : 'double_value';
  const column = table.columns.get(path);
  if (column === undefined || column.kind !== 'raw') return { columns: table.columns, words: [], apart: false };
  let negative = false;
  let positive = false;
  let separator = false;
  for (let row = 0; row < table.rowCount; row++) {
    const double = isDouble(row);
    const isNegative = double && isNegativeZeroAt(column.words, row);
    const isPositive = double && isPositiveZeroAt(column.words, row);
    negative ||= isNegative;
    positive ||= isPositive;
    separator ||= !isNegative && !isPositive;
  }
  if (!negative || !positive || separator) return { columns: table.columns, words: column.words, apart: negative };
  const words = Uint32Array.from(column.words);
  for (let row = 0; row < table.rowCount; row++) clearSign(words, row);
  return { columns: new Map(table.columns).set(path, { ...column, words }), words, apart: false };
}

/** Sixteen bits of each row's value, the same for equal values. */
function valueKeys(table: OutputTable, types: ArrayLike<number>, doubles: ArrayLike<number>): Uint32Array {
  const keys = new Uint32Array(table.rowCount);
  const codes: readonly (Int32Array | null)[] = [null, codesOf(table, 'str'), codesOf(table, 'int'), null, null, codesOf(table, 'ser'), codesOf(table, 'ser'), codesOf(table, 'bytes')];
  const bools = wordsOf(table, 'bool');
  for (let row = 0; row < keys.length; row++) {
    const type = types[row];
    const ofType = codes[type] ?? null;
    if (ofType !== null) keys[row] = (ofType[row] + 1) & 0xffff;
    else if (type === valueTypes.DOUBLE) keys[row] = (Math.imul(doubles[row * 2] ^ doubles[row * 2 + 1], 0x9e3779b1) >>> 16) & 0xffff;
    else if (type === valueTypes.BOOL) keys[row] = bools[row];
  }
  return keys;
}

function typeKeys(table: OutputTable, types: ArrayLike<number>, doubles: Doubles): Uint32Array {
  const keys = codesOf(table, 'key') ?? new Int32Array(table.rowCount);
  let keyCount = 1;
  for (let row = 0; row < keys.length; row++) if (keys[row] >= keyCount) keyCount = keys[row] + 1;
  const result = new Uint32Array(table.rowCount);
  for (let row = 0; row < result.length; row++) {
    let group = types[row] + 1;
    if (doubles.apart && types[row] === valueTypes.DOUBLE) {
      if (isNegativeZeroAt(doubles.words, row)) group = 0;
      else if (isPositiveZeroAt(doubles.words, row)) group = 9;
    }
    result[row] = group * keyCount + keys[row];
  }
  return result;
}

function codesOf(table: OutputTable, path: string): Int32Array | null {
  const column = table.columns.get(path);
  return column?.kind === 'pool' ? column.codes : null;
}

function wordsOf(table: OutputTable, path: string): ArrayLike<number> {
  const column = table.columns.get(path);
  return column?.kind === 'raw' ? column.words : new Uint8Array(0);
}
