import type { SlotRing } from './slot-ring.ts';
import type { WindowClock } from './window-clock.ts';

/** Traces that are waited for while they grow. */
export interface SessionOptions {
  /** After so long without a span a trace has ended, ms. */
  readonly gapMs: number;
  /** No trace is decided for having ended before so long after the end of its slot, ms. */
  readonly waitMs: number;
}

/** How many rows a slot had at a time. */
interface Checkpoint {
  readonly atNano: bigint;
  readonly rows: number;
}

/** Checkpoints are so much of the gap apart at least: a trace may be taken to have ended so much later. */
const checkpointsOfGap = 16n;

/**
 * Which slots are looked into for traces that have ended: from `waitMs` after their end on, once a gap, the one that has waited longest first, and once more when one becomes the next to be closed. When
 * rows came is known by how many there were at a time: nothing is kept for a trace.
 */
export class QuietSlots {
  readonly #ring: SlotRing;
  readonly #clock: WindowClock;
  readonly #gapNano: bigint;
  readonly #waitNano: bigint;
  readonly #checkpoints = new Map<number, Checkpoint[]>();
  /** When each slot was last looked into. */
  readonly #looked = new Map<number, bigint>();
  /** Slots of which all traces are decided. */
  readonly #finished = new Set<number>();
  #first: number | undefined;

  constructor(ring: SlotRing, clock: WindowClock, { gapMs, waitMs }: SessionOptions) {
    this.#ring = ring;
    this.#clock = clock;
    this.#gapNano = BigInt(Math.round(gapMs * 1e6));
    this.#waitNano = BigInt(Math.round(waitMs * 1e6));
  }

  /** The next slot to look into: traces have ended that have no row from `quietBefore` on. Null where there is none. To be called often, with all slots that take rows. */
  next(open: readonly number[], unixNano: bigint): { readonly slot: number; readonly quietBefore: number } | null {
    this.#forget(open);
    for (const slot of open) this.#note(slot, unixNano);
    const ripe = open.flatMap((slot) => {
      const quietBefore = this.#rowsAt(slot, unixNano - this.#gapNano);
      const dueNano = this.#dueAt(slot);
      return unixNano < dueNano || (this.#finished.has(slot) && slot !== open[0]) || (quietBefore === 0 && this.#rows(slot) > 0) ? [] : [{ slot, quietBefore, dueNano }];
    });
    if (ripe.length === 0) return null;
    const { slot, quietBefore } = ripe.reduce((first, other) => (other.dueNano < first.dueNano ? other : first));
    this.#looked.set(slot, unixNano);
    return { slot, quietBefore };
  }

  /** A look left so many traces of the slot undecided. */
  left(slot: number, traces: number): void {
    if (traces === 0) this.#finished.add(slot);
  }

  /** A look came to nothing. */
  again(slot: number): void {
    this.#looked.delete(slot);
  }

  /** When the slot is to be looked into next. */
  #dueAt(slot: number): bigint {
    const looked = this.#looked.get(slot);
    return looked === undefined ? this.#clock.startOf(slot + 1) + this.#waitNano : looked + this.#gapNano;
  }

  #forget(open: readonly number[]): void {
    for (const known of [this.#checkpoints, this.#looked, this.#finished]) for (const slot of known.keys()) if (!open.includes(slot)) known.delete(slot);
    if (open[0] === this.#first) return;
    this.#first = open[0];
    this.#looked.delete(open[0]);
  }

  #note(slot: number, atNano: bigint): void {
    const rows = this.#rows(slot);
    const known = this.#checkpoints.get(slot) ?? [];
    this.#checkpoints.set(slot, known);
    const last = known.at(-1);
    if (last === undefined || (last.rows !== rows && atNano >= last.atNano + this.#gapNano / checkpointsOfGap)) known.push({ atNano, rows });
    while (known.length > 1 && known[1].atNano <= atNano - this.#gapNano) known.shift();
  }

  #rows(slot: number): number {
    return this.#ring.get(slot)?.rows.rowCount ?? 0;
  }

  /** Rows that the slot had at a time, at least. */
  #rowsAt(slot: number, atNano: bigint): number {
    const first = this.#checkpoints.get(slot)?.[0];
    return first === undefined || first.atNano > atNano ? 0 : first.rows;
  }
}
