import { TraceIdTable, traceIdWords } from '../policy/trace-id-table.ts';

const placesMin = 1024;

/**
 * The traces that wait for their decision, each with the slot that its first span came to: all that comes of a trace goes there, so that a
 * window is one slot. Slots close in order. Bounded by what open slots hold: 25 bytes a place, 2 to 8 places a trace.
 */
export class OpenTraces {
  readonly #hashSeed: number;
  #places: TraceIdTable;
  /** Slot of the trace in each place; a trace of a closed slot is not there any more. */
  #slots: Float64Array;
  #openFrom = -Infinity;

  /** `hashSeed` keys it against ids made to collide. */
  constructor(hashSeed = 0) {
    this.#hashSeed = hashSeed;
    this.#places = new TraceIdTable(placesMin, hashSeed);
    this.#slots = new Float64Array(placesMin);
  }

  get byteLength(): number {
    return this.#places.byteLength + this.#slots.byteLength;
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
    this.#slots[this.#places.add(ids, at)] = slot;
  }

  /** The traces of this slot, and of those before, are decided: others remember them from here on. */
  close(slot: number): void {
    this.#openFrom = Math.max(this.#openFrom, slot + 1);
  }

  /** Makes room, without the traces of closed slots. */
  #renew(): void {
    const [known, slots] = [this.#places, this.#slots];
    let open = 0;
    known.forEach((_ids, place) => {
      if (slots[place] >= this.#openFrom) open++;
    });
    const places = Math.max(placesMin, 2 ** Math.ceil(Math.log2(open * 4 + 1)));
    this.#places = new TraceIdTable(places, this.#hashSeed);
    this.#slots = new Float64Array(places);
    known.forEach((ids, place) => {
      if (slots[place] >= this.#openFrom) this.#slots[this.#places.add(ids, place * traceIdWords)] = slots[place];
    });
  }
}
