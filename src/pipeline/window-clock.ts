import type { WindowBounds } from '../policy/this-window.ts';

/**
 * Cuts time into slots of one length, counted from the epoch. A window is one slot, and may close once `waitMs` have gone by since
 * its end. A stretch whose slot is closed before its end goes on
 * in a slot of the next number, so that numbers run ahead of the epoch's by as many as were cut.
 */
export class WindowClock {
  readonly lengthNano: bigint;
  readonly waitNano: bigint;
  #ahead = 0;
  /** The last slot that was closed before its stretch was over. */
  #cut: (WindowBounds & { readonly slot: number }) | null = null;

  constructor(lengthMs: number, waitMs: number) {
    this.lengthNano = BigInt(Math.round(lengthMs * 1e6));
    this.waitNano = BigInt(Math.round(waitMs * 1e6));
  }

  /** Number of the slot that a time (ns since the epoch) falls into. */
  slotOf(unixNano: bigint): number {
    return Number(unixNano / this.lengthNano) + this.#ahead;
  }

  /** When the stretch of a slot starts; of slots from the last cut on. */
  startOf(slot: number): bigint {
    return BigInt(slot - this.#ahead) * this.lengthNano;
  }

  /** Whether window `slot` may close when time has come to `unixNano`. */
  isDue(slot: number, unixNano: bigint): boolean {
    return unixNano >= this.dueAt(slot);
  }

  /** When window `slot` may close. */
  dueAt(slot: number): bigint {
    return this.startOf(slot + 1) + this.waitNano;
  }

  /** How long ago (ns) window `slot` became due; 0 where it is not. */
  overdueNano(slot: number, unixNano: bigint): bigint {
    return this.isDue(slot, unixNano) ? unixNano - this.dueAt(slot) : 0n;
  }

  /** Slots after its own that a window can still take spans from. */
  get slotsAfter(): number {
    return Number((this.waitNano + this.lengthNano - 1n) / this.lengthNano);
  }

  /** Slot `slot`, the earliest that is open, takes no more from `unixNano` on. */
  cut(slot: number, unixNano: bigint): void {
    const { startNano, endNano } = this.boundsOf(slot);
    if (unixNano > startNano && unixNano < endNano) this.#cut = { slot, startNano, endNano: unixNano };
  }

  /** Once all slots before `slot` are decided: what comes at `unixNano` goes to it, if not to a later one. */
  resume(slot: number, unixNano: bigint): void {
    this.#ahead += Math.max(0, slot - this.slotOf(unixNano));
  }

  /** From when to when the rows of a slot came, as far as the clock says. */
  boundsOf(slot: number): WindowBounds {
    if (this.#cut?.slot === slot) return this.#cut;
    return { startNano: this.#cut?.slot === slot - 1 ? this.#cut.endNano : this.startOf(slot), endNano: this.startOf(slot + 1) };
  }
}
