import type { Session } from '../store/duckdb.ts';
import { keyColumnIn } from '../store/same-key.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';

/** What a window held and kept of one service. */
export interface ServiceCounts {
  readonly name: string;
  readonly items: number;
  readonly truth: number;
  readonly kept: number;
  readonly estimate: number;
}

/** How many items a window holds, and what they stand for: the sum of the input's adjusted counts. */
export interface WindowCounts {
  readonly items: number;
  readonly truth: number;
}

/** Counts of a window; `tracesTable` spares a scan of the spans where nothing came sampled. */
export async function windowCounts(engine: Session, window: Window, tracesTable: string | null): Promise<WindowCounts> {
  const isSampled = window.slots.some(({ slot }) => slot.isSampled);
  if (!isSampled && tracesTable !== null) {
    const items = (await engine.run(`SELECT coalesce(sum(evidence_rows), 0)::BIGINT FROM ${tracesTable}`)).integer();
    return { items, truth: items };
  }
  const rows = windowRows(window.slots, { fields: [], keys: [], inputs: isSampled });
  const truth = isSampled ? `coalesce(sum(${nOne}.0::DOUBLE / n_in), 0)::DOUBLE` : 'count(*)::DOUBLE';
  const { bytes } = (await engine.run(`SELECT count(*)::DOUBLE, ${truth} FROM (${rows})`)).columns([8, 8]);
  return { items: new Float64Array(bytes[0].buffer)[0], truth: new Float64Array(bytes[1].buffer)[0] };
}

const serviceName = { source: 'resource', key: 'service.name', type: 'VARCHAR' } as const;

/** Counts by service.name, for windows whose slots all project that key; `keptSql` gives trace_id and n of kept traces. */
export async function serviceCounts(engine: Session, window: Window, keptTable: string): Promise<ServiceCounts[]> {
  const [key] = window.slots.map(({ slot }) => keyColumnIn(slot.plan, serviceName));
  if (key === null || window.slots.some(({ slot }) => keyColumnIn(slot.plan, serviceName) === null)) return [];
  const rows = windowRows(window.slots, { fields: [], keys: [key], inputs: true });
  const result = await engine.api.runAndReadAll(`
    SELECT coalesce(r.${key.column}, '(none)'), count(*)::DOUBLE, sum(${nOne}.0::DOUBLE / r.n_in)::DOUBLE,
           count(k.n)::DOUBLE, coalesce(sum(${nOne}.0::DOUBLE / least(k.n, r.n_in)) FILTER (k.n IS NOT NULL), 0)::DOUBLE
    FROM (${rows}) r LEFT JOIN ${keptTable} k ON k.trace_id = r.trace_id
    GROUP BY 1 ORDER BY 2 DESC LIMIT 200`);
  return result.getRows().map(([name, items, truth, kept, estimate]) => (
    { name: String(name), items: Number(items), truth: Number(truth), kept: Number(kept), estimate: Number(estimate) }));
}
