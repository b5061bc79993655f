import { traceIdWords } from '../policy/trace-id-table.ts';
import type { PastHorizonRows } from './past-horizon.ts';
import type { ShedRows } from './shed-rows.ts';
import type { SlotRows } from './slot-rows.ts';
import { isSameTrace } from './trace-id-runs.ts';
import type { TraceMemory } from './trace-memory.ts';

/** Where the rows of a batch of spans go. */
export interface TraceRoutes {
  /** Rows of traces that are not decided, by slot; `rows` null where that is all rows. */
  readonly slots: readonly SlotRows[];
  /** Rows of traces that are remembered as decided, ascending; null where there are none. */
  readonly decided: Uint32Array | null;
  /** Rows whose traces were decided just now, for their age, ascending; left out where there are none. */
  readonly past?: Uint32Array;
}

const decidedRows = -1;
const pastRows = -2;
const shedRows = -3;

/**
 * Sends all of `rowCount` rows each to the slot of its trace's first span: the one that is open for the trace, else, where the trace was not
 * decided, the earliest that `slotOf` gives for the rows of it that stand together here, which is opened. `traceIds` holds four words a row;
 * rows of a trace that stand together are looked up once, and most traces are open. `past`: says what is past the horizon, null where nothing can be. `shed`: says what is shed, and goes nowhere; null
 * where nothing is.
 */
export function routeTraces(
  traceIds: Uint32Array, rowCount: number, traces: Pick<TraceMemory, 'open' | 'decided'>, slotOf: (row: number) => number, past: PastHorizonRows | null = null,
  shed: ShedRows | null = null,
): TraceRoutes {
  const groups = new Map<number, number[]>();
  let only: number | null = null;
  for (let from = 0; from < rowCount; ) {
    let to = from + 1;
    while (to < rowCount && isSameTrace(traceIds, to, from) && (shed === null || shed.isBelow(to) === shed.isBelow(from))) to++;
    const slot = homeOf(traceIds, from, to, traces, slotOf, past, shed);
    if (from === 0) only = slot;
    else if (only !== null && slot !== only) {
      addRows(groups, only, 0, from);
      only = null;
    }
    if (only === null) addRows(groups, slot, from, to);
    from = to;
  }
  if (only !== null && only >= 0) return { slots: [{ slot: only, rows: null }], decided: null };
  if (only !== null) addRows(groups, only, 0, rowCount);
  const decided = groups.get(decidedRows);
  const late = groups.get(pastRows);
  groups.delete(decidedRows);
  groups.delete(pastRows);
  groups.delete(shedRows);
  return {
    slots: [...groups].map(([slot, group]) => ({ slot, rows: Uint32Array.from(group) })),
    decided: decided === undefined ? null : Uint32Array.from(decided),
    ...(late === undefined ? {} : { past: Uint32Array.from(late) }),
  };
}

function addRows(groups: Map<number, number[]>, slot: number, from: number, to: number): void {
  const group = groups.get(slot) ?? [];
  groups.set(slot, group);
  for (let row = from; row < to; row++) group.push(row);
}

/** The slot of the trace of rows [from, to). */
function homeOf(
  traceIds: Uint32Array, from: number, to: number, { open, decided }: Pick<TraceMemory, 'open' | 'decided'>, slotOf: (row: number) => number, past: PastHorizonRows | null,
  shed: ShedRows | null,
): number {
  const at = from * traceIdWords;
  const known = open.slotOf(traceIds, at);
  if (known !== null) return shed !== null && shed.shedsOpen(known, from, to) ? shedRows : known;
  const outcome = decided.outcome(traceIds, at);
  if (outcome !== 'unknown') return outcome === 'dropped' && shed !== null && shed.shedsDropped(from, to) ? shedRows : decidedRows;
  if (shed !== null && shed.shedsUnknown(traceIds, at, from, to)) return shedRows;
  let slot = Infinity;
  for (let row = from; row < to; row++) slot = Math.min(slot, slotOf(row));
  if (past !== null && past.decides(traceIds, from, to, slot)) return pastRows;
  open.open(traceIds, at, slot);
  return slot;
}
