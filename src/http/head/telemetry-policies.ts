import { createHash } from 'node:crypto';
import { rateOf, type Strategy } from '../../head/strategy.ts';

/**
 * The rates as telemetry policies (OTEP 4738): one for each service and operation that is told a rate, `trace` with what it matches and how much of it is kept.
 * Roots alone, whose decision other spans follow. Mode equalizing: all to one threshold, and what is sampled more already stays. The lowest percentage that matches wins, so an operation's, which is less, goes
 * before its service's. Services of which nothing is known match no policy.
 */
export function telemetryPolicies(strategies: readonly Strategy[]): { readonly policies: readonly object[] } {
  return {
    policies: strategies.flatMap((strategy) => [
      policyOf(strategy, null), ...strategy.operations.map(({ operation }) => policyOf(strategy, operation))]),
  };
}

function policyOf(strategy: Strategy, operation: string | null): object {
  const { service, rate, reason } = strategy;
  return {
    id: `thresher-head-${createHash('sha256').update(JSON.stringify([service, operation])).digest('hex').slice(0, 16)}`,
    name: operation === null ? service : `${service}: ${operation}`,
    description: reason,
    enabled: true,
    trace: {
      match: [
        { resource_attribute: { path: ['service.name'] }, exact: service },
        { trace_field: 'TRACE_FIELD_PARENT_SPAN_ID', exists: false },
        ...(operation === null ? [] : [{ trace_field: 'TRACE_FIELD_NAME', exact: operation }]),
      ],
      keep: { percentage: percentOf(operation === null ? rate : rateOf(strategy, operation)), mode: 'SAMPLING_MODE_EQUALIZING' },
    },
  };
}

/** Rates have four digits; so have their percentages. */
function percentOf(rate: number): number {
  return Number((rate * 100).toPrecision(12));
}
