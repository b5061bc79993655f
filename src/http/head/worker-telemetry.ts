import { messageOf } from '../../base/errors.ts';
import type { LogFields, Logger, LogLevel } from '../../telemetry/log.ts';
import { type Counter, type MetricDefinition, MetricRegistry } from '../../telemetry/metrics.ts';
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

/** Counts of this thread, to be handed to the registry of the main one from time to time. */
export class ForwardedCounts extends MetricRegistry {
  readonly #counts = new Map<string, { readonly metric: string; readonly labels: Readonly<Record<string, string>>; value: number }>();

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

  /** What was counted since the last call. */
  take(): readonly Counted[] {
    const counts = [...this.#counts.values()];
    this.#counts.clear();
    return counts;
  }

  #add(metric: string, [given]: readonly (object | undefined)[], n: number): void {
    const labels = Object.fromEntries(Object.entries(given ?? {}).map(([name, value]) => [name, String(value)]));
    const key = JSON.stringify([metric, labels]);
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { metric, labels, value: n });
    else known.value += n;
  }
}
