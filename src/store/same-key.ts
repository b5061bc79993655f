import type { KeyColumn } from './key-columns.ts';
import type { SlotPlan } from './slot-plan.ts';

/** An attribute key as it is read, without the name of the column that holds it, which differs from slot to slot. */
export type ReadKey = Omit<KeyColumn, 'column'>;

export function sameKey(a: ReadKey, b: ReadKey): boolean {
  return a.source === b.source && a.key === b.key && a.type === b.type;
}

/** The column of a key in slots of a plan; null where the plan does not project it. */
export function keyColumnIn(plan: Pick<SlotPlan, 'keys'>, key: ReadKey): KeyColumn | null {
  return plan.keys.find((candidate) => sameKey(candidate, key)) ?? null;
}
