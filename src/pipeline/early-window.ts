import { traceIdWords } from '../policy/trace-id-table.ts';
import type { Session } from '../store/duckdb.ts';
import type { Slot } from '../store/slot.ts';
import { TableWriter } from '../store/table-writer.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import type { EarlyAsk } from './early-looks.ts';
import type { EarlyOfSlot } from './early-decisions.ts';
import type { WindowCounts } from './service-counts.ts';

/** Tables of a look into an open slot that nothing needs afterwards, by the ends of their names. */
export const lookTables = ['large', 'ready'] as const;

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
 * Creates `NAME_ready` (trace_id, cause): the traces of an open slot that are decided now, cause 1 for those that are too large, else 0. `NAME_traces` must
 * be there.
 */
export async function writeReady(engine: Session, name: string, window: Window, ask: EarlyAsk, early: EarlyOfSlot | null): Promise<Readiness> {
  await writeIds(engine, `${name}_large`, ask.oversize);
  const rows = windowRows(window.slots, { fields: ['parent_span_id'], keys: [], inputs: false });
  const rooted = ask.rootsBefore === null ? '' : `SELECT trace_id, 0 AS cause FROM (${rows}) WHERE parent_span_id IS NULL AND wseq < ${ask.rootsBefore} UNION ALL `;
  const others = early === null ? '' : ` WHERE trace_id NOT IN (SELECT trace_id FROM ${early.table})`;
  await engine.run(`CREATE TABLE ${name}_ready AS
    SELECT trace_id, max(cause)::UTINYINT AS cause FROM (${rooted}SELECT trace_id, 1 AS cause FROM ${name}_large)${others} GROUP BY trace_id`);
  const ready = (await engine.run(`SELECT count(*) FROM ${name}_ready`)).integer();
  return { ready, undecided: (await engine.run(`SELECT count(*) FROM ${name}_traces${others}`)).integer() };
}

async function writeIds(engine: Session, table: string, ids: Uint32Array<ArrayBuffer>): Promise<void> {
  const writer = await TableWriter.create(engine, table, [{ name: 'trace_id', type: 'UUID' }]);
  writer.write(ids.length / traceIdWords, [{ bytes: new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), valid: null }]);
  writer.flush();
  writer.close();
}

/** Items of the traces that are decided now. */
export async function readyCounts(engine: Session, name: string, window: Window): Promise<WindowCounts> {
  const isSampled = window.slots.some(({ slot }) => slot.inputs.rowCount > 0);
  const rows = windowRows(window.slots, { fields: [], keys: [], inputs: isSampled });
  const truth = isSampled ? `coalesce(sum(${nOne}.0::DOUBLE / r.n_in), 0)::DOUBLE` : 'count(*)::DOUBLE';
  const { bytes } = (await engine.run(`SELECT count(*)::DOUBLE, ${truth} FROM (${rows}) r JOIN ${name}_ready y ON y.trace_id = r.trace_id`)).columns([8, 8]);
  return { items: new Float64Array(bytes[0].buffer)[0], truth: new Float64Array(bytes[1].buffer)[0] };
}

/** Adds what was decided now to the slot's table of early decisions, which is made where it is not there. */
export async function recordEarly(engine: Session, name: string, table: string, bound: number, hasReasons: boolean): Promise<void> {
  await engine.run(`CREATE TABLE IF NOT EXISTS ${table} (trace_id UUID, n UBIGINT, ${hasReasons ? 'code UINTEGER, ' : ''}bound UINTEGER)`);
  await engine.run(`INSERT INTO ${table} SELECT d.trace_id, d.n, ${hasReasons ? 'd.code, ' : ''}${bound}::UINTEGER FROM ${name}_decided d JOIN ${name}_ready y ON y.trace_id = d.trace_id`);
}

/** Conditions on a window's rows and traces that leave out what left with early decisions; empty where there were none. */
export function withoutEarly(early: EarlyOfSlot | null): { readonly rows: string; readonly traces: string } {
  if (early === null) return { rows: '', traces: '' };
  return {
    rows: ` WHERE NOT EXISTS (SELECT 1 FROM ${early.table} e WHERE e.trace_id = r.trace_id AND r.wseq < e.bound)`,
    traces: ` WHERE d.trace_id NOT IN (SELECT trace_id FROM ${early.table})`,
  };
}

/** What the window says of traces that were decided before it is what was decided then; `NAME_kept` and `NAME_decided` must be there. */
export async function applyEarly(engine: Session, name: string, { table }: EarlyOfSlot, hasReasons: boolean): Promise<void> {
  const code = hasReasons ? ', code' : '';
  for (const [result, where] of [['kept', ' WHERE n > 0'], ['decided', '']] as const) {
    await engine.run(`DELETE FROM ${name}_${result} WHERE trace_id IN (SELECT trace_id FROM ${table})`);
    await engine.run(`INSERT INTO ${name}_${result} SELECT trace_id, n${code} FROM ${table}${where}`);
  }
}
