import { metrics } from '../telemetry/declared.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import type { HeadUpdate } from './controller.ts';
import type { ServiceSummary } from './summary.ts';

/** Services that have series of their own; those of fewer arrivals are left out. */
const seriesMax = 400;

/** Publishes what is known of services. */
export class HeadMetrics {
  readonly #registry: MetricRegistry;
  readonly #counted = new Map<string, ServiceSummary>();

  constructor(registry: MetricRegistry) {
    this.#registry = registry;
  }

  update({ summaries }: HeadUpdate): void {
    const registry = this.#registry;
    registry.gauge(metrics.headServices).set(summaries.length);
    registry.gauge(metrics.headRate).clear();
    registry.gauge(metrics.headArrivals).clear();
    for (const summary of summaries.slice(0, seriesMax)) {
      registry.gauge(metrics.headRate).set(summary.rate, { service: summary.service });
      registry.gauge(metrics.headArrivals).set(summary.arrivalsPerSecond, { service: summary.service });
    }
    for (const summary of summaries) this.#count(summary);
    if (this.#counted.size > 2 * summaries.length + seriesMax) this.#forget(summaries);
  }

  /** What was added since it was counted last; a service that was forgotten meanwhile begins anew. */
  #count(summary: ServiceSummary): void {
    const before = this.#counted.get(summary.service);
    const base = before === undefined || before.items > summary.items ? { items: 0, itemsKept: 0, bytes: 0, bytesKept: 0 } : before;
    this.#counted.set(summary.service, summary);
    const { service } = summary;
    const [items, itemsKept, bytes, bytesKept] = [summary.items - base.items, summary.itemsKept - base.itemsKept, summary.bytes - base.bytes, summary.bytesKept - base.bytesKept];
    if (items === 0) return;
    const [itemCounter, byteCounter] = [this.#registry.counter(metrics.headItems), this.#registry.counter(metrics.headBytes)];
    itemCounter.add(Math.max(0, itemsKept), { service, outcome: 'kept' });
    itemCounter.add(Math.max(0, items - itemsKept), { service, outcome: 'dropped' });
    byteCounter.add(Math.max(0, bytesKept), { service, outcome: 'kept' });
    byteCounter.add(Math.max(0, bytes - bytesKept), { service, outcome: 'dropped' });
  }

  #forget(summaries: readonly ServiceSummary[]): void {
    const known = new Set(summaries.map(({ service }) => service));
    for (const service of this.#counted.keys()) if (!known.has(service)) this.#counted.delete(service);
  }
}
