import { TraceIdTable, traceIdWords } from '../../policy/trace-id-table.ts';

const placesMin = 1024;
/** Most that a remembered trace takes: 4 places of 21 bytes. */
const traceBytes = 4 * 21;

/** How many traces can be remembered in so many bytes, where `asked` is what the configuration allows. */
export function tracesFitting(asked: number, bytesMax: number): number {
  return Math.min(asked, Math.floor(bytesMax / traceBytes));
}

/** Traces of one stretch of time, each with its entry. */
class Generation {
  readonly sinceMs: number;
  readonly #hashSeed: number;
  #places: TraceIdTable;
  #entries: Uint32Array;

  constructor(sinceMs: number, hashSeed: number) {
    this.sinceMs = sinceMs;
    this.#hashSeed = hashSeed;
    this.#places = new TraceIdTable(placesMin, hashSeed);
    this.#entries = new Uint32Array(placesMin);
  }

  get size(): number {
    return this.#places.size;
  }

  get byteLength(): number {
    return this.#places.byteLength + this.#entries.byteLength;
  }

  get(ids: Uint32Array, at: number): number {
    const place = this.#places.find(ids, at);
    return place === -1 ? -1 : this.#entries[place];
  }

  set(ids: Uint32Array, at: number, entry: number): void {
    if (this.#places.isFull) this.#grow();
    this.#entries[this.#places.add(ids, at)] = entry;
  }

  #grow(): void {
    const [known, entries] = [this.#places, this.#entries];
    this.#places = new TraceIdTable(known.places * 2, this.#hashSeed);
    this.#entries = new Uint32Array(known.places * 2);
    known.forEach((ids, place) => {
      this.#entries[this.#places.add(ids, place * traceIdWords)] = entries[place];
    });
  }
}

export interface TraceOwnersOptions {
  /** A trace is remembered for this long after the last span that came of it, and at most twice as long. */
  readonly rememberMs: number;
  /** Traces that are remembered at most. */
  readonly tracesMax: number;
  /** Keys it against ids made to collide. */
  readonly hashSeed?: number;
}

/**
 * Which member each trace was sent to, as an entry that its user knows to read, for as long as that may matter. In two generations: when the current one is `rememberMs` old, or has half of the
 * traces that may be remembered, it becomes the previous one, which is forgotten. 21 bytes a place, 2 to 4 places a trace.
 */
export class TraceOwners {
  readonly #options: TraceOwnersOptions;
  #current: Generation;
  #previous: Generation;
  #nowMs = 0;
  #forgottenEarly = 0;

  constructor(options: TraceOwnersOptions) {
    this.#options = options;
    this.#current = this.#begin();
    this.#previous = this.#begin();
  }

  get size(): number {
    return this.#current.size + this.#previous.size;
  }

  get byteLength(): number {
    return this.#current.byteLength + this.#previous.byteLength;
  }

  /** Traces that were forgotten before their time, for want of room. */
  get forgottenEarly(): number {
    return this.#forgottenEarly;
  }

  /** Monotonic time, ms, goes on. */
  advanceTo(nowMs: number): void {
    this.#nowMs = nowMs;
    const age = nowMs - this.#current.sinceMs;
    if (age < this.#options.rememberMs) return;
    this.#previous = age < this.#options.rememberMs * 2 ? this.#current : this.#begin();
    this.#current = this.#begin();
  }

  /** The entry of the trace whose id stands at `ids[at .. at + 4)`; -1 where it is not remembered. From now on it is remembered anew. */
  touch(ids: Uint32Array, at: number): number {
    const current = this.#current.get(ids, at);
    if (current !== -1) return current;
    const earlier = this.#previous.get(ids, at);
    if (earlier !== -1) this.set(ids, at, earlier);
    return earlier;
  }

  /** The trace has this entry, a number below 2^32, from now on. */
  set(ids: Uint32Array, at: number, entry: number): void {
    if (this.#current.size >= Math.max(1, Math.floor(this.#options.tracesMax / 2))) {
      if (this.#nowMs - this.#previous.sinceMs < this.#options.rememberMs * 2) this.#forgottenEarly += this.#previous.size;
      this.#previous = this.#current;
      this.#current = this.#begin();
    }
    this.#current.set(ids, at, entry);
  }

  #begin(): Generation {
    return new Generation(this.#nowMs, this.#options.hashSeed ?? 0);
  }
}
