import { present } from '../base/assert.ts';
import type { BufferSource } from '../base/buffer-source.ts';
import type { OtapBatch } from '../otap/batch.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { TWO_56 } from '../sampling/word56.ts';
import type { HeldBatch } from '../store/held-batch.ts';
import { type InputColumns, inputSource, readInputs } from '../store/input-columns.ts';
import { project, type ProjectionTools, type SlotPart } from '../store/projector.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { type LateArrivals, lateArrivals } from './late-arrivals.ts';
import { followDecisions } from './late-rows.ts';
import type { Lateness } from './lateness.ts';
import { growTraces } from './oversize-traces.ts';
import { type PastHorizon, PastHorizonRows } from './past-horizon.ts';
import { ShedRows } from './shed-rows.ts';
import { earliestTime, type EventTimes, eventTimes, rowsBySlot, type SlotRows, slotsOf } from './slot-rows.ts';
import type { SlotRing } from './slot-ring.ts';
import { fallbackNOf } from './stress-close.ts';
import type { TraceMemory } from './trace-memory.ts';
import { routeTraces } from './trace-routes.ts';
import type { WindowClock } from './window-clock.ts';

/** Whose time an item belongs to a window by: its arrival (live), or its own (replay). */
export type TimeSource = 'arrival' | 'event';

export interface SignalIntakeParts {
  readonly signal: SampledSignal;
  readonly ring: SlotRing;
  readonly clock: WindowClock;
  readonly time: TimeSource;
  /** What is known of traces; null for signals whose items are decided one by one. */
  readonly traces: TraceMemory | null;
  readonly hash: KeyedHash;
  readonly tools: ProjectionTools;
  /** Waits where windows are decided too slowly for what comes; of no use where the caller waits for windows itself, as replay does. */
  readonly pace: (unixNano: bigint) => Promise<void>;
  /** What becomes of spans that may belong to forgotten decisions; left out: they are taken for new ones. */
  readonly pastHorizon?: PastHorizon;
  /** Told, in the turn in which a batch's rows go into windows, of the last of these, and how many lots of them follow decisions. */
  readonly onTaken?: (held: HeldBatch, lastSlot: number, lateLots: number) => void;
  /** Told before that, in the same turn, of traces that are decided as they come: ids, four words of each, and N of each that is past the horizon; null: stress relief shed their first spans. */
  readonly onDecided?: (ids: Uint32Array<ArrayBuffer>, n: BigUint64Array<ArrayBuffer> | null) => void;
  /** Told of rows of traces that are decided. */
  readonly onLate: (late: LateArrivals) => void;
}

/** What became of a batch's rows. */
export interface TakenRows {
  readonly inputs: InputColumns;
  readonly lateKept: number;
  readonly lateDropped: number;
  /** Rows past the horizon; left out where there are none. */
  readonly pastHorizon?: readonly Lateness[];
  /** Rows that stress relief did not take in; left out where there are none. */
  readonly shed?: number;
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

