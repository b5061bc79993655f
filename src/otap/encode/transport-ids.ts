import type { SchemaName } from '../payload-type.ts';
import { valueTypes } from '../take/attributes.ts';
import type { OutputColumn } from '../take/output-batch.ts';
import { changePayload, isNaNAt } from './double-values.ts';
import { exemplarKinds, type TableOrder } from './table-order.ts';

/** Ids 0, 1, 2... of `count` rows as deltas. */
export function consecutiveDeltas(count: number): Uint32Array {
  const deltas = new Uint32Array(count).fill(1);
  if (count > 0) deltas[0] = 0;
  return deltas;
}

/** ids[order[i]] as deltas; ids must not fall in this order (no reader of ours takes a negative delta). */
export function deltas(ids: Uint32Array, order: Uint32Array): Uint32Array {
  const result = new Uint32Array(order.length);
  let previous = 0;
  for (let index = 0; index < order.length; index++) {
    const id = ids[order[index]];
    result[index] = id - previous;
    previous = id;
  }
  return result;
}

/** Whether the value of row `row` equals that of row `before`, for the quasi-delta encoding of their parents. */
type SameValue = (row: number, before: number) => boolean;

/**
 * Parent ids in the order of writing: the difference to the row before where the values that the specification names are
 * equal (OTAP specification, section 6.4.3), else as they are. Where the order should make a difference negative, the caller broke `tableOrders`.
 */
export function quasiDeltas(table: TableOrder, same: SameValue): Uint32Array {
  const { order, parentIds } = table;
  const result = new Uint32Array(order.length);
  if (parentIds === null) return result;
  for (let index = 0; index < order.length; index++) {
    const row = order[index];
    const isDelta = index > 0 && same(row, order[index - 1]);
    result[index] = isDelta ? parentIds[row] - parentIds[order[index - 1]] : parentIds[row];
  }
  return result;
}

/** The rule of equality for a table that is not the root. */
export function sameValueOf(schema: SchemaName, table: TableOrder): SameValue {
  if (schema === 'span_events') return sameCode(table.columns.get('name'));
  if (schema === 'span_links') return sameCode(table.columns.get('trace_id'));
  if (schema === 'exemplars') return sameExemplar(table);
  return sameAttribute(table);
}

function sameCode(column: OutputColumn | undefined): SameValue {
  if (column?.kind !== 'pool') return () => true;
  const { codes } = column;
  return (row, before) => codes[row] === codes[before];
}

function sameExemplar(table: TableOrder): SameValue {
  const { int, double } = exemplarKinds({ rowCount: table.order.length, columns: table.columns });
  const sameInt = sameCode(table.columns.get('int_value'));
  const doubles = table.columns.get('double_value');
  const words = doubles?.kind === 'raw' ? doubles.words : new Uint32Array(0);
  return (row, before) => {
    if (int[row] !== int[before] || double[row] !== double[before]) return false;
    if (int[row] === 1) return sameInt(row, before);
    return double[row] === 0 || sameDouble(words, row, before);
  };
}

function sameAttribute(table: TableOrder): SameValue {
  const types = wordsOf(table, 'type');
  const sameKey = sameCode(table.columns.get('key'));
  const str = sameCode(table.columns.get('str'));
  const int = sameCode(table.columns.get('int'));
  const bytes = sameCode(table.columns.get('bytes'));
  const doubles = wordsOf(table, 'double');
  const bools = wordsOf(table, 'bool');
  return (row, before) => {
    const type = types[row];
    if (type !== types[before] || !sameKey(row, before)) return false;
    switch (type) {
      case valueTypes.STR:
        return str(row, before);
      case valueTypes.INT:
        return int(row, before);
      case valueTypes.DOUBLE:
        return sameDouble(doubles, row, before);
      case valueTypes.BOOL:
        return bools[row] === bools[before];
      case valueTypes.BYTES:
        return bytes(row, before);
      default:
        return false;
    }
  };
}

function wordsOf(table: TableOrder, path: string): ArrayLike<number> {
  const column = table.columns.get(path);
  return column?.kind === 'raw' ? column.words : new Uint32Array(0);
}

/** Bits, but that a NaN equals nothing. */
function sameDouble(words: ArrayLike<number>, row: number, before: number): boolean {
  return words[row * 2] === words[before * 2] && words[row * 2 + 1] === words[before * 2 + 1] && !isNaNAt(words, row);
}

/**
 * Changes NaNs in `written`, the doubles in the order of writing, that have the same bits as the row before: some readers would take the
 * row's parent for a difference.
 */
export function separateNaNs(written: Uint32Array): void {
  for (let row = 1; row * 2 < written.length; row++) {
    const same = written[row * 2] === written[row * 2 - 2] && written[row * 2 + 1] === written[row * 2 - 1];
    if (same && isNaNAt(written, row)) changePayload(written, row);
  }
}
