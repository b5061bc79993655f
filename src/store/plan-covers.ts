import { sameKey, type ReadKey } from './same-key.ts';
import type { SlotPlan } from './slot-plan.ts';

/** Whether slots of `plan` hold all that `needed` asks for, so that policies with the plan `needed` can read them. Names of key columns may differ. */
export function planCovers(plan: SlotPlan, needed: SlotPlan): boolean {
  return needed.fields.every((name) => plan.fields.includes(name))
    && hasKeys(plan.keys, needed.keys)
    && needed.children.every(({ child, keys }) => plan.children.some((known) => known.child === child && hasKeys(known.keys, keys)))
    && needed.stars.every(({ star, keys }) => plan.stars.some((known) => known.star === star && hasStarKeys(known.keys, keys)));
}

function hasKeys(known: readonly ReadKey[], needed: readonly ReadKey[]): boolean {
  return needed.every((key) => known.some((candidate) => sameKey(candidate, key)));
}

function hasStarKeys(known: readonly string[] | 'all', needed: readonly string[] | 'all'): boolean {
  if (known === 'all') return true;
  return needed !== 'all' && needed.every((key) => known.includes(key));
}
