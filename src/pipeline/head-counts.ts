import type { ViewReads } from '../policy/compile/compiled.ts';
import type { PolicyOutcome } from '../policy/window-policies.ts';
import type { WindowBounds } from '../policy/this-window.ts';
import type { Session } from '../store/duckdb.ts';
import { nOne, windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import { type Combining, placesOf } from './combining.ts';
import { meanItemBytes } from './policy-counts-of.ts';

/** What a window of traces came to, by the service of their roots, and of each service by the root's operation. */
export interface HeadKeyCounts {
  readonly service: string;
  /** Null: the service as a whole. */
  readonly operation: string | null;
  /** Traces with a root and a known probability. */
  readonly traces: number;
  /** What these stood for when they came: the sum of 1 / p_in. */
  readonly arrivals: number;
  /** The greatest probability that one of them came with. */
  readonly pIn: number;
  /** The greatest absolute probability that the policies gave one of them: 1 only where they gave 1 to all, since a rule that keeps some of them (errors) is no sample; 0 where they named none. */
  readonly p: number;
  /** Traces with a root whose probability nobody knows. */
  readonly unknown: number;
  /** Spans of all traces with a root, and of those that are kept; bytes are their share of the retained ones. */
  readonly items: number;
  readonly itemsKept: number;
  readonly bytes: number;
  readonly bytesKept: number;
}

/** A decided window of traces, for whoever tells senders how much to send. */
export interface HeadWindow {
  readonly seconds: number;
  /** When it ended, ns since the epoch. */
  readonly endNano: bigint;
  /** The greatest `head_minimum` of the policies that decided it; 0 where none declares one. */
  readonly minimum: number;
  readonly keys: readonly HeadKeyCounts[];
}

/** Takes decided windows; must not throw, and returns at once. */
export interface HeadSink {
  window(window: HeadWindow): void;
  /** A window could not be counted: what was known goes on. */
  failed(error: unknown): void;
}

/** Who is told of windows, and how long they were. */
export interface HeadTelling {
  readonly sink: HeadSink;
  readonly boundsOf: (slot: number) => WindowBounds;
}

/** What slots must project for it. */
export const headReads: ViewReads = { view: 'traces', columns: ['has_root', 'root_service', 'root_name'], keys: [] };

/** Names come from whoever sends: longer ones are not counted, and of a window no more than these, by arrivals. */
const headNameCharsMax = 256;
const keysMax = 12_000;

/** A decided window as its policies and tables have it. */
export interface DecidedWindow {
  readonly name: string;
  readonly number: number;
  readonly window: Window;
  readonly outcomes: readonly PolicyOutcome[];
}

/** Tells the sink of a decided window. What fails here is no failure of the window. */
export async function tellHead({ sink, boundsOf }: HeadTelling, engine: Session, { name, number, window, outcomes }: DecidedWindow, combining: Combining): Promise<void> {
  try {
    const keys = await headCounts(engine, name, window, outcomes, combining);
    const { startNano, endNano } = boundsOf(number);
    const minimum = Math.max(0, ...outcomes.map(({ policy }) => (policy.mode === 'enforce' ? policy.headMinimum ?? 0 : 0)));
    sink.window({ seconds: Number(endNano - startNano) / 1e9, endNano, minimum, keys });
  } catch (error) {
    sink.failed(error);
  }
}

/**
 * Counts a window of traces that `decideTraces` has decided, from its tables. None where a policy failed: what the fallback says is no policy's
 * (sampling.md, rules 21 and 22).
 */
async function headCounts(engine: Session, name: string, window: Window, outcomes: readonly PolicyOutcome[], { combine }: Combining): Promise<readonly HeadKeyCounts[]> {
  if (outcomes.some(({ picks, policy }) => picks === null && policy.mode !== 'shadow')) return [];
  const { enforce, drop } = placesOf(outcomes.map(({ policy }) => policy));
  const itemBytes = meanItemBytes(window.slots.flatMap(({ slot }) => slot.runs));
  const sql = keysSql(name, window, { named: namedSql(name, enforce, combine), hasCeilings: drop.length > 0 });
  const rows = (await engine.api.runAndReadAll(sql)).getRows();
  return rows.map(([service, operation, traces, arrivals, pIn, p, unknown, items, itemsKept]) => ({
    service: String(service), operation: operation === null ? null : String(operation), traces: Number(traces), arrivals: Number(arrivals), pIn: Number(pIn), p: Number(p), unknown: Number(unknown),
    items: Number(items), itemsKept: Number(itemsKept), bytes: Number(items) * itemBytes, bytesKept: Number(itemsKept) * itemBytes,
  }));
}

/** k, n of what enforce policies named, before anything limits it. */
function namedSql(name: string, enforce: readonly number[], combine: Combining['combine']): string {
  const n = combine === 'first_match' ? 'arg_min(n, (p, -n::HUGEINT))' : 'max(n)';
  return `SELECT k, ${n} AS n FROM ${name}_picks WHERE ${enforce.length === 0 ? 'false' : `p IN (${enforce.join(', ')})`} GROUP BY k`;
}

function keysSql(name: string, window: Window, { named, hasCeilings }: { readonly named: string; readonly hasCeilings: boolean }): string {
  const one = `${nOne}::UBIGINT`;
  const isUnknown = window.slots.some(({ slot }) => slot.inputs.rowCount > 0);
  const unknown = `SELECT DISTINCT trace_id FROM (${windowRows(window.slots, { fields: [], keys: [], inputs: true })}) WHERE is_unknown`;
  const share = `/ ${nOne}.0::DOUBLE`;
  return `
    WITH roots AS (
      SELECT t.root_service AS service, t.root_name AS operation, t.n_in AS n_in, t.evidence_rows AS items, k.n IS NOT NULL AS is_kept,
        ${hasCeilings ? `least(coalesce(d.n, 0), coalesce(c.n, ${one}))` : 'coalesce(d.n, 0)'}::UBIGINT AS n, ${hasCeilings ? 'coalesce(c.n = 0, false)' : 'false'} AS is_gone,
        ${isUnknown ? 'u.trace_id IS NOT NULL' : 'false'} AS is_unknown
      FROM ${name}_traces t LEFT JOIN (${named}) d ON d.k = t.trace_id LEFT JOIN ${name}_kept k ON k.trace_id = t.trace_id
        ${hasCeilings ? `LEFT JOIN ${name}_ceilings c ON c.k = t.trace_id` : ''}${isUnknown ? ` LEFT JOIN (${unknown}) u ON u.trace_id = t.trace_id` : ''}
      WHERE t.has_root AND t.root_service <> '' AND length(t.root_service) <= ${headNameCharsMax})
    SELECT service, operation, count(*) FILTER (NOT is_unknown)::DOUBLE, coalesce(sum(${nOne}.0::DOUBLE / n_in) FILTER (NOT is_unknown), 0)::DOUBLE,
      coalesce(max(n_in) FILTER (NOT is_unknown) ${share}, 0)::DOUBLE,
      CASE WHEN coalesce(min(n) FILTER (NOT is_gone), 0) = ${one} THEN 1 ELSE coalesce(max(n) FILTER (n < ${one} AND NOT is_unknown) ${share}, 0) END::DOUBLE,
      count(*) FILTER (is_unknown)::DOUBLE, sum(items)::DOUBLE, coalesce(sum(items) FILTER (is_kept), 0)::DOUBLE
    FROM roots GROUP BY GROUPING SETS ((service), (service, operation))
    HAVING grouping(operation) = 1 OR (operation IS NOT NULL AND length(operation) <= ${headNameCharsMax})
    ORDER BY grouping(operation) DESC, 4 DESC, service, operation LIMIT ${keysMax}`;
}
