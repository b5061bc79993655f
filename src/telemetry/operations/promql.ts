import type { LabelNames, MetricDefinition } from '../metrics.ts';

/** A label's matcher as PromQL writes it: `="a"`, `=~"a|b"`. */
export type Matchers<D extends MetricDefinition> = Readonly<Partial<Record<LabelNames<D>, string>>>;

/** `name{label="value"}` of a metric, or, with a range or offset behind it, `name{label="value"}[5m]`. */
export function series<D extends MetricDefinition>(metric: D, matchers: Matchers<D> | undefined = undefined, behind = ''): string {
  const pairs = Object.entries(matchers ?? {}).map(([label, matcher]) => `${label}${String(matcher)}`);
  return `${metric.name}${pairs.length === 0 ? '' : `{${pairs.join(', ')}}`}${behind}`;
}

/** Growth a second over a range such as `5m`. */
export function rate<D extends MetricDefinition>(metric: D, range: string, matchers?: Matchers<D>): string {
  return `rate(${series(metric, matchers, `[${range}]`)})`;
}

/**
 * True where a counter grew within a range. `increase` alone is blind to the first value of a series, which for
 * counters that are made when they first count is the one that matters.
 */
export function grew<D extends MetricDefinition>(metric: D, range: string, matchers?: Matchers<D>): string {
  const now = series(metric, matchers);
  return `increase(${series(metric, matchers, `[${range}]`)}) > 0 or (${now} unless ${series(metric, matchers, ` offset ${range}`)}) > 0`;
}
