import type { OtapBatch } from '../otap/batch.ts';
import { rootPayload } from '../otap/payload-type.ts';
import { type LookupCache, readWide } from '../store/lookup.ts';

/** Rows of a batch that go to one slot; `rows` null means all. */
export interface SlotRows {
  readonly slot: number;
  readonly rows: Uint32Array | null;
}

/** Numbers of the rows, of a batch of `rowCount`. */
export function rowNumbers({ rows }: SlotRows, rowCount: number): Uint32Array {
  return rows ?? Uint32Array.from({ length: rowCount }, (_, row) => row);
}

/** Times of a batch's items, ns since the epoch as doubles (exact to 256 ns, enough to choose a slot). */
export interface EventTimes {
  readonly values: Float64Array;
  /** The earliest time that is set, or null where none is; and the latest. */
  readonly min: number | null;
  readonly max: number;
}

const timePaths = { traces: ['start_time_unix_nano'], logs: ['time_unix_nano', 'observed_time_unix_nano'], metrics: [] } as const;

/** The items' own times: a span's start, a record's time, else when it was observed. */
export function eventTimes(batch: OtapBatch, lookups: LookupCache): EventTimes {
  const values = new Float64Array(batch.rowCount);
  const root = batch.table(rootPayload[batch.signal].name);
  for (const path of timePaths[batch.signal]) {
    const column = root?.column(path) ?? null;
    if (column === null) continue;
    const words = new Uint32Array(readWide(column, lookups).buffer);
    for (let row = 0; row < values.length; row++) {
      if (values[row] === 0) values[row] = words[row * 2] + words[row * 2 + 1] * 2 ** 32;
    }
  }
  let [min, max] = [Infinity, 0];
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value > max) max = value;
    if (value > 0 && value < min) min = value;
  }
  return { values, min: max === 0 ? null : min, max };
}

/**
 * The earliest time that lies no further than `behindNano` before the median of all that are set, null where none is: a few clocks that
 * are wrong, behind or ahead, do not count.
 */
export function earliestTime({ values, min, max }: EventTimes, behindNano: number): number | null {
  if (min === null || max - min <= behindNano) return min;
  const known = values.filter((value) => value > 0).sort();
  const from = known[known.length >> 1] - behindNano;
  return known.find((value) => value >= from) ?? null;
}

/** All of `rowCount` rows, grouped by slot. */
export function rowsBySlot(rowCount: number, slotOf: (row: number) => number): SlotRows[] {
  const slots = slotsOf(rowCount, slotOf);
  if (slots.length === 1) return [{ slot: slots[0], rows: null }];
  const groups = new Map<number, number[]>(slots.map((slot) => [slot, []]));
  for (let row = 0; row < rowCount; row++) groups.get(slotOf(row))?.push(row);
  return [...groups].map(([slot, rows]) => ({ slot, rows: Uint32Array.from(rows) }));
}

/** The distinct slots of `rowCount` rows, as they come. */
export function slotsOf(rowCount: number, slotOf: (row: number) => number): number[] {
  const slots = new Set<number>();
  let last = Number.NaN;
  for (let row = 0; row < rowCount; row++) {
    const slot = slotOf(row);
    if (slot !== last) slots.add(slot);
    last = slot;
  }
  return [...slots];
}
