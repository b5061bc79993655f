import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { IsServed, PolicySet, PolicySets } from './policy-sets.ts';
import type { SlotRing } from './slot-ring.ts';

/** What policies read beside the slots of their windows, which must have been kept for them. */
export interface BesideSlots {
  /** Told of all policies that may still decide a window, at the start and whenever they change. */
  use(policies: readonly CompiledPolicy[]): void;
  /** Whether what these policies read is whole for the window of a slot, and so for later ones. */
  serves(policies: readonly CompiledPolicy[], slot: number): boolean;
}

export interface LanePolicyParts {
  readonly ring: SlotRing;
  readonly sets: PolicySets;
  readonly beside: BesideSlots | null;
  /** Told of every set that begins to decide. */
  readonly onInForce: (generation: number) => void;
}

/**
 * Which policies decide the windows of one signal, and what its new slots project, while sets of policies come and go. Slots are
 * never altered: a set decides from the first window on from which all slots have what it reads.
 */
export class LanePolicies {
  readonly #parts: LanePolicyParts;
  #inForce = 0;

  constructor(parts: LanePolicyParts) {
    this.#parts = parts;
    parts.beside?.use(parts.sets.policies);
    this.#announce(parts.sets.generations[0]);
  }

  /** Takes a newer set. It decides at once where every open slot has what it reads, or no slot is open. */
  use(set: PolicySet): void {
    const { sets, ring, beside } = this.#parts;
    beside?.use([...sets.policies, ...set.policies]);
    sets.add(set, ring.plansOf(), this.#servedAt(ring.lowest));
    this.#changed();
    if (sets.generations.length === 1) this.#announce(set.generation);
  }

  /** The policies for the window of a slot: the newest set that can decide it and all windows after it, so that none goes back to an older one. */
  decideBy(slot: number): readonly CompiledPolicy[] {
    const { sets, ring } = this.#parts;
    const set = sets.choose(ring.plansOf(slot), this.#servedAt(slot));
    if (sets.generations.length > 1) {
      sets.forget(ring.plansOf(), this.#servedAt(ring.lowest));
      this.#changed();
    }
    this.#announce(set.generation);
    return set.policies;
  }

  /** The policies of the next window, for a look into any open slot: nothing is decided by them that a later window could not be. */
  lookBy(): readonly CompiledPolicy[] {
    const { sets, ring } = this.#parts;
    return sets.choose(ring.plansOf(), this.#servedAt(ring.lowest)).policies;
  }

  #changed(): void {
    const { sets, ring, beside } = this.#parts;
    ring.usePlan(sets.plan);
    beside?.use(sets.policies);
  }

  #servedAt(slot: number): IsServed {
    const { beside } = this.#parts;
    return (policies) => beside === null || beside.serves(policies, slot);
  }

  #announce(generation: number): void {
    if (generation === this.#inForce) return;
    this.#inForce = generation;
    this.#parts.onInForce(generation);
  }
}
