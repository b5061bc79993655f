import { messageOf } from '../../base/errors.ts';
import type { LogFields, Logger, LogLevel } from '../../telemetry/log.ts';
import { type Counter, type Gauge, type GaugeSeries, type MetricDefinition, MetricRegistry } from '../../telemetry/metrics.ts';
import type { Counted, FromWorker } from './messages.ts';

/** A logger whose lines are written by the main thread. */
export function forwardingLogger(post: (message: FromWorker) => void, bound: LogFields = {}): Logger {
  const at = (level: LogLevel) => (reason: string, message: string, fields: LogFields = {}): void => post({ kind: 'log', level, reason, message, fields: plain({ ...bound, ...fields }) });
  return {
    debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'),
    child: (fields) => forwardingLogger(post, { ...bound, ...fields }),
    flush: () => {},
  };
}

/** Values that can go to another thread. */
function plain(fields: LogFields): Readonly<Record<string, string | number | boolean>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : messageOf(value)]));
}

/** Counters and gauges of this thread, to be handed to the registry of the main one from time to time. */
export class ForwardedCounts extends MetricRegistry {
  readonly #counts = new Map<string, { readonly metric: string; readonly labels: Readonly<Record<string, string>>; value: number }>();
  readonly #gauges = new Map<string, { readonly metric: string; readonly labels: Readonly<Record<string, string>>; readonly series: GaugeSeries; told: number | null }>();
  readonly #collectors: (() => void)[] = [];

  override onRead(collect: () => void): void {
    this.#collectors.push(collect);
  }

  override gauge<D extends MetricDefinition & { readonly type: 'gauge' }>(definition: D): Gauge<D> {
    const own = super.gauge(definition);
    const at: Gauge<D>['with'] = (...labels) => {
      const series = own.with(...labels);
      const place = placeOf(definition.name, labels);
      if (!this.#gauges.has(place.key)) this.#gauges.set(place.key, { ...place, series, told: null });
      return series;
    };
    return { ...own, set: (value, ...labels) => at(...labels).set(value), with: at };
  }

  override counter<D extends MetricDefinition & { readonly type: 'counter' }>(definition: D): Counter<D> {
    const own = super.counter(definition);
    return {
      add: (n, ...labels) => {
        own.add(n, ...labels);
        this.#add(definition.name, labels, n);
      },
      with: own.with,
    };
  }

  /** What was counted since the last call, and gauges that are other than they were then. */
  take(): readonly Counted[] {
    for (const collect of this.#collectors) collect();
    const counts = [...this.#counts.values(), ...this.#changedGauges()];
    this.#counts.clear();
    return counts;
  }

  #changedGauges(): Counted[] {
    return [...this.#gauges.values()].flatMap((gauge) => {
      const { metric, labels, series: { value }, told } = gauge;
      gauge.told = value;
      return value === told ? [] : [{ metric, labels, value }];
    });
  }

  #add(name: string, given: readonly (object | undefined)[], n: number): void {
    const { key, metric, labels } = placeOf(name, given);
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { metric, labels, value: n });
    else known.value += n;
  }
}

function placeOf(metric: string, [given]: readonly (object | undefined)[]): { readonly key: string; readonly metric: string; readonly labels: Readonly<Record<string, string>> } {
  const labels = Object.fromEntries(Object.entries(given ?? {}).map(([name, value]) => [name, String(value)]));
  return { key: JSON.stringify([metric, labels]), metric, labels };
}
