import { samplingFunctions } from '../policy/compile/allowed-functions.ts';
import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { PolicyError } from '../policy/compile/policy-error.ts';
import type { PolicyOutcome } from '../policy/window-policies.ts';
import { fallbackName, type KeepReasons, noReason } from './keep-reasons.ts';

/**
 * How the enforce policies of a window come together. `union`: the greatest probability that any gives (sampling.md, rule 6).
 * `first_match`: that of the first policy, in their order, that names the item, kept or not (rule 7).
 */
export type Combine = 'union' | 'first_match';

export interface Combining {
  readonly combine: Combine;
  /** Where the policies that kept each item are noted; null where nobody asks. */
  readonly reasons: KeepReasons | null;
}

export const plainUnion: Combining = { combine: 'union', reasons: null };

/** Code of what the fallback keeps; null where nobody asks. */
export function fallbackReason({ reasons }: Combining): number | null {
  return reasons?.with(noReason, fallbackName) ?? null;
}

/**
 * Refuses policies that cannot be combined in this way. Under `first_match` a policy must name all that it means, whatever their randomness:
 * one that names only what its sample holds, or only what goes with kept traces, would leave what it drops to the next (1.80 of the
 * truth). The latter may come last. Throws PolicyError `not_allowed`.
 */
export function checkCombination(policies: readonly CompiledPolicy[], combine: Combine): void {
  if (combine === 'union') return;
  const enforced = policies.filter(({ mode }) => mode === 'enforce');
  enforced.forEach((policy, at) => {
    checkNamesAll(policy);
    const isLast = enforced.slice(at + 1).every(({ signal }) => signal !== policy.signal);
    if (isLast || !policy.sides.some(({ side }) => side === 'kept_traces')) return;
    throw new PolicyError(policy.name, 'not_allowed', 'it names only records of kept traces, so first_match would leave those of dropped ones to the next policy', {
      hint: 'put it last, after all other policies for logs',
    });
  });
}

function checkNamesAll({ name, namesOnlySampleOf: sampler }: CompiledPolicy): void {
  if (sampler === null) return;
  const every = samplingFunctions.has(`${sampler}_every`) ? `${sampler}_every, which names every row` : 'a function whose name ends in _every, or a probability';
  throw new PolicyError(name, 'not_allowed', `${sampler} names only what is in its sample, so first_match cannot tell what it dropped from what it does not mean`, { hint: `write ${every}` });
}

/** Policies of a window by what they do, each with its place among all. */
export interface PolicyPlaces {
  readonly enforce: readonly number[];
  readonly shadow: readonly number[];
  readonly drop: readonly number[];
}

/** Sorts policies by their mode. */
export function placesOf(policies: readonly CompiledPolicy[]): PolicyPlaces {
  const of = (mode: CompiledPolicy['mode']): number[] => policies.flatMap((policy, place) => (policy.mode === mode ? [place] : []));
  return { enforce: of('enforce'), shadow: of('shadow'), drop: of('drop') };
}

/** Whether one enforce policy is all there is: nothing has to be combined, and nothing beside what it kept counted. */
export function isSingle(policies: readonly CompiledPolicy[]): boolean {
  return policies.length === 1 && policies[0].mode === 'enforce';
}

/**
 * Runs the policies of a window: drop policies first, then, once `limit` has done what their outcomes say, all others. The outcomes
 * are in the order of the policies.
 */
export async function runByMode<W>(
  policies: readonly CompiledPolicy[], window: W, run: (policy: CompiledPolicy, window: W) => Promise<PolicyOutcome>,
  limit: (drops: ReadonlyMap<number, PolicyOutcome>) => Promise<W>,
): Promise<{ readonly outcomes: readonly PolicyOutcome[]; readonly visible: W }> {
  const { drop } = placesOf(policies);
  const found = new Map<number, PolicyOutcome>();
  for (const place of drop) found.set(place, await run(policies[place], window));
  const visible = drop.length === 0 ? window : await limit(found);
  const outcomes: PolicyOutcome[] = [];
  for (const [place, policy] of policies.entries()) outcomes.push(found.get(place) ?? await run(policy, visible));
  return { outcomes, visible };
}
