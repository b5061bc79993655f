import type { OversizeTraces } from './oversize-traces.ts';
import type { SlotRing } from './slot-ring.ts';
import type { WindowClock } from './window-clock.ts';

/** Which traces of an open slot are to be decided before their window. */
export interface EarlyAsk {
  readonly slot: number;
  /** Traces whose root is among the slot's rows before this one; null: none for their root. */
  readonly rootsBefore: number | null;
  /** Traces that have grown too large, four words of each id; empty where there are none. */
  readonly oversize: Uint32Array<ArrayBuffer>;
}

export interface EarlyLookParts {
  readonly ring: SlotRing;
  readonly clock: WindowClock;
  readonly monotonicMs: () => number;
  /** How long a trace waits for the rest of it after its root; null where that is not asked for. */
  readonly waitAfterRootMs: number | null;
  /** Null where traces have no limits. */
  readonly oversize: OversizeTraces | null;
}

/** Looks for large traces are this far apart at least, and take at most this share of the time. */
const lookEveryMs = 1000;
const shareMax = 0.1;

const noIds = new Uint32Array(0);

/** When which slot is looked into: once for its roots, and for large traces as they grow, but not all the time. */
export class EarlyLooks {
  readonly #parts: EarlyLookParts;
  /** Rows that each slot had when it was first seen to have ended, and when (ns) that was. */
  readonly #ended = new Map<number, { readonly rows: number; readonly atNano: bigint; isLooked: boolean }>();
  #nextMs = -Infinity;
  #againMs = -Infinity;

  constructor(parts: EarlyLookParts) {
    this.#parts = parts;
  }

  /** The next slot to look into at `unixNano`; null where there is none. */
  next(unixNano: bigint): EarlyAsk | null {
    const { ring, oversize, monotonicMs } = this.#parts;
    if (monotonicMs() < this.#againMs) return null;
    const open = ring.numbers.filter((slot) => slot >= ring.firstOpen);
    const rooted = this.#rooted(open, unixNano);
    if (rooted !== null) return { ...rooted, oversize: oversize?.take(rooted.slot) ?? noIds };
    if (oversize === null || monotonicMs() < this.#nextMs) return null;
    for (const slot of oversize.slots) {
      const ids = oversize.take(slot);
      if (open.includes(slot)) return { slot, rootsBefore: null, oversize: ids };
    }
    return null;
  }

  /** A look took so long. */
  took(elapsedMs: number): void {
    this.#nextMs = this.#parts.monotonicMs() + Math.max(lookEveryMs, elapsedMs * (1 / shareMax - 1));
  }

  /** What an ask that came to nothing was for is asked again, not at once; roots only where `withRoots`, else they wait for their window. */
  again({ slot, rootsBefore, oversize }: EarlyAsk, withRoots: boolean): void {
    const ended = this.#ended.get(slot);
    if (withRoots && rootsBefore !== null && ended !== undefined) ended.isLooked = false;
    this.#againMs = this.#parts.monotonicMs() + lookEveryMs;
    for (let at = 0; at < oversize.length; at += 4) this.#parts.oversize?.add(slot, oversize, at);
  }

  /** The first slot whose roots of its own time have rested. */
  #rooted(open: readonly number[], unixNano: bigint): Pick<EarlyAsk, 'slot' | 'rootsBefore'> | null {
    const { ring, clock, waitAfterRootMs } = this.#parts;
    if (waitAfterRootMs === null) return null;
    const waitNano = BigInt(Math.round(waitAfterRootMs * 1e6));
    for (const slot of this.#ended.keys()) if (slot < ring.firstOpen) this.#ended.delete(slot);
    for (const slot of open) {
      if (unixNano < clock.startOf(slot + 1)) continue;
      const ended = this.#ended.get(slot) ?? { rows: ring.get(slot)?.rows.rowCount ?? 0, atNano: unixNano, isLooked: false };
      this.#ended.set(slot, ended);
      if (ended.isLooked || unixNano < ended.atNano + waitNano) continue;
      ended.isLooked = true;
      return { slot, rootsBefore: ended.rows };
    }
    return null;
  }
}
