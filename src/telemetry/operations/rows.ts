import { metrics } from '../declared.ts';
import type { MetricDefinition, MetricRow } from '../metrics.ts';

/** A group of metrics, as the dashboard and docs/operations.md show them. */
export interface Row {
  readonly title: string;
  readonly metrics: readonly MetricDefinition[];
}

const titles: { readonly [row in MetricRow | 'other']: string } = {
  intake: 'Intake', windows: 'Windows', policies: 'Policies', certificate: 'Can the counts be trusted', head: 'Head sampling', export: 'Export', memory: 'Memory', process: 'Process', other: 'Further',
};

/** All declared metrics by their rows, in the order of their declaration. */
export function metricRows(): readonly Row[] {
  const all: readonly MetricDefinition[] = Object.values(metrics);
  return Object.entries(titles)
    .map(([row, title]) => ({ title, metrics: all.filter((metric) => (metric.row ?? 'other') === row) }))
    .filter((row) => row.metrics.length > 0);
}
