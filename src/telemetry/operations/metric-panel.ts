import type { MetricDefinition } from '../metrics.ts';

/** What a panel of a dashboard shows: PromQL with its legend, and the unit of its values by Grafana's name. */
export interface PanelContent {
  readonly title: string;
  readonly text: string;
  readonly unit: string;
  readonly kind: 'timeseries' | 'stat';
  readonly targets: readonly { readonly expr: string; readonly legend: string }[];
  /** From where on the value is shown as a warning and as an error. */
  readonly thresholds?: readonly [warning: number, error: number];
}

/** Which processes: the dashboard's variables. */
export const chosen = 'job=~"$job", instance=~"$instance"';

/** Metrics that may have more series than this are cut to the greatest ones. */
const seriesShownMax = 20;
const seriesMany = 500;

/** The panel of one metric, by its type and the unit at the end of its name (Prometheus' naming conventions). */
export function panelOf(metric: MetricDefinition): PanelContent {
  const text = [metric.help, ...(metric.high === undefined ? [] : [`High: ${metric.high}`])].join('\n\n');
  return { title: titleOf(metric), text, kind: 'timeseries', ...contentOf(metric) };
}

function contentOf(metric: MetricDefinition): Pick<PanelContent, 'unit' | 'targets'> {
  const labels = metric.labels ?? [];
  const selected = `${metric.name}{${chosen}}`;
  if (metric.type === 'counter') {
    const expr = `sum by (${labels.join(', ') || 'instance'}) (rate(${selected}[$__rate_interval]))`;
    return { unit: counterUnit(metric.name), targets: [{ expr: bounded(metric, expr), legend: legendOf(labels.length === 0 ? ['instance'] : labels) }] };
  }
  if (metric.type === 'histogram') {
    const quantile = (q: number): string => `histogram_quantile(${q}, sum by (${['le', ...labels].join(', ')}) (rate(${metric.name}_bucket{${chosen}}[$__rate_interval])))`;
    return { unit: gaugeUnit(metric.name), targets: [0.5, 0.99].map((q) => ({ expr: quantile(q), legend: `p${q * 100} ${legendOf(labels)}`.trim() })) };
  }
  const expr = bounded(metric, `max by (${['instance', ...labels].join(', ')}) (${selected})`);
  const isTime = gaugeUnit(metric.name) === 'dateTimeFromNow';
  return { unit: gaugeUnit(metric.name), targets: [{ expr: isTime ? `${expr} * 1000` : expr, legend: legendOf(['instance', ...labels]) }] };
}

function bounded({ seriesMax = 0 }: MetricDefinition, expr: string): string {
  return seriesMax >= seriesMany ? `topk(${seriesShownMax}, ${expr})` : expr;
}

function legendOf(labels: readonly string[]): string {
  return labels.map((label) => `{{${label}}}`).join(' ');
}

function counterUnit(name: string): string {
  if (/_bytes(_kept)?_total$/.test(name)) return 'binBps';
  return name.endsWith('_seconds_total') ? 'short' : 'cps';
}

function gaugeUnit(name: string): string {
  if (/_(timestamp|start_time)_seconds$/.test(name)) return 'dateTimeFromNow';
  if (name.endsWith('_bytes')) return 'bytes';
  return name.endsWith('_seconds') ? 's' : 'short';
}

/** `thresher_items_received_total` to `Items received`. */
function titleOf({ name, type }: MetricDefinition): string {
  const words = name.replace(/^thresher_/, '').replace(/_total$/, '').replace(/_(bytes|seconds)$/, '').replaceAll('_', ' ');
  return `${words[0].toUpperCase()}${words.slice(1)}${type === 'counter' ? ' a second' : ''}`;
}
