import { nOfTrace, type SimItem } from './items.ts';
import { fallback } from './policies.ts';
import { reliefProbabilityMin } from './process.ts';
import { probabilityOf } from '../../../src/sampling/probability.ts';
import type { RunRecord } from './simulate.ts';

/** Whether an item that was taken leaves whatever happens: its randomness is within the least probability that anything in the run may give it. */
export function certainOf(run: RunRecord, item: SimItem): boolean {
  const p = leastOf(run, item);
  return p === 1 || (item.trace !== null && nOfTrace(item.trace) <= probabilityOf(p));
}

function leastOf({ scenario, sets, engineErrors }: RunRecord, { signal, class: kind }: SimItem): number {
  const ofPolicies = scenario.policies.map(({ set }) => sets[set].least[signal][kind]);
  const ofStress = [...scenario.stress.map(({ p }) => p), scenario.relief === null ? 1 : reliefProbabilityMin];
  const ofAge = signal === 'logs' || scenario.pastHorizon === 'policy' ? 1 : scenario.pastHorizon === 'drop' ? 0 : fallback;
  return Math.min(1, ...ofPolicies, ...ofStress, ofAge, engineErrors > 0 ? fallback : 1);
}
