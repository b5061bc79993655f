import { present } from '../base/assert.ts';
import type { OtapBatch } from '../otap/batch.ts';
import type { DecisionCache } from '../policy/decision-cache.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import type { HeldBatch } from '../store/held-batch.ts';
import { type InputColumns, inputSource, readInputs } from '../store/input-columns.ts';
import { project, type ProjectionTools } from '../store/projector.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import type { KeptRows } from './kept-rows.ts';
import { splitLateRows } from './late-rows.ts';
import { earliestTime, type EventTimes, eventTimes, rowsBySlot, type SlotRows } from './slot-rows.ts';
import type { SlotRing } from './slot-ring.ts';
import type { WindowClock } from './window-clock.ts';

/** Whose time an item belongs to a window by: its arrival (live), or its own (replay). */
export type TimeSource = 'arrival' | 'event';

export interface SignalIntakeParts {
  readonly signal: SampledSignal;
  readonly ring: SlotRing;
  readonly clock: WindowClock;
  readonly time: TimeSource;
  /** Decisions that late spans follow; null for signals whose items are decided one by one. */
  readonly cache: DecisionCache | null;
  readonly hash: KeyedHash;
  readonly tools: ProjectionTools;
  /** Waits where windows are decided too slowly for what comes; of no use where the caller waits for windows itself, as replay does. */
  readonly pace: (unixNano: bigint) => Promise<void>;
  readonly onLate: (kept: KeptRows, droppedCount: number) => void;
}

/** What became of a batch's rows. */
export interface TakenRows {
  readonly inputs: InputColumns;
  readonly lateKept: number;
  readonly lateDropped: number;
}

/** Puts the rows of one signal's batches into slots. */
export class SignalIntake {
  readonly #parts: SignalIntakeParts;
  #watermark: number | null = null;

  constructor(parts: SignalIntakeParts) {
    this.#parts = parts;
  }

  /**
   * With event time: the greatest over batches of a batch's earliest time (ns), wrong clocks left out as `earliestTime` does;
   * null before the first.
   */
  get watermark(): number | null {
    return this.#watermark;
  }

  /** Number of the slot of a time, ns. */
  slotOf(unixNano: bigint): number {
    return this.#parts.clock.slotOf(unixNano);
  }

  /** Takes all rows of a batch; `arrivalNano` is when it came. */
  async take(batch: OtapBatch, held: HeldBatch, arrivalNano: bigint): Promise<TakenRows> {
    const { cache, tools, ring } = this.#parts;
    if (this.#parts.time === 'arrival') await this.#parts.pace(arrivalNano);
    const inputs = readInputs(batch, inputSource(held), this.#parts.hash);
    held.hold();
    try {
      const times = this.#timesOf(batch);
      await this.#ensureSlots(times, arrivalNano);
      const late = cache === null || inputs.traceIds === null ? null : splitLateRows(cache, inputs.traceIds, batch.rowCount);
      const fresh = late?.fresh ?? null;
      const parts = this.#slotRows(times, arrivalNano, fresh).map(({ slot, rows }) => ({ slot: present(ring.get(slot), `slot ${slot}`), rows }));
      project(parts, batch, held, inputs, tools);
      if (late !== null && (late.kept.length > 0 || late.droppedCount > 0)) {
        this.#parts.onLate({ batch: held, rows: late.kept, n: late.n, nSplit: null, nCeiling: null, reasons: late.reasons, isUndecided: false }, late.droppedCount);
      }
      return { inputs, lateKept: late?.kept.length ?? 0, lateDropped: late?.droppedCount ?? 0 };
    } finally {
      held.release();
    }
  }

  /** Creates the slots that the batch's rows go to; slots may close meanwhile, so this repeats until all are there. */
  async #ensureSlots(times: EventTimes | null, arrivalNano: bigint): Promise<void> {
    const missing = (): number[] => this.#slotRows(times, arrivalNano, null).map(({ slot }) => slot)
      .filter((slot) => this.#parts.ring.get(slot) === null);
    for (let absent = missing(); absent.length > 0; absent = missing()) {
      for (const slot of absent) await this.#parts.ring.ensure(slot);
    }
  }

  /** With event time: the rows' times, which move the watermark. */
  #timesOf(batch: OtapBatch): EventTimes | null {
    if (this.#parts.time === 'arrival') return null;
    const times = eventTimes(batch, this.#parts.tools.lookups);
    const { lengthNano, waitNano } = this.#parts.clock;
    const earliest = earliestTime(times, Number(lengthNano + waitNano));
    if (earliest !== null) this.#watermark = Math.max(this.#watermark ?? 0, earliest);
    return times;
  }

  /**
   * The slots that rows go to. With event time these are the slots about the watermark that are not due yet: an earlier time (a
   * late record, a clock at zero) counts as the first of them, a later one as the last, so that clocks open no slots without end.
   */
  #slotRows(times: EventTimes | null, arrivalNano: bigint, rows: Uint32Array | null): SlotRows[] {
    const { clock, ring } = this.#parts;
    if (rows !== null && rows.length === 0) return [];
    if (times === null) return [{ slot: Math.max(clock.slotOf(arrivalNano), ring.firstOpen), rows }];
    const now = Math.floor((this.#watermark ?? 0) / Number(clock.lengthNano));
    const first = Math.max(ring.firstOpen, now - clock.slotsAfter);
    return rowsBySlot(times, rows, Number(clock.lengthNano), first, Math.max(now + clock.slotsAfter + 1, first));
  }
}
