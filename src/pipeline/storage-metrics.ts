import type { CodedError } from '../base/errors.ts';
import { metrics } from '../telemetry/declared.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';

/** What is kept on the disk. */
export interface Stored {
  readonly byteLength: number;
  /** Why nothing can be written now; null where something can. */
  readonly failure: CodedError | null;
}

/** Publishes how much there is, of how much there may be, and whether it can be written. */
export function registerStorageMetrics(registry: MetricRegistry, stored: Stored, limitBytes: number): void {
  registry.onRead(() => {
    registry.gauge(metrics.storageBytes).set(stored.byteLength);
    registry.gauge(metrics.storageLimitBytes).set(limitBytes);
    registry.gauge(metrics.storageFailing).set(stored.failure === null ? 0 : 1);
  });
}
