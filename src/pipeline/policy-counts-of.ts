import { messageOf } from '../base/errors.ts';
import { PolicyError } from '../policy/compile/policy-error.ts';
import type { PolicyOutcome } from '../policy/window-policies.ts';
import type { RowRun } from '../store/held-batch.ts';
import type { PolicyCounts } from './policy-counts.ts';

/** What a policy named and kept, before it is told with its name. */
export type KeptCounts = Pick<PolicyCounts, 'named' | 'keptUnits' | 'kept' | 'estimate' | 'marginal'>;

export const noneKept: KeptCounts = { named: 0, keptUnits: 0, kept: 0, estimate: 0, marginal: 0 };

/** Puts counts beside the policy that they are of. */
export function policyCounts({ policy, error, picks, elapsedMs }: PolicyOutcome, counts: KeptCounts, itemBytes: number): PolicyCounts {
  return {
    name: policy.name, mode: policy.mode, ...counts, oversize: oversizeCount(picks), bytes: counts.kept * itemBytes, elapsedMs,
    error: picks === null ? reasonOfFailure(error) : null,
  };
}

function oversizeCount(picks: PolicyOutcome['picks']): number {
  let count = 0;
  for (const one of picks?.split ?? []) count += one;
  return count;
}

/** A stable word for why a policy failed. */
export function reasonOfFailure(error: unknown): string {
  return error instanceof PolicyError ? error.reason : 'failed';
}

/** What failed, in words. */
export function failureText({ policy, error }: PolicyOutcome): string {
  const what = { enforce: 'its items went by the fallback', shadow: 'which changes nothing', drop: 'its ceilings were not applied' }[policy.mode];
  return `policy ${policy.name} failed, ${what}: ${messageOf(error)}`;
}

/** Mean retained bytes of an item: each has its share of its batch's, whatever other slots hold of that. */
export function meanItemBytes(runs: readonly Pick<RowRun, 'batch' | 'count'>[]): number {
  let [bytes, rows] = [0, 0];
  for (const { batch, count } of runs) {
    bytes += (batch.serialisedBytes * count) / batch.rowCount;
    rows += count;
  }
  return rows === 0 ? 0 : bytes / rows;
}
