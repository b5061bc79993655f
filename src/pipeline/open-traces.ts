import { TraceIdTable, traceIdWords } from '../policy/trace-id-table.ts';

const placesMin = 1024;
/** Of a table that is made: it is full at two a trace, so that a third of its traces come before it is made again. */
const placesATraceMin = 3;

/** The largest trace that waits for its window: infinite where there is no limit. */
export interface TraceLimits {
  readonly spansMax: number;
  /** Of the batches that it came in, each span with its share. */
  readonly bytesMax: number;
}

/**
 * The traces that wait for their decision, each with the slot that its first span came to: all that comes of a trace goes there, so that a
 * window is one slot. Slots close in order. Bounded by what open slots hold: 25 bytes a place (41 where traces have limits), 2 to 6 places a trace.
 */
export class OpenTraces {
  readonly #hashSeed: number;
  #places: TraceIdTable;
  /** Slot of the trace in each place; a trace of a closed slot is not there any more. */
  #slots: Float64Array;
  /** Spans and bytes of the trace in each place, one after the other; empty where there are no limits. */
  #sizes: Float64Array;
  readonly #limits: TraceLimits | null;
  #openFrom = -Infinity;

  /** `hashSeed` keys it against ids made to collide. `limits`: of a trace's size; null where nobody counts. */
  constructor(hashSeed = 0, limits: TraceLimits | null = null) {
    this.#hashSeed = hashSeed;
    this.#limits = limits;
    this.#places = new TraceIdTable(placesMin, hashSeed);
    this.#slots = new Float64Array(placesMin);
    this.#sizes = new Float64Array(limits === null ? 0 : placesMin * 2);
  }

  get byteLength(): number {
    return this.#places.byteLength + this.#slots.byteLength + this.#sizes.byteLength;
  }

  /** The slot of the trace whose id stands at `ids[at .. at + 4)`; null where none is open for it. */
  slotOf(ids: Uint32Array, at: number): number | null {
    const place = this.#places.find(ids, at);
    if (place === -1) return null;
    const slot = this.#slots[place];
    return slot >= this.#openFrom ? slot : null;
  }

  /** A trace's first span goes to `slot`. */
  open(ids: Uint32Array, at: number, slot: number): void {
    if (this.#places.isFull) this.#renew();
    const place = this.#places.add(ids, at);
    this.#slots[place] = slot;
    if (this.#limits !== null) this.#sizes[place * 2] = this.#sizes[place * 2 + 1] = 0;
  }

  /** Spans of an open trace came: whether it passes a limit by them. */
  grow(ids: Uint32Array, at: number, spans: number, bytes: number): boolean {
    const place = this.#places.find(ids, at);
    if (this.#limits === null || place === -1) return false;
    const wasWithin = this.#isWithin(place, this.#limits);
    this.#sizes[place * 2] += spans;
    this.#sizes[place * 2 + 1] += bytes;
    return wasWithin && !this.#isWithin(place, this.#limits);
  }

  /** A trace is decided before its slot: others remember it from here on. */
  forget(ids: Uint32Array, at: number): void {
    const place = this.#places.find(ids, at);
    if (place !== -1) this.#slots[place] = Number.NaN;
  }

  #isWithin(place: number, { spansMax, bytesMax }: TraceLimits): boolean {
    return this.#sizes[place * 2] <= spansMax && this.#sizes[place * 2 + 1] <= bytesMax;
  }

  /** The traces of this slot, and of those before, are decided: others remember them from here on. */
  close(slot: number): void {
    this.#openFrom = Math.max(this.#openFrom, slot + 1);
  }

  /** Makes room, without the traces of closed slots. */
  #renew(): void {
    const [known, slots, sizes] = [this.#places, this.#slots, this.#sizes];
    let open = 0;
    known.forEach((_ids, place) => {
      if (slots[place] >= this.#openFrom) open++;
    });
    const places = Math.max(placesMin, 2 ** Math.ceil(Math.log2(open * placesATraceMin)));
    this.#places = new TraceIdTable(places, this.#hashSeed);
    this.#slots = new Float64Array(places);
    this.#sizes = new Float64Array(this.#limits === null ? 0 : places * 2);
    known.forEach((ids, place) => {
      if (!(slots[place] >= this.#openFrom)) return;
      const to = this.#places.add(ids, place * traceIdWords);
      this.#slots[to] = slots[place];
      if (this.#limits !== null) this.#sizes.set(sizes.subarray(place * 2, place * 2 + 2), to * 2);
    });
  }
}
