import { TWO_56 } from '../sampling/word56.ts';
import type { PartialCause } from '../sampling/partial.ts';
import type { Session } from '../store/duckdb.ts';
import { Slot } from '../store/slot.ts';
import type { SlotPlan } from '../store/slot-plan.ts';

/** The open slots of one signal, by slot number, in order. */
export class SlotRing {
  readonly #session: Session;
  readonly #prefix: string;
  readonly #slots = new Map<number, Slot>();
  readonly #creating = new Map<number, { readonly plan: SlotPlan; readonly slot: Promise<Slot> }>();
  readonly #early = new Map<number, PartialCause>();
  #plan: SlotPlan;
  #created = 0;
  #firstOpen = 0;
  #nMax = TWO_56;
  readonly #settles: boolean;

  /** `settles`: tables of slots are spilled, so that those that get little any more are to be ready for it. */
  constructor(session: Session, prefix: string, plan: SlotPlan, settles = false) {
    this.#settles = settles;
    this.#session = session;
    this.#prefix = prefix;
    this.#plan = plan;
  }

  get plan(): SlotPlan {
    return this.#plan;
  }

  /** Slots created from now on have this plan. */
  usePlan(plan: SlotPlan): void {
    this.#plan = plan;
  }

  /** Plans of the slots numbered within [first, last], those that are being created with them. */
  plansOf(first = 0, last = Infinity): readonly SlotPlan[] {
    return [...this.#slots, ...this.#creating].flatMap(([number, { plan }]) => (number >= first && number <= last ? [plan] : []));
  }

  /** From now on rows are taken only with an input probability of at most N, which holds for all of each slot that is open. */
  limitInput(n: bigint): void {
    this.#nMax = n;
    for (const [number, slot] of this.#slots) if (number >= this.#firstOpen) slot.limitInput(n);
  }

  /** N of the probability that rows are taken with; 2^56 where all are. */
  get nMax(): bigint {
    return this.#nMax;
  }

  /** The first slot that still takes rows. */
  get firstOpen(): number {
    return this.#firstOpen;
  }

  /** From now on rows for slots before `slot` go to `slot`. */
  closeBefore(slot: number): void {
    this.#firstOpen = Math.max(this.#firstOpen, slot);
  }

  /** The window of a slot is decided before it is due. */
  closesEarly(slot: number, cause: PartialCause): void {
    this.#early.set(slot, cause);
  }

  /** Why the window of a slot is decided before it is due; null where it is not. */
  earlyCause(slot: number): PartialCause | null {
    return this.#early.get(slot) ?? null;
  }

  get(slot: number): Slot | null {
    return this.#slots.get(slot) ?? null;
  }

  /** Numbers of the slots that exist, ascending. */
  get numbers(): number[] {
    return [...this.#slots.keys()].sort((a, b) => a - b);
  }

  /** The lowest number of a slot that exists or is being created, else that of the first that may come. */
  get lowest(): number {
    const known = [...this.#slots.keys(), ...this.#creating.keys()];
    return known.length === 0 ? this.#firstOpen : Math.min(...known);
  }

  get byteLength(): number {
    let bytes = 0;
    for (const slot of this.#slots.values()) bytes += slot.byteLength;
    return bytes;
  }

  /** Bytes of the largest slot's tables. */
  get largestByteLength(): number {
    let bytes = 0;
    for (const slot of this.#slots.values()) bytes = Math.max(bytes, slot.byteLength);
    return bytes;
  }

  /** The slot, created where it does not exist yet. */
  async ensure(slot: number): Promise<Slot> {
    const existing = this.#slots.get(slot);
    if (existing !== undefined) return existing;
    const creating = this.#creating.get(slot) ?? { plan: this.#plan, slot: this.#create(slot).finally(() => this.#creating.delete(slot)) };
    this.#creating.set(slot, creating);
    return creating.slot;
  }

  async drop(slot: number): Promise<void> {
    const existing = this.#slots.get(slot);
    this.#slots.delete(slot);
    this.#early.delete(slot);
    if (existing !== undefined) await existing.drop();
  }

  async #create(number: number): Promise<Slot> {
    const slot = await Slot.create(this.#session, `${this.#prefix}${this.#created++}`, this.#plan);
    slot.limitInput(this.#nMax);
    this.#slots.set(number, slot);
    if (this.#settles) for (const [other, settling] of this.#slots) if (other < number - 1 && other >= this.#firstOpen) settling.settle();
    return slot;
  }
}
