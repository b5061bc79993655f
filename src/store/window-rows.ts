import { CODE_ALWAYS } from '../sampling/input-probability.ts';
import type { KeyColumn } from './key-columns.ts';
import type { Slot } from './slot.ts';
import { textFieldNames } from './signal-fields.ts';
import { textSql, textsJoin } from './slot-texts.ts';

/** 2^56: the number of values of R, and N of probability 1 (sampling.md, notation). */
export const nOne = '72057594037927936';

/** Part of a window: a slot, and which of its rows belong. */
export interface WindowSlot {
  readonly slot: Slot;
  /** Number within the window of the slot's first row; slots of a window follow each other without overlap. */
  readonly offset: number;
  /** SQL condition on the slot's columns (`b.seq`, `b.trace_id`), or null for all rows. */
  readonly filter: string | null;
}

/** What a query needs of each row. */
export interface RowNeeds {
  readonly fields: readonly string[];
  readonly keys: readonly KeyColumn[];
  /** n_in, pcode and is_unknown. */
  readonly inputs: boolean;
}

/**
 * The rows of a window as one SELECT: `wseq` (number of the row in the window: the slot's offset + seq), `r`, for traces
 * `trace_id`, the fields asked for (texts resolved), keys by their column names, and `n_in`, `pcode`, `is_unknown`.
 * Tables that nothing asked for are not joined, since DuckDB does not prune an unused LEFT JOIN.
 */
export function windowRows(slots: readonly WindowSlot[], needs: RowNeeds): string {
  return slots.map((part) => slotRows(part, needs)).join('\nUNION ALL\n');
}

function slotRows({ slot, offset, filter }: WindowSlot, needs: RowNeeds): string {
  const { select, joins } = rowColumnsSql(slot, offset, needs);
  const where = filter === null ? '' : ` WHERE ${filter}`;
  return `SELECT ${select.join(', ')} FROM ${slot.rows.table} b${joins.join('')}${where}`;
}

function rowColumnsSql(slot: Slot, offset: number, needs: RowNeeds): { readonly select: string[]; readonly joins: string[] } {
  const select = [`(b.seq + ${offset})::UINTEGER AS wseq`, 'b.r AS r'];
  const joins: string[] = [];
  if (slot.plan.signal === 'traces') select.push('b.trace_id AS trace_id');
  const columns = [
    ...needs.fields.map((name) => ({ name, isText: textFieldNames.has(name) })),
    ...needs.keys.map((key) => ({ name: key.column, isText: key.type === 'VARCHAR' })),
  ];
  for (const { name, isText } of columns) select.push(`${isText ? textSql(`b.${name}`) : `b.${name}`} AS ${name}`);
  if (columns.some(({ isText }) => isText)) joins.push(textsJoin(slot.strings));
  if (needs.inputs) select.push(...inputSql(slot, joins));
  return { select, joins };
}

function inputSql(slot: Slot, joins: string[]): string[] {
  if (slot.inputs.rowCount === 0) return [`${nOne}::UBIGINT AS n_in`, `${CODE_ALWAYS}::UINTEGER AS pcode`, 'false AS is_unknown'];
  joins.push(` LEFT JOIN ${slot.inputs.table} i ON i.seq = b.seq`);
  return [`coalesce(i.n_in, ${nOne}::UBIGINT) AS n_in`, `coalesce(i.pcode, ${CODE_ALWAYS}::UINTEGER) AS pcode`, 'coalesce(i.is_unknown, false) AS is_unknown'];
}
