import type { PartialCause } from '../sampling/partial.ts';
import { TraceIdTable, traceIdWords } from './trace-id-table.ts';

/** When, and on what evidence, some decisions were made. */
export interface Occasion {
  readonly atMs: number;
  readonly partial: PartialCause | null;
  /** N that the roots of their traces say these came with; 0 where none was heard. */
  readonly rootN: bigint;
}

/** Codes of occasions are 16 bits. */
const occasionsMax = 65_535;
/** Those of roots at most: what these say comes from senders, and must not use up all codes. */
const rootOccasionsMax = 32_768;

/** Decisions by trace id, with the occasion of each: 27 bytes a place, 31 with reasons. */
export class DecisionGeneration {
  /** When its first decision was put; null before. */
  #sinceMs: number | null = null;
  readonly #places: TraceIdTable;
  readonly #n: BigUint64Array;
  readonly #words: Uint32Array;
  readonly #reasons: Uint32Array | null;
  readonly #occasions: Uint16Array;
  readonly #known: Occasion[];
  /** Code of the latest occasion of each cause. */
  readonly #latest = new Map<PartialCause | null, number>();
  /** The same of each cause and N of roots. */
  readonly #latestOfRoots = new Map<string, number>();
  #rootOccasions = 0;

  /** `places`: a power of two. */
  constructor(places: number, seed: number, hasReasons: boolean, known: Occasion[] = []) {
    this.#places = new TraceIdTable(places, seed);
    this.#n = new BigUint64Array(places);
    this.#words = new Uint32Array(this.#n.buffer);
    this.#reasons = hasReasons ? new Uint32Array(places) : null;
    this.#occasions = new Uint16Array(places);
    this.#known = known;
  }

  get size(): number {
    return this.#places.size;
  }

  get isFull(): boolean {
    return this.#places.isFull;
  }

  get sinceMs(): number | null {
    return this.#sinceMs;
  }

  /** When its last decision was put; null before the first. */
  get lastMs(): number | null {
    return this.#known.at(-1)?.atMs ?? null;
  }

  get byteLength(): number {
    return this.#places.byteLength + this.#n.byteLength + this.#occasions.byteLength + (this.#reasons?.byteLength ?? 0);
  }

  /** Place of a trace, -1 where it is not here. */
  find(ids: Uint32Array, at: number): number {
    return this.#places.find(ids, at);
  }

  put(ids: Uint32Array, at: number, n: bigint, reason: number, occasion: Occasion): void {
    this.#sinceMs ??= occasion.atMs;
    this.#write(ids, at, n, reason, occasion.rootN === 0n ? this.#codeOf(occasion) : this.#codeOfRoot(occasion));
  }

  isDropped(place: number): boolean {
    return (this.#words[place * 2] | this.#words[place * 2 + 1]) === 0;
  }

  n(place: number): bigint {
    return this.#n[place];
  }

  reason(place: number): number {
    return this.#reasons?.[place] ?? 0;
  }

  occasion(place: number): Occasion {
    return this.#known[this.#occasions[place]];
  }

  /** The same with twice as many places. */
  grown(): DecisionGeneration {
    const larger = new DecisionGeneration(this.#n.length * 2, this.#places.seed, this.#reasons !== null, this.#known);
    larger.#sinceMs = this.#sinceMs;
    for (const [cause, code] of this.#latest) larger.#latest.set(cause, code);
    for (const [key, code] of this.#latestOfRoots) larger.#latestOfRoots.set(key, code);
    larger.#rootOccasions = this.#rootOccasions;
    this.#places.forEach((ids, place) => larger.#write(ids, place * traceIdWords, this.#n[place], this.reason(place), this.#occasions[place]));
    return larger;
  }

  #write(ids: Uint32Array, at: number, n: bigint, reason: number, occasion: number): void {
    const place = this.#places.add(ids, at);
    this.#n[place] = n;
    this.#occasions[place] = occasion;
    if (this.#reasons !== null) this.#reasons[place] = reason;
  }

  /** Where there are no more codes for roots, nobody knows what they said. */
  #codeOfRoot(occasion: Occasion): number {
    const key = `${occasion.partial}/${occasion.rootN}`;
    const latest = this.#latestOfRoots.get(key);
    if (latest !== undefined && this.#known[latest].atMs === occasion.atMs) return latest;
    if (this.#rootOccasions >= rootOccasionsMax || this.#known.length > occasionsMax) return this.#codeOf({ ...occasion, rootN: 0n });
    this.#rootOccasions++;
    const code = this.#known.push(occasion) - 1;
    this.#latestOfRoots.set(key, code);
    return code;
  }

  /** Where there are no more codes, the latest of the cause, or the last, speaks for later ones too. */
  #codeOf(occasion: Occasion): number {
    const latest = this.#latest.get(occasion.partial);
    if (latest !== undefined && (this.#known[latest].atMs === occasion.atMs || this.#known.length > occasionsMax)) return latest;
    if (this.#known.length > occasionsMax) return occasionsMax;
    const code = this.#known.push(occasion) - 1;
    this.#latest.set(occasion.partial, code);
    return code;
  }
}
