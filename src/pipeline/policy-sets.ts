import type { CompiledPolicy, ViewReads } from '../policy/compile/compiled.ts';
import { slotPlanOf } from '../policy/slot-plan-of.ts';
import { planCovers } from '../store/plan-covers.ts';
import type { ReadKey } from '../store/same-key.ts';
import type { SampledSignal, SlotPlan } from '../store/slot-plan.ts';

/** Policies that were loaded together; a window is decided by one such set and no other. */
export interface PolicySet {
  /** Counts the sets that were loaded, from 1. */
  readonly generation: number;
  readonly policies: readonly CompiledPolicy[];
}

/** Whether what policies read beside their slots is there. */
export type IsServed = (policies: readonly CompiledPolicy[]) => boolean;

const alwaysServed: IsServed = () => true;

/** Sets that wait at once, at most. */
const waitingMax = 2;

interface PlannedSet extends PolicySet {
  readonly plan: SlotPlan;
}

/**
 * The policy sets of one signal: one that every open slot can serve, then those that wait for slots with what they read, oldest
 * first. A new slot projects what all of them read, so the first set can decide any window until a later one can decide them all.
 */
export class PolicySets {
  readonly #signal: SampledSignal;
  readonly #extraKeys: readonly ReadKey[];
  readonly #ownViews: readonly ViewReads[];
  #sets: readonly PlannedSet[];
  #plan: SlotPlan;

  /** `ownViews` are what the processor itself reads of them, whatever the policies do. */
  constructor(signal: SampledSignal, extraKeys: readonly ReadKey[], first: PolicySet, ownViews: readonly ViewReads[] = []) {
    this.#signal = signal;
    this.#extraKeys = extraKeys;
    this.#ownViews = ownViews;
    this.#sets = [this.#planned(first)];
    this.#plan = this.#sets[0].plan;
  }

  /** What new slots must project. */
  get plan(): SlotPlan {
    return this.#plan;
  }

  /** Of all sets that may still decide a window. */
  get policies(): readonly CompiledPolicy[] {
    return this.#sets.flatMap(({ policies }) => policies);
  }

  /** Generations of the sets that may still decide a window, ascending. */
  get generations(): readonly number[] {
    return this.#sets.map(({ generation }) => generation);
  }

  /**
   * Adds the newest set; `open` are the plans of all open slots, and `isServed` is for the first of them. Where too many wait, the one that came just before is left out: the oldest
   * is nearest to its turn, so a stream of changes cannot keep all of them from it.
   */
  add(set: PolicySet, open: readonly SlotPlan[], isServed = alwaysServed): void {
    const sets = [...this.#sets, this.#planned(set)];
    if (sets.length > 1 + waitingMax) sets.splice(-2, 1);
    this.#keep(sets, open, isServed);
  }

  /** The newest set that slots of all these plans can serve: `window` are those of the slots that a window reads. */
  choose(window: readonly SlotPlan[], isServed = alwaysServed): PolicySet {
    return this.#sets.findLast((set) => this.#sets.length === 1 || isFor(set, window, isServed)) ?? this.#sets[0];
  }

  /** Forgets sets that no window can need any more: all before the newest that every open slot can serve. */
  forget(open: readonly SlotPlan[], isServed = alwaysServed): void {
    if (this.#sets.length > 1) this.#keep(this.#sets, open, isServed);
  }

  #keep(sets: readonly PlannedSet[], open: readonly SlotPlan[], isServed: IsServed): void {
    const first = sets.findLastIndex((set) => isFor(set, open, isServed));
    this.#sets = sets.slice(Math.max(first, 0));
    this.#plan = this.#sets.length === 1 ? this.#sets[0].plan : this.#planOf(this.policies);
  }

  #planned({ generation, policies }: PolicySet): PlannedSet {
    const own = policies.filter((policy) => policy.signal === this.#signal);
    return { generation, policies: own, plan: this.#planOf(own) };
  }

  #planOf(policies: readonly CompiledPolicy[]): SlotPlan {
    return slotPlanOf(this.#signal, policies, this.#extraKeys, this.#ownViews);
  }
}

function isFor({ plan, policies }: PlannedSet, slots: readonly SlotPlan[], isServed: IsServed): boolean {
  return slots.every((held) => planCovers(held, plan)) && isServed(policies);
}
