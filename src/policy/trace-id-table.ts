/** A trace id as four 32-bit words in DuckDB's order, lowest word first. */
export const traceIdWords = 4;

/**
 * Trace ids in places of an array, by open addressing with linear probing; whoever owns the table keeps values by place. It does not
 * grow: at a load of one half it is full. 17 bytes a place.
 */
export class TraceIdTable {
  readonly seed: number;
  readonly #mask: number;
  readonly #ids: Uint32Array;
  readonly #used: Uint8Array;
  #size = 0;

  /** `places`: a power of two. `seed` keys the hash against ids made to collide. */
  constructor(places: number, seed: number) {
    this.seed = seed;
    this.#mask = places - 1;
    this.#ids = new Uint32Array(places * traceIdWords);
    this.#used = new Uint8Array(places);
  }

  get size(): number {
    return this.#size;
  }

  get places(): number {
    return this.#used.length;
  }

  get isFull(): boolean {
    return this.#size * 2 >= this.#used.length;
  }

  get byteLength(): number {
    return this.#ids.byteLength + this.#used.byteLength;
  }

  /** Place of the id at `ids[at .. at + 4)`, -1 where it is not there. */
  find(ids: Uint32Array, at: number): number {
    if (this.#size === 0) return -1;
    const place = this.#probe(ids, at);
    return this.#used[place] === 0 ? -1 : place;
  }

  /** Place of the id, which is added where it is not there. Only while the table is not full. */
  add(ids: Uint32Array, at: number): number {
    const place = this.#probe(ids, at);
    if (this.#used[place] === 0) {
      for (let word = 0; word < traceIdWords; word++) this.#ids[place * traceIdWords + word] = ids[at + word];
      this.#used[place] = 1;
      this.#size++;
    }
    return place;
  }

  /** Calls `visit(ids, place)` for each; its id stands at `ids[place * 4]`. */
  forEach(visit: (ids: Uint32Array, place: number) => void): void {
    for (let place = 0; place < this.#used.length; place++) if (this.#used[place] !== 0) visit(this.#ids, place);
  }

  /** The place that holds the id, or the free one where it would go. */
  #probe(ids: Uint32Array, at: number): number {
    let place = hash(ids, at, this.seed) & this.#mask;
    while (this.#used[place] !== 0 && !this.#equals(place * traceIdWords, ids, at)) place = (place + 1) & this.#mask;
    return place;
  }

  #equals(own: number, ids: Uint32Array, at: number): boolean {
    const known = this.#ids;
    return known[own] === ids[at] && known[own + 1] === ids[at + 1] && known[own + 2] === ids[at + 2] && known[own + 3] === ids[at + 3];
  }
}

/**
 * Trace ids need not be random (sequential test ids, old generators), and may be made to collide: each word is mixed with all before
 * it and the seed by a bijection that no difference passes unchanged, so that whoever does not know the seed finds no collisions.
 */
function hash(ids: Uint32Array, at: number, seed: number): number {
  return mixed(mixed(mixed(mixed(seed ^ ids[at]) ^ ids[at + 1]) ^ ids[at + 2]) ^ ids[at + 3]) >>> 0;
}

function mixed(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}
