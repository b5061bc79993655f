import { traceIdWords } from '../policy/trace-id-table.ts';
import type { OpenTraces } from './open-traces.ts';
import type { SlotRows } from './slot-rows.ts';

/**
 * Sends rows (ascending; null = all `rowCount`) of undecided traces each to the slot of its trace's first span: the one that is open for
 * the trace, else the earliest that `slotOf` gives for the rows of it that stand together here, which is opened. `traceIds` holds four
 * words a row; writers sort by trace, so a trace is looked up once for rows that stand together.
 */
export function routeTraces(traceIds: Uint32Array, rows: Uint32Array | null, rowCount: number, open: OpenTraces, slotOf: (row: number) => number): SlotRows[] {
  const count = rows === null ? rowCount : rows.length;
  const rowAt = (index: number): number => (rows === null ? index : rows[index]);
  const groups = new Map<number, number[]>();
  for (let from = 0; from < count; ) {
    let to = from + 1;
    while (to < count && isSameTrace(traceIds, rowAt(to), rowAt(to - 1))) to++;
    const slot = homeOf(traceIds, rowAt, from, to, open, slotOf);
    const group = groups.get(slot) ?? [];
    groups.set(slot, group);
    for (let index = from; index < to; index++) group.push(rowAt(index));
    from = to;
  }
  if (groups.size === 1 && rows === null) return [{ slot: [...groups.keys()][0], rows: null }];
  return [...groups].map(([slot, group]) => ({ slot, rows: Uint32Array.from(group) }));
}

/** The slot of the trace of rows [from, to). */
function homeOf(
  traceIds: Uint32Array, rowAt: (index: number) => number, from: number, to: number, open: OpenTraces, slotOf: (row: number) => number,
): number {
  const at = rowAt(from) * traceIdWords;
  const known = open.slotOf(traceIds, at);
  if (known !== null) return known;
  let slot = Infinity;
  for (let index = from; index < to; index++) slot = Math.min(slot, slotOf(rowAt(index)));
  open.open(traceIds, at, slot);
  return slot;
}

/** Whether two rows have one trace id. */
export function isSameTrace(ids: Uint32Array, row: number, other: number): boolean {
  const [a, b] = [row * traceIdWords, other * traceIdWords];
  return ids[a] === ids[b] && ids[a + 1] === ids[b + 1] && ids[a + 2] === ids[b + 2] && ids[a + 3] === ids[b + 3];
}