  /**
   * Takes all rows of a batch; `arrivalNano` is when it came. What is read of it lies in `memory`, and in what is given back. Rows of slots that are being decided wait for that. Throws what reading the batch
   * throws, and then has taken none of its rows.
   */
  async take(batch: OtapBatch, held: HeldBatch, arrivalNano: bigint, memory: BufferSource): Promise<TakenRows> {
    if (this.#parts.time === 'arrival') await this.#parts.pace(arrivalNano);
    return this.takeAgain(batch, held, arrivalNano, memory);
  }

  /** As `take`, of what came long ago: waits for no window. */
  async takeAgain(batch: OtapBatch, held: HeldBatch, arrivalNano: bigint, memory: BufferSource): Promise<TakenRows> {
    const { traces, ring, tools } = this.#parts;
    const inputs = readInputs(batch, inputSource(held), this.#parts.hash, memory);
    held.hold();
    try {
      const times = this.#timesOf(batch);
      let slotOf = this.#slotOf(times, arrivalNano);
      for (let absent = this.#absent(batch, slotOf); absent.length > 0; absent = this.#absent(batch, slotOf)) {
        for (const slot of absent) await ring.ensure(slot);
        slotOf = this.#slotOf(times, arrivalNano);
      }
      const past = this.#pastHorizon(batch, inputs, arrivalNano);
      const shed = ring.nMax < TWO_56 ? new ShedRows(inputs, ring.nMax, ring.firstOpen, traces?.decided ?? null) : null;
      const { slots, decided, past: atOnce } = traces === null || inputs.traceIds === null
        ? { slots: this.#rowsBySlot(batch.rowCount, slotOf, shed), decided: null }
        : routeTraces(inputs.traceIds, batch.rowCount, traces, slotOf, past, shed);
      const late = traces === null || inputs.traceIds === null ? [] : this.#followed(held, traces, inputs.traceIds, decided, atOnce);
      const open = slots.filter(({ slot }) => slot >= ring.firstOpen);
      project(open.map(({ slot, rows }): SlotPart => ({ slot: present(ring.get(slot), `slot ${slot}`), rows })), batch, held, inputs, tools);
      if (traces !== null && inputs.traceIds !== null) for (const part of slots) if (part.slot < ring.firstOpen) traces.followers.add(part, held, inputs.traceIds);
      if (shed !== null && shed.dropped.length > 0) this.#parts.onDecided?.(shed.dropped, null);
      if (past !== null && past.decided.n.length > 0) this.#parts.onDecided?.(past.decided.ids, past.decided.n);
      this.#parts.onTaken?.(held, slots.reduce((last, { slot }) => Math.max(last, slot), -1), late.length);
      if (traces?.oversize !== undefined && inputs.traceIds !== null) growTraces(inputs.traceIds, slots, batch.rowCount, held.byteLength / batch.rowCount, traces.open, traces.oversize);
      for (const each of late) this.#parts.onLate(each);
      return { inputs, ...countsOf(late), ...(past === null || past.lateness.length === 0 ? {} : { pastHorizon: past.lateness }), ...(shed === null ? {} : { shed: shed.count }) };
    } finally {
      held.release();
    }
  }

  /** What the cache remembers is as of now; null where nothing can be past its horizon. What is decided at once leaves with the threshold in force, too. */
  #pastHorizon(batch: OtapBatch, inputs: InputColumns, arrivalNano: bigint): PastHorizonRows | null {
    const { traces, time, pastHorizon, ring } = this.#parts;
    if (traces === null) return null;
    traces.decided.advanceTo((time === 'arrival' ? Number(arrivalNano) : this.#watermark ?? 0) / 1e6);
    if (pastHorizon === undefined || traces.decided.forgottenBeforeMs <= 0) return null;
    return new PastHorizonRows({ ...pastHorizon, n: fallbackNOf(pastHorizon, ring) }, traces, batch, inputs);
  }

  /** Rows of decided traces; those that were decided just now, for their age, came with no lateness of their own. */
  #followed(held: HeldBatch, { decided: cache }: TraceMemory, ids: Uint32Array, decided: Uint32Array | null, atOnce: Uint32Array | undefined): LateArrivals[] {
    const late = decided === null ? [] : [lateArrivals(held, followDecisions(cache, ids, decided))];
    return atOnce === undefined ? late : [...late, { ...lateArrivals(held, followDecisions(cache, ids, atOnce)), lateness: [] }];
  }

  #rowsBySlot(rowCount: number, slotOf: (row: number) => number, shed: ShedRows | null): SlotRows[] {
    const slots = rowsBySlot(rowCount, slotOf);
    return shed === null ? slots : shed.passing(slots, rowCount);
  }

  /** Slots that the batch's rows may go to and that are not there. What is asked in one turn holds for that turn: slots close while others are waited for. */
  #absent({ rowCount }: OtapBatch, slotOf: (row: number) => number): number[] {
    return slotsOf(this.#parts.time === 'arrival' ? 1 : rowCount, slotOf).filter((slot) => this.#parts.ring.get(slot) === null);
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
   * The slot of a row by its time. With event time these are the slots about the watermark that are not due yet: an earlier time (a
   * late record, a clock at zero) counts as the first of them, a later one as the last, so that clocks open no slots without end.
   */
  #slotOf(times: EventTimes | null, arrivalNano: bigint): (row: number) => number {
    const { clock, ring } = this.#parts;
    if (times === null) {
      const slot = Math.max(clock.slotOf(arrivalNano), ring.firstOpen);
      return () => slot;
    }
    const { values } = times;
    const lengthNano = Number(clock.lengthNano);
    const now = Math.floor((this.#watermark ?? 0) / lengthNano);
    const first = Math.max(ring.firstOpen, now - clock.slotsAfter);
    const last = Math.max(now + clock.slotsAfter + 1, first);
    return (row) => Math.min(Math.max(Math.floor(values[row] / lengthNano), first), last);
  }
}

function countsOf(late: readonly LateArrivals[]): Pick<TakenRows, 'lateKept' | 'lateDropped'> {
  let [lateKept, lateDropped] = [0, 0];
  for (const { kept, droppedCount } of late) {
    for (const { rows } of kept) lateKept += rows.length;
    lateDropped += droppedCount;
  }
  return { lateKept, lateDropped };
}
