import type { KeyColumn } from '../store/key-columns.ts';
import { type ReadKey, sameKey } from '../store/same-key.ts';
import type { ChildPlan, SampledSignal, SlotPlan, StarPlan, StarTable } from '../store/slot-plan.ts';
import { needsOf, type ViewUse } from '../store/window-views.ts';
import type { CompiledPolicy, ViewReads } from './compile/compiled.ts';

/**
 * What slots must project so that all these policies of one signal can run: the union of what they read, and
 * `extraKeys` and `ownViews` that the processor itself reads.
 */
export function slotPlanOf(signal: SampledSignal, policies: readonly CompiledPolicy[], extraKeys: readonly ReadKey[] = [], ownViews: readonly ViewReads[] = []): SlotPlan {
  const fields = new Set<string>();
  const keys: ReadKey[] = [...extraKeys];
  const views = [...ownViews, ...policies.flatMap(viewsOf)];
  for (const reads of views) {
    if (reads.view === 'span_events' || reads.view === 'span_links') continue;
    const needs = needsOf(reads.view, reads);
    needs.fields.forEach((name) => fields.add(name));
    keys.push(...needs.keys);
  }
  const stars = starPlans(policies);
  return {
    signal,
    fields: [...fields].sort(),
    keys: keyColumns(keys, 'a'),
    children: childPlans(views, stars),
    stars,
  };
}

/** What a policy reads of views, and what its history does. */
function viewsOf({ views, history }: CompiledPolicy): readonly ViewReads[] {
  return history === null ? views : [...views, ...history.views];
}

function keyColumns(keys: readonly ReadKey[], prefix: string): KeyColumn[] {
  const unique: ReadKey[] = [];
  for (const key of keys) if (!unique.some((known) => sameKey(known, key))) unique.push(key);
  return unique.map(({ source, key, type }, index) => ({ source, key, type, column: `${prefix}${index}` }));
}

function childPlans(views: readonly ViewReads[], stars: readonly StarPlan[]): ChildPlan[] {
  return (['span_events', 'span_links'] as const).flatMap((child) => {
    const reads = views.filter((candidate) => candidate.view === child);
    const star: StarTable = child === 'span_events' ? 'span_event_attrs' : 'span_link_attrs';
    if (reads.length === 0 && !stars.some((plan) => plan.star === star)) return [];
    return [{ child, keys: keyColumns(reads.flatMap((read) => read.keys), 'a') }];
  });
}

function starPlans(policies: readonly CompiledPolicy[]): StarPlan[] {
  const keysByStar = new Map<StarTable, Set<string> | 'all'>();
  for (const read of policies.flatMap((policy) => policy.stars)) {
    const known = keysByStar.get(read.star);
    if (known === 'all' || read.keys === 'all') keysByStar.set(read.star, 'all');
    else keysByStar.set(read.star, new Set([...(known ?? []), ...read.keys]));
  }
  return [...keysByStar].map(([star, keys]) => ({ star, keys: keys === 'all' ? keys : [...keys].sort() }));
}

/** The union of what policies read of one view. */
export function unionUse(policies: readonly CompiledPolicy[], view: ViewReads['view']): ViewUse {
  const reads = policies.flatMap(viewsOf).filter((candidate) => candidate.view === view);
  return { columns: [...new Set(reads.flatMap((read) => read.columns))], keys: reads.flatMap((read) => read.keys) };
}
