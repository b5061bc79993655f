import type { HistogramSnapshot } from './histogram.ts';

export interface SeriesSnapshot {
  readonly labelValues: readonly string[];
  readonly value: number | HistogramSnapshot;
}

interface Described {
  readonly type: string;
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

export const expositionContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** One metric with all its series, in the Prometheus text exposition format, version 0.0.4. */
export function expositionOf(metric: Described, series: readonly SeriesSnapshot[]): string {
  const lines = [`# HELP ${metric.name} ${escapeHelp(metric.help)}`, `# TYPE ${metric.name} ${metric.type}`];
  for (const { labelValues, value } of series) {
    const pairs = (metric.labels ?? []).map((label, i) => `${label}="${escapeLabel(labelValues[i])}"`);
    if (typeof value === 'number') lines.push(sample(metric.name, pairs, value));
    else lines.push(...histogramLines(metric.name, pairs, value));
  }
  return `${lines.join('\n')}\n`;
}

function histogramLines(name: string, pairs: readonly string[], histogram: HistogramSnapshot): string[] {
  const bucket = (bound: number, count: number): string =>
    sample(`${name}_bucket`, [...pairs, `le="${numberText(bound)}"`], count);
  return [
    ...histogram.bounds.map((bound, i) => bucket(bound, histogram.cumulative[i])),
    bucket(Infinity, histogram.count),
    sample(`${name}_sum`, pairs, histogram.sum),
    sample(`${name}_count`, pairs, histogram.count),
  ];
}

function sample(name: string, pairs: readonly string[], value: number): string {
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`;
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
