import type { Session } from '../store/duckdb.ts';
import { windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';

/** Tables of a window's evidence, by the ends of their names. */
export const evidenceTables = ['mixed', 'lesser'] as const;

/** A window with only those spans that its traces may be decided on. */
export interface Evidence {
  readonly window: Window;
  /** Traces whose spans came with different probabilities. */
  readonly mixedTraces: number;
}

/**
 * Leaves out spans that came with a smaller probability than others of their trace, so that policies see a trace by its most-sampled spans alone,
 * whichever view they read (sampling.md, rule 11): whether the others are there depends on the randomness that the trace is decided on. A
 * span of unknown probability counts only where its trace has no others. `tracesSql` does the same for the view `traces`.
 */
export async function evidenceOf(engine: Session, name: string, window: Window): Promise<Evidence> {
  if (window.slots.every(({ slot }) => slot.inputs.rowCount === 0)) return { window, mixedTraces: 0 };
  const rows = `SELECT wseq, trace_id, CASE WHEN is_unknown THEN 0::UBIGINT ELSE n_in END AS known FROM (${windowRows(window.slots, { fields: [], keys: [], inputs: true })})`;
  await engine.run(`CREATE TABLE ${name}_mixed AS SELECT trace_id, max(known) AS most FROM (${rows}) GROUP BY trace_id HAVING min(known) < max(known)`);
  const mixedTraces = (await engine.run(`SELECT count(*) FROM ${name}_mixed`)).integer();
  if (mixedTraces === 0) return { window, mixedTraces };
  await engine.run(`CREATE TABLE ${name}_lesser AS SELECT r.wseq AS wseq FROM (${rows}) r JOIN ${name}_mixed m ON m.trace_id = r.trace_id WHERE r.known < m.most`);
  const slots = window.slots.map((part) => ({ ...part, filter: `${part.filter ?? 'true'} AND b.rowid + ${part.offset} NOT IN (SELECT wseq FROM ${name}_lesser)` }));
  return { window: { ...window, slots }, mixedTraces };
}
