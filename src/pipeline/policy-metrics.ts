import { messageOf } from '../base/errors.ts';
import type { HistoryOutcome } from '../policy/history.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { metrics } from '../telemetry/declared.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import type { PolicyCounts } from './policy-counts.ts';
import { failureText, reasonOfFailure } from './policy-counts-of.ts';
import type { WindowDecision } from './window-decision.ts';

/** Adds what each policy of a window came to, to the metrics; a policy that failed is logged. */
export function countPolicies(registry: MetricRegistry, log: Logger, signal: SampledSignal, { outcomes, policies }: WindowDecision): void {
  for (const counts of policies) addCounts(registry, signal, counts);
  for (const { policy, history } of outcomes) if (history !== undefined && history !== null) addHistory(registry, log, policy.name, history);
  for (const outcome of outcomes) {
    if (outcome.picks !== null) continue;
    log.error('policy_failed', failureText(outcome), { signal, policy: outcome.policy.name, code: reasonOfFailure(outcome.error) });
  }
}

function addCounts(registry: MetricRegistry, signal: SampledSignal, { name: policy, mode, error, ...counts }: PolicyCounts): void {
  const labels = { signal, policy, mode };
  registry.counter(metrics.policyWindows).add(1, labels);
  registry.counter(metrics.policyUnitsNamed).add(counts.named, labels);
  registry.counter(metrics.policyOversize).add(counts.oversize, labels);
  registry.counter(metrics.policyItemsKept).add(counts.kept, labels);
  registry.counter(metrics.policyBytesKept).add(counts.bytes, labels);
  registry.counter(metrics.policyItemsEstimated).add(counts.estimate, labels);
  registry.counter(metrics.policyItemsMarginal).add(counts.marginal, labels);
  registry.histogram(metrics.policySeconds).observe(counts.elapsedMs / 1000, { policy });
  if (error !== null) registry.counter(metrics.policyFailures).add(1, { policy, reason: error });
}

function addHistory(registry: MetricRegistry, log: Logger, policy: string, { keys, forgottenKeys, error }: HistoryOutcome): void {
  registry.counter(metrics.historyKeys).add(keys, { policy, outcome: 'remembered' });
  registry.counter(metrics.historyKeys).add(forgottenKeys, { policy, outcome: 'forgotten' });
  if (error === null) return;
  registry.counter(metrics.historyFailures).add(1, { policy });
  log.warn('history_failed', `nothing of a window is remembered for policy ${policy}: ${messageOf(error)}`, { policy });
}

/** Whether the fallback had a say in a window: an enforce policy failed, or the engine, or there was no policy. */
export function isByFallback({ outcomes }: WindowDecision): boolean {
  return outcomes.length === 0 || outcomes.some(({ policy, picks }) => picks === null && policy.mode === 'enforce');
}
