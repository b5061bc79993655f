import { encodeInputProbability } from '../sampling/input-probability.ts';
import { TWO_56 } from '../sampling/word56.ts';
import type { KeyColumn } from './key-columns.ts';
import { keyColumnIn, type ReadKey } from './same-key.ts';
import type { Slot } from './slot.ts';
import { textFieldNames } from './signal-fields.ts';
import { type SelectedColumn, selectWithTexts } from './slot-texts.ts';

/** 2^56: the number of values of R, and N of probability 1 (sampling.md, notation). */
export const nOne = '72057594037927936';

/** Part of a window: a slot, and which of its rows belong. */
export interface WindowSlot {
  readonly slot: Slot;
  /** Number within the window of the slot's first row; slots of a window follow each other without overlap. */
  readonly offset: number;
  /** SQL condition on the slot's columns (`b.rowid`, `b.trace_id`), or null for all rows. */
  readonly filter: string | null;
  /** Greatest N that its rows may have come with, where that is not the slot's own: a slot that still takes rows may lower its own. */
  readonly nMax?: bigint;
  /** A table of trace_id, r, n_in, pcode: what rows of unknown probability came with, where something else says that of their trace. */
  readonly roots?: string;
}

/** What a query needs of each row. */
export interface RowNeeds {
  readonly fields: readonly string[];
  /** Keys, each with its name in the result; slots of other plans have other columns for it. */
  readonly keys: readonly KeyColumn[];
  /** n_in, pcode and is_unknown. */
  readonly inputs: boolean;
  /** Texts as codes of the slot's string table. Only where the window has one slot: codes of two slots say nothing of each other. */
  readonly codes?: boolean;
}

/**
 * The rows of a window as one SELECT: `wseq` (number of the row in the window: the slot's offset + seq), `r`, for traces
 * `trace_id`, the fields asked for (texts resolved), keys by the names asked for, and `n_in`, `pcode`, `is_unknown`.
 * Tables that nothing asked for are not joined, since DuckDB does not prune an unused LEFT JOIN.
 */
export function windowRows(slots: readonly WindowSlot[], needs: RowNeeds): string {
  return slots.map((part) => slotRows(part, needs)).join('\nUNION ALL\n');
}

function slotRows(part: WindowSlot, needs: RowNeeds): string {
  if (part.roots === undefined) return ownRows(part, needs);
  const rows = `FROM (${ownRows(part, { ...needs, inputs: true })}) b LEFT JOIN ${part.roots} g ON g.trace_id = b.trace_id`;
  const said = (name: string): string => `CASE WHEN b.is_unknown AND g.trace_id IS NOT NULL THEN g.${name} ELSE b.${name} END AS ${name}`;
  const inputs = needs.inputs ? `, ${said('n_in')}, ${said('pcode')}, b.is_unknown AND g.trace_id IS NULL AS is_unknown` : '';
  return `SELECT b.* EXCLUDE (n_in, pcode, is_unknown) REPLACE (${said('r')})${inputs} ${rows}`;
}

function ownRows({ slot, offset, filter, nMax = slot.nMax }: WindowSlot, needs: RowNeeds): string {
  const conditions = [...(nMax < TWO_56 ? [`b.r >= ${TWO_56 - nMax}::UBIGINT`] : []), ...(filter === null ? [] : [`(${filter})`])];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const own: SelectedColumn[] = [
    { sql: `(b.rowid + ${offset})::UINTEGER`, isText: false, as: 'wseq' },
    { sql: 'b.r', isText: false, as: 'r' },
    ...(slot.plan.signal === 'traces' ? [{ sql: 'b.trace_id', isText: false, as: 'trace_id' }] : []),
    ...needs.fields.map((name) => ({ sql: `b.${name}`, isText: needs.codes !== true && textFieldNames.has(name), as: name })),
    ...needs.keys.map((key) => ({ sql: `b.${columnOf(slot, key)}`, isText: needs.codes !== true && key.type === 'VARCHAR', as: key.column })),
  ];
  if (!needs.inputs) return selectWithTexts(`${slot.rows.table} b`, slot.strings, own, where);
  if (slot.inputs.rowCount === 0) return selectWithTexts(`${slot.rows.table} b`, slot.strings, [...own, ...unsampled(nMax)], where);
  const rows = selectWithTexts(`${slot.rows.table} b`, slot.strings, own, where);
  const [n, code] = [`${nMax}::UBIGINT`, `${encodeInputProbability(nMax)}::UINTEGER`];
  return `SELECT b.*, least(coalesce(i.n_in, ${n}), ${n}) AS n_in, least(coalesce(i.pcode, ${code}), ${code}) AS pcode, coalesce(i.is_unknown, false) AS is_unknown
    FROM (${rows}) b LEFT JOIN ${slot.inputs.table} i ON i.seq + ${offset} = b.wseq`;
}

function columnOf(slot: Slot, key: ReadKey): string {
  const found = keyColumnIn(slot.plan, key);
  if (found === null) throw new Error(`invariant broken: slot ${slot.name} does not project ${key.source}['${key.key}']`);
  return found.column;
}

function unsampled(nMax: bigint): readonly SelectedColumn[] {
  return [
    { sql: `${nMax}::UBIGINT`, isText: false, as: 'n_in' },
    { sql: `${encodeInputProbability(nMax)}::UINTEGER`, isText: false, as: 'pcode' },
    { sql: 'false', isText: false, as: 'is_unknown' },
  ];
}
