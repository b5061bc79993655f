import type { OversizeTraces } from './oversize-traces.ts';
import { QuietSlots, type SessionOptions } from './quiet-slots.ts';
import type { SlotRing } from './slot-ring.ts';
import type { WindowClock } from './window-clock.ts';

/** Which traces of an open slot are to be decided before their window. */
export interface EarlyAsk {
  readonly slot: number;
  /** Traces whose root is among the slot's rows before this one; null: none for their root. */
  readonly rootsBefore: number | null;
  /** Traces without a row from this one on have ended; null: none are decided for that. */
  readonly quietBefore: number | null;
  /** Traces that have grown too large, four words of each id; empty where there are none. */
  readonly oversize: Uint32Array<ArrayBuffer>;
  /** Of all its traces, those whose outcome can no longer change, and no others. */
  readonly isAtOnce: boolean;
}

export interface EarlyLookParts {
  readonly ring: SlotRing;
  readonly clock: WindowClock;
  readonly monotonicMs: () => number;
  /** How long a trace waits for the rest of it after its root; null where that is not asked for. */
  readonly waitAfterRootMs: number | null;
  /** Null where traces have no limits. */
  readonly oversize: OversizeTraces | null;
  /** Whether traces are decided whose outcome can no longer change. */
  readonly isAtOnce: boolean;
  /** Null where traces are not waited for while they grow. */
  readonly sessions: SessionOptions | null;
}

/**
 * Looks for large traces, and rounds of looks for those whose outcome is certain, are this far apart at least; they take at most this share of the time, and so do looks for traces
 * that have ended.
 */
const lookEveryMs = 1000;
const shareMax = 0.1;

const noIds = new Uint32Array(0);
const noCause = { rootsBefore: null, quietBefore: null, oversize: noIds, isAtOnce: false };

/** When which slot is looked into: once for its roots, and for large traces and those whose outcome is certain as they grow, but not all the time. */
export class EarlyLooks {
  readonly #parts: EarlyLookParts;
  /** Rows that each slot had when it was first seen to have ended, and when (ns) that was. */
  readonly #ended = new Map<number, { readonly rows: number; readonly atNano: bigint; isLooked: boolean }>();
  /** Rows that each slot had when it was last looked into for outcomes that are certain. */
  readonly #looked = new Map<number, number>();
  /** Slots that are yet to be looked into for that, ascending. */
  #round: number[] = [];
  readonly #quiet: QuietSlots | null;
  #spentMs = 0;
  #quietNextMs = -Infinity;
  #nextMs = -Infinity;
  #againMs = -Infinity;

  constructor(parts: EarlyLookParts) {
    this.#parts = parts;
    this.#quiet = parts.sessions === null ? null : new QuietSlots(parts.ring, parts.clock, parts.sessions);
  }

  /** The next slot to look into at `unixNano`; null where there is none. */
  next(unixNano: bigint): EarlyAsk | null {
    const { ring, oversize, monotonicMs } = this.#parts;
    if (monotonicMs() < this.#againMs) return null;
    const open = ring.numbers.filter((slot) => slot >= ring.firstOpen);
    const rooted = this.#rooted(open, unixNano);
    const ripe = rooted ?? (monotonicMs() < this.#quietNextMs ? null : this.#quiet?.next(open, unixNano)) ?? null;
    if (ripe !== null) return { ...noCause, ...ripe, oversize: oversize?.take(ripe.slot) ?? noIds };
    const isTime = monotonicMs() >= this.#nextMs;
    if (isTime) this.#startRound(open);
    for (const slot of isTime ? oversize?.slots ?? [] : []) {
      const ids = oversize?.take(slot) ?? noIds;
      if (open.includes(slot)) return { ...noCause, slot, oversize: ids };
    }
    this.#round = this.#round.filter((slot) => open.includes(slot));
    const slot = this.#round.shift();
    if (slot === undefined) return null;
    this.#looked.set(slot, ring.get(slot)?.rows.rowCount ?? 0);
    return { ...noCause, slot, isAtOnce: true };
  }

  /** A look for traces that have ended left so many undecided. */
  left(slot: number, traces: number): void {
    this.#quiet?.left(slot, traces);
  }

  /** A look took so long; those of one kind hold no others up. */
  took({ rootsBefore, quietBefore }: EarlyAsk, elapsedMs: number): void {
    if (quietBefore !== null) this.#quietNextMs = this.#parts.monotonicMs() + elapsedMs * (1 / shareMax - 1);
    if (rootsBefore !== null || quietBefore !== null) return;
    this.#spentMs += elapsedMs;
    this.#nextMs = this.#parts.monotonicMs() + Math.max(lookEveryMs, this.#spentMs * (1 / shareMax - 1));
  }

  /** Slots to which rows came since they were last looked into. */
  #startRound(open: readonly number[]): void {
    const { ring, isAtOnce } = this.#parts;
    this.#spentMs = 0;
    if (!isAtOnce) return;
    for (const slot of this.#looked.keys()) if (!open.includes(slot)) this.#looked.delete(slot);
    this.#round = open.filter((slot) => (ring.get(slot)?.rows.rowCount ?? 0) > (this.#looked.get(slot) ?? 0));
  }

  /** What an ask that came to nothing was for is asked again, not at once; roots only where `withRoots`, else they wait for their window. */
  again({ slot, rootsBefore, quietBefore, oversize, isAtOnce }: EarlyAsk, withRoots: boolean): void {
    if (quietBefore !== null) this.#quiet?.again(slot);
    if (isAtOnce) this.#looked.delete(slot);
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
