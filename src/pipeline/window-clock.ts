/**
 * Cuts time into slots of one length, counted from the epoch. A window is a slot together with what is needed of the
 * slots after it: it may close once `waitMs` have gone by since its slot's end.
 */
export class WindowClock {
  readonly lengthNano: bigint;
  readonly waitNano: bigint;

  constructor(lengthMs: number, waitMs: number) {
    this.lengthNano = BigInt(Math.round(lengthMs * 1e6));
    this.waitNano = BigInt(Math.round(waitMs * 1e6));
  }

  /** Number of the slot that a time (ns since the epoch) falls into. */
  slotOf(unixNano: bigint): number {
    return Number(unixNano / this.lengthNano);
  }

  startOf(slot: number): bigint {
    return BigInt(slot) * this.lengthNano;
  }

  /** Whether window `slot` may close when time has come to `unixNano`. */
  isDue(slot: number, unixNano: bigint): boolean {
    return unixNano >= this.startOf(slot + 1) + this.waitNano;
  }

  /** How long ago (ns) window `slot` became due; 0 where it is not. */
  overdueNano(slot: number, unixNano: bigint): bigint {
    return this.isDue(slot, unixNano) ? unixNano - this.startOf(slot + 1) - this.waitNano : 0n;
  }

  /** Slots after its own that a window can still take spans from. */
  get slotsAfter(): number {
    return Number((this.waitNano + this.lengthNano - 1n) / this.lengthNano);
  }
}
