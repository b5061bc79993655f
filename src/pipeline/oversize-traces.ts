import { traceIdWords } from '../policy/trace-id-table.ts';
import type { OpenTraces } from './open-traces.ts';
import type { SlotRows } from './slot-rows.ts';
import { isSameTrace } from './trace-id-runs.ts';

/** Undecided traces that have grown beyond a limit and wait to be decided early, by slot. */
export class OversizeTraces {
  readonly #bySlot = new Map<number, number[]>();

  /** The trace whose id stands at `ids[at .. at + 4)`. */
  add(slot: number, ids: Uint32Array, at: number): void {
    const waiting = this.#bySlot.get(slot) ?? [];
    this.#bySlot.set(slot, waiting);
    for (let word = 0; word < traceIdWords; word++) waiting.push(ids[at + word]);
  }

  /** Slots that have some, ascending. */
  get slots(): readonly number[] {
    return [...this.#bySlot.keys()].sort((a, b) => a - b);
  }

  /** Ids of a slot's traces, four words each, which wait no longer; empty where there are none. */
  take(slot: number): Uint32Array<ArrayBuffer> {
    const waiting = Uint32Array.from(this.#bySlot.get(slot) ?? []);
    this.#bySlot.delete(slot);
    return waiting;
  }
}

/** Counts rows of open traces, of which each has `bytesPerRow`; those that pass a limit by them wait to be decided early. `ids` holds four words a row. */
export function growTraces(ids: Uint32Array, slots: readonly SlotRows[], rowCount: number, bytesPerRow: number, open: OpenTraces, oversize: OversizeTraces): void {
  for (const { slot, rows } of slots) {
    const count = rows?.length ?? rowCount;
    const rowAt = (index: number): number => (rows === null ? index : rows[index]);
    for (let from = 0; from < count; ) {
      let to = from + 1;
      while (to < count && isSameTrace(ids, rowAt(to), rowAt(from))) to++;
      const at = rowAt(from) * traceIdWords;
      if (open.grow(ids, at, to - from, (to - from) * bytesPerRow)) oversize.add(slot, ids, at);
      from = to;
    }
  }
}
