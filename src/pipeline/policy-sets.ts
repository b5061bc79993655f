import type { CompiledPolicy } from '../policy/compile/compiled.ts';
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
  #sets: readonly PlannedSet[];
  #plan: SlotPlan;

  constructor(signal: SampledSignal, extraKeys: readonly ReadKey[], first: PolicySet) {
    this.#signal = signal;
    this.#extraKeys = extraKeys;
    this.#sets = [this.#planned(first)];
    this.#plan = this.#sets[0].plan;
  }

  /** What new slots must project. */
  get plan(): SlotPlan {
    return this.#plan;
  }

  /** Generations of the sets that may still decide a window, ascending. */
  get generations(): readonly number[] {
    return this.#sets.map(({ generation }) => generation);
  }

  /**
   * Adds the newest set; `open` are the plans of all open slots. Where too many wait, the one that came just before is left out: the oldest
   * is nearest to its turn, so a stream of changes cannot keep all of them from it.
   */
  add(set: PolicySet, open: readonly SlotPlan[]): void {
    const sets = [...this.#sets, this.#planned(set)];
    if (sets.length > 1 + waitingMax) sets.splice(-2, 1);
    this.#keep(sets, open);
  }

  /** The newest set that slots of all these plans can serve: `window` are those of the slots that a window reads. */
  choose(window: readonly SlotPlan[]): PolicySet {
    return this.#sets.findLast((set) => this.#sets.length === 1 || window.every((plan) => planCovers(plan, set.plan))) ?? this.#sets[0];
  }

  /** Forgets sets that no window can need any more: all before the newest that every open slot can serve. */
  forget(open: readonly SlotPlan[]): void {
    if (this.#sets.length > 1) this.#keep(this.#sets, open);
  }

  #keep(sets: readonly PlannedSet[], open: readonly SlotPlan[]): void {
    const first = sets.findLastIndex((set) => open.every((plan) => planCovers(plan, set.plan)));
    this.#sets = sets.slice(Math.max(first, 0));
    this.#plan = this.#sets.length === 1 ? this.#sets[0].plan : this.#planOf(this.#sets.flatMap(({ policies }) => policies));
  }

  #planned({ generation, policies }: PolicySet): PlannedSet {
    const own = policies.filter((policy) => policy.signal === this.#signal);
    return { generation, policies: own, plan: this.#planOf(own) };
  }

  #planOf(policies: readonly CompiledPolicy[]): SlotPlan {
    return slotPlanOf(this.#signal, policies, this.#extraKeys);
  }
}
