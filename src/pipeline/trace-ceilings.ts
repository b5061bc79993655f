import type { PolicyOutcome } from '../policy/window-policies.ts';
import type { Session } from '../store/duckdb.ts';
import type { Window } from '../store/window-views.ts';
import { writeTracePicks } from './trace-picks.ts';

/** A window of traces as policies see it. */
export interface TraceSight {
  readonly window: Window;
  /** The window's traces: a table, or a SELECT in parentheses. */
  readonly traces: string;
}

/**
 * Creates `NAME_limits` (k, n, p), what drop policies said, and `NAME_ceilings` (k, n), the least of it for each trace; gives the window
 * without the traces whose ceiling is 0: they are out of all views before other policies run (sampling.md, rule 8).
 */
export async function limitTraces(engine: Session, name: string, sight: TraceSight, drops: ReadonlyMap<number, PolicyOutcome>): Promise<TraceSight> {
  const outcomes = [...drops].map(([place, outcome]) => ({ place, outcome }));
  await writeTracePicks(engine, `${name}_limits`, sight.window, outcomes, null);
  await engine.run(`CREATE TABLE ${name}_ceilings AS SELECT k, min(n) AS n FROM ${name}_limits GROUP BY k`);
  const gone = `SELECT k FROM ${name}_ceilings WHERE n = 0`;
  if ((await engine.run(`SELECT count(*) FROM (${gone})`)).integer() === 0) return sight;
  const slots = sight.window.slots.map((part) => ({ ...part, filter: `${part.filter ?? 'true'} AND b.trace_id NOT IN (${gone})` }));
  return { window: { ...sight.window, slots }, traces: `(SELECT * FROM ${sight.traces} WHERE trace_id NOT IN (${gone}))` };
}
