import { TWO_56 } from '../sampling/word56.ts';
import type { Session } from '../store/duckdb.ts';
import type { Slot } from '../store/slot.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import type { EarlyAsk } from './early-looks.ts';
import type { EarlyOfSlot } from './early-decisions.ts';
import { type KeptRows, keptRows } from './kept-rows.ts';
import { byCause, type PartialIds, writePartial } from './partial-traces.ts';
import type { WindowCounts } from './service-counts.ts';

/** Tables of a look into an open slot that nothing needs afterwards, by the ends of their names. */
export const lookTables = ['large', 'partial', 'ready'] as const;

/** Table of what was decided early of a slot. */
export function earlyTable({ name }: Slot): string {
  return `e_${name}`;
}

/** How many traces of a slot are decided now, and how many are not decided yet at all. */
export interface Readiness {
  readonly ready: number;
  readonly undecided: number;
}

/**
 * Creates `NAME_ready` (trace_id, cause): the traces of an open slot that are decided now, with the number of why on part of their evidence, 0 where all is
 * there. `NAME_traces` must be there. `partial`: what is known of that already.
 */
export async function writeReady(engine: Session, name: string, window: Window, ask: EarlyAsk, early: EarlyOfSlot | null, partial: readonly PartialIds[]): Promise<Readiness> {
  await writePartial(engine, `${name}_large`, [{ cause: 'trace_size', ids: [...ask.oversize] }]);
  await writePartial(engine, `${name}_partial`, partial);
  const rows = windowRows(window.slots, { fields: ['parent_span_id'], keys: [], inputs: false });
  const rooted = ask.rootsBefore === null ? '' : `SELECT trace_id FROM (${rows}) WHERE parent_span_id IS NULL AND wseq < ${ask.rootsBefore} UNION `;
  const quiet = ask.quietBefore === null ? '' : `SELECT trace_id FROM (${arrivedSql(window)}) WHERE trace_id IN (SELECT trace_id FROM ${name}_traces) AND last < ${ask.quietBefore} UNION `;
  const others = early === null ? '' : ` WHERE t.trace_id NOT IN (SELECT trace_id FROM ${early.table})`;
  await engine.run(`CREATE TABLE ${name}_ready AS
    SELECT t.trace_id AS trace_id, coalesce(l.cause, p.cause, 0)::UTINYINT AS cause FROM (${rooted}${quiet}SELECT trace_id FROM ${name}_large) t
    LEFT JOIN ${name}_large l ON l.trace_id = t.trace_id LEFT JOIN ${name}_partial p ON p.trace_id = t.trace_id${others}`);
  const ready = (await engine.run(`SELECT count(*) FROM ${name}_ready`)).integer();
  return { ready, undecided: (await engine.run(`SELECT count(*) FROM ${name}_traces t${others}`)).integer() };
}

/** The last row of each trace of a slot, whatever its randomness: what has ended is decided by what came (sampling.md, rule 18). */
function arrivedSql({ slots }: Window): string {
  return slots.map(({ slot, filter }) => `SELECT b.trace_id, max(b.rowid) AS last FROM ${slot.rows.table} b${filter === null ? '' : ` WHERE ${filter}`} GROUP BY b.trace_id`).join(' UNION ALL ');
}

/** How many undecided traces of a slot have ended, before anything else is asked of it. */
export async function quietCounts(engine: Session, window: Window, quietBefore: number, early: EarlyOfSlot | null): Promise<Readiness> {
  const others = early === null ? '' : ` WHERE t.trace_id NOT IN (SELECT trace_id FROM ${early.table})`;
  const { bytes } = (await engine.run(`SELECT count(*)::DOUBLE, (count(*) FILTER (last < ${quietBefore}))::DOUBLE FROM (${arrivedSql(window)}) t${others}`)).columns([8, 8]);
  return { undecided: new Float64Array(bytes[0].buffer)[0], ready: new Float64Array(bytes[1].buffer)[0] };
}

/**
 * The same of traces whose outcome can no longer change, by `NAME_kept`, in which only what names them for good had a say: kept with all that their slot's rows may have
 * come with, `nMax`. Evidence that came with less says nothing for good: a span that came with more would take its place (sampling.md, rule 11). Returns how many they are.
 */
