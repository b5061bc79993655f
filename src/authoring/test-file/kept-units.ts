import type { GivenItems } from '../given/given-items.ts';
import type { Items } from '../kept-items.ts';

/** A given trace or log record that was kept. */
export interface KeptUnit {
  readonly unit: number;
  /** Adjusted count; of a trace the least that its spans have. */
  readonly count: number;
  /** Whether each of its items leaves with a threshold. */
  readonly hasThreshold: boolean;
  /** The policies that kept it, comma separated. */
  readonly policies: string;
}

/** Kept items by the given units that they belong to; items of captures belong to none. */
export function keptUnits(given: GivenItems, kept: readonly Items[]): readonly KeptUnit[] {
  const found = new Map<number, { unit: number; count: number; hasThreshold: boolean; policies: string }>();
  for (const items of kept) {
    for (let row = 0; row < items.count; row++) {
      const unit = items.spanIds === null ? given.unitOfMark.get(items.marks?.[row] ?? 0) : given.unitOfSpan.get(items.spanIds[row]);
      if (unit === undefined) continue;
      const known = found.get(unit) ?? { unit, count: Infinity, hasThreshold: true, policies: items.policies[row] };
      known.count = Math.min(known.count, items.counts[row]);
      known.hasThreshold &&= items.thresholds[row] !== null;
      found.set(unit, known);
    }
  }
  return [...found.values()];
}

/** Adds up items by service: how many, and what they stand for. */
export function byService(kept: readonly Items[]): ReadonlyMap<string, { items: number; estimate: number }> {
  const sums = new Map<string, { items: number; estimate: number }>();
  for (const { count, services, counts } of kept) {
    for (let row = 0; row < count; row++) {
      const known = sums.get(services[row]) ?? { items: 0, estimate: 0 };
      known.items++;
      known.estimate += counts[row];
      sums.set(services[row], known);
    }
  }
  return sums;
}
