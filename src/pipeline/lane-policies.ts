import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import type { PolicySet, PolicySets } from './policy-sets.ts';
import type { SlotRing } from './slot-ring.ts';

/**
 * Which policies decide the windows of one signal, and what its new slots project, while sets of policies come and go. Slots are
 * never altered: a set decides from the first window on whose slots all have what it reads.
 */
export class LanePolicies {
  readonly #ring: SlotRing;
  readonly #sets: PolicySets;
  readonly #readsLater: boolean;
  readonly #onInForce: (generation: number) => void;
  #inForce = 0;

  /** Windows of traces read later slots than their own, those of logs do not. `onInForce` is told of every set that begins to decide. */
  constructor(signal: SampledSignal, ring: SlotRing, sets: PolicySets, onInForce: (generation: number) => void) {
    this.#ring = ring;
    this.#sets = sets;
    this.#readsLater = signal === 'traces';
    this.#onInForce = onInForce;
    this.#announce(sets.generations[0]);
  }

  /** Takes a newer set. It decides at once where every open slot has what it reads, or no slot is open. */
  use(set: PolicySet): void {
    this.#sets.add(set, this.#ring.plansOf());
    this.#ring.usePlan(this.#sets.plan);
    if (this.#sets.generations.length === 1) this.#announce(set.generation);
  }

  /** The policies for the window of a slot, by what its slots hold at this moment. */
  decideBy(slot: number): readonly CompiledPolicy[] {
    const set = this.#sets.choose(this.#ring.plansOf(slot, this.#readsLater ? Infinity : slot));
    this.#sets.forget(this.#ring.plansOf());
    this.#ring.usePlan(this.#sets.plan);
    this.#announce(set.generation);
    return set.policies;
  }

  #announce(generation: number): void {
    if (generation === this.#inForce) return;
    this.#inForce = generation;
    this.#onInForce(generation);
  }
}
