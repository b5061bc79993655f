/** Ids below this are looked up in an array whatever their number; all u16 ids are. */
const denseAlways = 1 << 16;

/**
 * Numbers by id. Ids are about as small as they are many, and then looked up in an array; a few that are far larger go to a
 * map, so that one id of 4 billion does not cost 16 GB.
 */
export class RowById {
  readonly #dense: Int32Array;
  #sparse: Map<number, number> | null = null;

  /** `idMax`: the greatest id to come, `count`: how many. */
  constructor(idMax: number, count: number) {
    this.#dense = new Int32Array(Math.min(idMax + 1, Math.max(denseAlways, count * 8))).fill(-1);
  }

  set(id: number, row: number): void {
    if (id < this.#dense.length) this.#dense[id] = row;
    else (this.#sparse ??= new Map()).set(id, row);
  }

  /** The number that was last set for the id, or -1. */
  get(id: number): number {
    return id < this.#dense.length ? this.#dense[id] : this.#sparse?.get(id) ?? -1;
  }
}

/** The greatest of some ids; -1 where there are none. */
export function greatestId(ids: Uint32Array): number {
  let max = -1;
  for (let i = 0; i < ids.length; i++) if (ids[i] > max) max = ids[i];
  return max;
}
