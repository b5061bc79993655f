import type { GivenItems } from '../given/given-items.ts';
import type { Items } from '../kept-items.ts';
import type { Kept } from './case-run.ts';
import type { Budget, Expectation } from './declaration.ts';
import { byService, keptUnits, type KeptUnit } from './kept-units.ts';
import { exactly, type Expected, meets } from './tolerance.ts';

/** An expectation that was not met. */
export interface Failure {
  /** Where in `expect` it is written, as `items.quick.kept`. */
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

/** Holds what is kept against what is expected, but for `unbiased` and `error`. */
export function checkKept(given: GivenItems, kept: Kept, expect: Expectation): readonly Failure[] {
  const units = keptUnits(given, kept.items);
  return [
    ...expect.kept.flatMap((name) => checkAll(given, units, name, `kept ${name}`)),
    ...expect.dropped.flatMap((name) => checkNumber(ofName(given, units, name).length, exactly(0), `dropped ${name}`, 'kept')),
    ...Object.entries(expect.items).flatMap(([name, wanted]) => checkName(given, units, name, wanted)),
    ...checkSums(kept.items, expect),
    ...(expect.budget === null ? [] : checkBudget(kept, expect.budget)),
  ];
}

type OfName = Expectation['items'][string];

function ofName({ units }: GivenItems, kept: readonly KeptUnit[], name: string): readonly KeptUnit[] {
  return kept.filter(({ unit }) => units?.[unit].name === name);
}

function checkAll(given: GivenItems, kept: readonly KeptUnit[], name: string, path: string): Failure[] {
  const all = (given.units ?? []).flatMap((unit, number) => (unit.name === name ? [number] : []));
  const there = new Set(ofName(given, kept, name).map(({ unit }) => unit));
  const missing = all.filter((unit) => !there.has(unit));
  if (missing.length === 0) return [];
  const which = all.length === 1 ? '' : `; dropped: number ${missing.slice(0, 5).map((unit) => unit - all[0]).join(', ')}${missing.length > 5 ? ', ...' : ''}`;
  return [{ path, expected: all.length === 1 ? 'kept' : `all ${all.length} kept`, got: all.length === 1 ? 'dropped' : `${there.size} kept${which}` }];
}

function checkName(given: GivenItems, kept: readonly KeptUnit[], name: string, wanted: OfName): Failure[] {
  const own = ofName(given, kept, name);
  const path = `items.${name}`;
  const each = (of: (unit: KeptUnit) => number, expected: Expected, key: string): Failure[] => {
    if (own.length === 0) return [{ path: `${path}.${key}`, expected: expected.text, got: 'nothing of it was kept that could say' }];
    const wrong = own.find((unit) => !meets(of(unit), expected));
    return wrong === undefined ? [] : [{ path: `${path}.${key}`, expected: expected.text, got: shownNumber(of(wrong)) }];
  };
  return [
    ...(wanted.kept === 'all' ? checkAll(given, kept, name, `${path}.kept`) : wanted.kept === null ? [] : checkNumber(own.length, wanted.kept, `${path}.kept`, '')),
    ...(wanted.probability === null ? [] : each(({ count }) => 1 / count, wanted.probability, 'probability')),
    ...(wanted.adjustedCount === null ? [] : each(({ count }) => count, wanted.adjustedCount, 'adjusted_count')),
    ...(wanted.estimate === null ? [] : checkNumber(own.reduce((sum, { count }) => sum + count, 0), wanted.estimate, `${path}.estimate`, '')),
    ...(wanted.policies.length === 0 ? [] : checkPolicies(own, wanted.policies.join(','), path)),
    ...(wanted.hasThreshold === null ? [] : checkThresholds(own, wanted.hasThreshold, path)),
  ];
}

function checkPolicies(own: readonly KeptUnit[], wanted: string, path: string): Failure[] {
  const wrong = own.find(({ policies }) => policies !== wanted);
  return wrong === undefined ? [] : [{ path: `${path}.policies`, expected: wanted, got: wrong.policies }];
}

function checkThresholds(own: readonly KeptUnit[], wanted: boolean, path: string): Failure[] {
  const wrong = own.filter(({ hasThreshold }) => hasThreshold !== wanted).length;
  return wrong === 0 ? [] : [{ path: `${path}.has_threshold`, expected: String(wanted), got: `${wrong} of ${own.length} kept ones ${wanted ? 'without' : 'with'} a threshold` }];
}

function checkSums(kept: readonly Items[], { services, traces, spans, logs }: Expectation): Failure[] {
  const sumsOf = byService(kept);
  const all = (signal: Items['signal']): { items: number; estimate: number } => {
    const sums = [...byService(kept.filter((items) => items.signal === signal)).values()];
    return { items: sums.reduce((sum, { items }) => sum + items, 0), estimate: sums.reduce((sum, { estimate }) => sum + estimate, 0) };
  };
  const check = (found: { readonly items: number; readonly estimate: number }, wanted: Expectation['spans'], path: string): Failure[] => (wanted === null ? [] : [
    ...(wanted.kept === null ? [] : checkNumber(found.items, wanted.kept, `${path}.kept`, '')),
    ...(wanted.estimate === null ? [] : checkNumber(found.estimate, wanted.estimate, `${path}.estimate`, '')),
  ]);
  return [
    ...Object.entries(services).flatMap(([service, wanted]) => check(sumsOf.get(service) ?? { items: 0, estimate: 0 }, wanted, `services.${service}`)),
    ...check(traceSums(kept), traces, 'traces'),
    ...check(all('traces'), spans, 'spans'),
    ...check(all('logs'), logs, 'logs'),
  ];
}

function traceSums(kept: readonly Items[]): { readonly items: number; readonly estimate: number } {
  const counts = new Map<string, number>();
  for (const { signal, count, traceIds, counts: own } of kept) {
    if (signal !== 'traces') continue;
    for (let row = 0; row < count; row++) counts.set(traceIds[row], Math.min(counts.get(traceIds[row]) ?? Infinity, own[row]));
  }
  return { items: counts.size, estimate: [...counts.values()].reduce((sum, count) => sum + count, 0) };
}

function checkBudget({ windows }: Kept, budget: Budget): Failure[] {
  const limits = [['traces', budget.traces], ['spans', budget.spans], ['logs', budget.logs], ['bytes', budget.bytes]] as const;
  const numbers = [...windows.keys()].sort((a, b) => a - b);
  return limits.flatMap(([what, limit]) => (limit === null ? [] : [...windows].flatMap(([slot, sums]): Failure[] => {
    const used = what === 'traces' ? sums.traces.size : sums[what];
    return used <= limit ? [] : [{ path: `budget.${what}`, expected: `at most ${limit}`, got: `${used} in window ${numbers.indexOf(slot)}` }];
  })));
}

function checkNumber(value: number, expected: Expected, path: string, unit: string): Failure[] {
  return meets(value, expected) ? [] : [{ path, expected: `${expected.text}${unit === '' ? '' : ` ${unit}`}`, got: shownNumber(value) }];
}

/** A number, short. */
export function shownNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}