export async function writeCertain(engine: Session, name: string, window: Window, nMax: bigint, early: EarlyOfSlot | null, partial: readonly PartialIds[]): Promise<number> {
  await writePartial(engine, `${name}_partial`, partial);
  const others = early === null ? '' : ` AND k.trace_id NOT IN (SELECT trace_id FROM ${early.table})`;
  const isSampled = window.slots.some(({ slot }) => slot.inputs.rowCount > 0);
  const known = isSampled ? ` AND k.trace_id IN (SELECT trace_id FROM (${windowRows(window.slots, { fields: [], keys: [], inputs: true })}) WHERE NOT is_unknown)` : '';
  await engine.run(`CREATE TABLE ${name}_ready AS SELECT k.trace_id AS trace_id, coalesce(p.cause, 0)::UTINYINT AS cause
    FROM ${name}_kept k LEFT JOIN ${name}_partial p ON p.trace_id = k.trace_id WHERE k.n = ${nMax}::UBIGINT${others}${known}`);
  return (await engine.run(`SELECT count(*) FROM ${name}_ready`)).integer();
}

/** Items of the traces that are decided now. */
export async function readyCounts(engine: Session, name: string, window: Window): Promise<WindowCounts> {
  const isSampled = window.slots.some(({ slot }) => slot.inputs.rowCount > 0);
  const rows = windowRows(window.slots, { fields: [], keys: [], inputs: isSampled });
  const truth = isSampled ? `coalesce(sum(${nOne}.0::DOUBLE / r.n_in), 0)::DOUBLE` : 'count(*)::DOUBLE';
  const { bytes } = (await engine.run(`SELECT count(*)::DOUBLE, ${truth} FROM (${rows}) r JOIN ${name}_ready y ON y.trace_id = r.trace_id`)).columns([8, 8]);
  return { items: new Float64Array(bytes[0].buffer)[0], truth: new Float64Array(bytes[1].buffer)[0] };
}

/** Makes a slot's table of early decisions where it is not there. */
export async function createEarlyTable(engine: Session, table: string, hasReasons: boolean): Promise<void> {
  await engine.run(`CREATE TABLE IF NOT EXISTS ${table} (trace_id UUID, n UBIGINT, ${hasReasons ? 'code UINTEGER, ' : ''}cause UTINYINT, bound UINTEGER)`);
}

/** Adds what was decided now to the slot's table of early decisions, which is made where it is not there. */
export async function recordEarly(engine: Session, name: string, table: string, bound: number, hasReasons: boolean): Promise<void> {
  await createEarlyTable(engine, table, hasReasons);
  await engine.run(`INSERT INTO ${table} SELECT d.trace_id, d.n, ${hasReasons ? 'd.code, ' : ''}y.cause, ${bound}::UINTEGER FROM ${name}_decided d JOIN ${name}_ready y ON y.trace_id = d.trace_id`);
}

/** Conditions on a window's rows and traces that leave out those that were decided early; empty where none were. */
export function withoutEarly(early: EarlyOfSlot | null): { readonly rows: string; readonly traces: string } {
  const without = (alias: string): string => (early === null ? '' : ` WHERE ${alias}.trace_id NOT IN (SELECT trace_id FROM ${early.table})`);
  return { rows: without('r'), traces: without('d') };
}

/** Rows of traces that were kept early which came while they were being decided: they leave as the others did, whatever limits their slot by now. */
export async function leftOfEarly(engine: Session, slot: Slot, { table }: EarlyOfSlot, hasReasons: boolean): Promise<KeptRows[]> {
  const sql = `SELECT b.rowid::UINTEGER AS wseq, e.n, e.cause${hasReasons ? ', e.code' : ''} FROM ${slot.rows.table} b JOIN ${table} e ON e.trace_id = b.trace_id
    WHERE e.n > 0 AND b.rowid >= e.bound ORDER BY wseq`;
  const { count, bytes } = (await engine.run(sql)).columns([4, 8, 1, ...(hasReasons ? [4] : [])]);
  if (count === 0) return [];
  const rows = {
    wseq: new Uint32Array(bytes[0].buffer), n: new Uint32Array(bytes[1].buffer), nSplit: null, nCeiling: null, causes: bytes[2],
    reasons: hasReasons ? new Uint32Array(bytes[3].buffer) : null,
  };
  return byCause(rows).flatMap((part) => keptRows([{ slot, offset: 0, filter: null }], part, TWO_56));
}

/** What the window says of traces that were decided before it is what was decided then; `NAME_kept` and `NAME_decided` must be there. */
export async function applyEarly(engine: Session, name: string, { table }: EarlyOfSlot, hasReasons: boolean): Promise<void> {
  const code = hasReasons ? ', code' : '';
  for (const [result, where] of [['kept', ' WHERE n > 0'], ['decided', '']] as const) {
    await engine.run(`DELETE FROM ${name}_${result} WHERE trace_id IN (SELECT trace_id FROM ${table})`);
    await engine.run(`INSERT INTO ${name}_${result} SELECT trace_id, n${code} FROM ${table}${where}`);
  }
}
