import { metrics } from '../telemetry/declared.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';

/** What is remembered of decided traces. */
export interface RememberedDecisions {
  readonly count: number;
  /** How far back they reach: less than the horizon where there is no room for all. */
  readonly reachMs: number;
}

/** Publishes it; `remembered` is asked at each reading of the registry. */
export function registerDecisionMetrics(registry: MetricRegistry, remembered: () => RememberedDecisions): void {
  registry.onRead(() => {
    const { count, reachMs } = remembered();
    registry.gauge(metrics.decisionsRemembered).set(count);
    if (Number.isFinite(reachMs)) registry.gauge(metrics.decisionReachSeconds).set(reachMs / 1000);
  });
}
