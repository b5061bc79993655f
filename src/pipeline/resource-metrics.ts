import type { SampledSignal } from '../store/slot-plan.ts';
import { metrics } from '../telemetry/declared.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import { type MemoryBudget, memoryParts } from './memory-budget.ts';
import type { StressRelief } from './stress-relief.ts';

/** What may run full, to be looked up when somebody reads the metrics. All in bytes but `lagMs`. */
export interface Resources {
  readonly memory: Pick<MemoryBudget, 'heldBytes' | 'heldBy' | 'fullness' | 'limitBytes'>;
  /** What the control group or the machine allows the process. */
  readonly grantedBytes: number;
  readonly queues: readonly { readonly name: string; readonly queuedBytes: number; readonly bytesMax: number }[];
  /** How long the oldest window of a signal that is not decided has been due. */
  readonly lagMs: (signal: SampledSignal) => number;
  /** Null where stress is not relieved. */
  readonly stress: Pick<StressRelief, 'probability' | 'pressures'> | null;
}

/** Publishes how full memory and queues are, and how late windows. `resources` is asked at each reading of the registry. */
export function registerResourceMetrics(registry: MetricRegistry, resources: () => Resources): void {
  registry.onRead(() => {
    const { memory, grantedBytes, queues, lagMs, stress } = resources();
    if (stress !== null) publishStress(registry, stress);
    registry.gauge(metrics.memoryHeldBytes).set(memory.heldBytes);
    for (const part of memoryParts) registry.gauge(metrics.memoryPartBytes).set(memory.heldBy(part), { part });
    registry.gauge(metrics.memoryFullness).set(memory.fullness);
    registry.gauge(metrics.memoryLimitBytes).set(memory.limitBytes);
    registry.gauge(metrics.memoryGrantedBytes).set(grantedBytes);
    for (const { name, queuedBytes, bytesMax } of queues) {
      registry.gauge(metrics.queueBytes).set(queuedBytes, { exporter: name });
      registry.gauge(metrics.queueCapacityBytes).set(bytesMax, { exporter: name });
    }
    for (const signal of ['traces', 'logs'] as const) registry.gauge(metrics.windowLagSeconds).set(lagMs(signal) / 1000, { signal });
  });
}

function publishStress(registry: MetricRegistry, { probability, pressures }: NonNullable<Resources['stress']>): void {
  registry.gauge(metrics.stressProbability).set(probability);
  for (const [source, pressure] of pressures) registry.gauge(metrics.stressPressure).set(pressure, { source });
}
