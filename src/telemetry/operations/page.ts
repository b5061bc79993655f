import type { MetricDefinition } from '../metrics.ts';
import { alerts, type Alert } from './alerts.ts';
import { metricRows } from './rows.ts';

const introduction = `# Operations

This page is generated from the declarations in \`src/telemetry\`; a test keeps it fresh, and with it the dashboard
([config/deploy/grafana/thresher.json](../config/deploy/grafana/thresher.json)) and the rules
([config/deploy/prometheus/alerts.yaml](../config/deploy/prometheus/alerts.yaml)).
[deployment.md](deployment.md) says how to put them in place.

An alert on what is counted by the process is as good as its scrapes: with an interval above a minute, or a range
shorter than four intervals, \`rate\` sees nothing.`;

/** docs/operations.md: what each alert means and what to do about it, and what each metric says. */
export function operationsMarkdown(): string {
  const table = ['| alert | severity | when |', '|---|---|---|', ...alerts.map(({ name, severity, means }) => `| [${name}](#${name.toLowerCase()}) | ${severity} | ${cell(firstSentence(means))} |`)];
  const rows = metricRows().map(({ title, metrics }) => [`### ${title}`, metricTable(metrics)].join('\n\n'));
  return `${[introduction, '## Alerts', table.join('\n'), ...alerts.map(runbook), '## Metrics', ...rows].join('\n\n')}\n`;
}

function runbook({ name, severity, expr, lasts, means, response }: Alert): string {
  const when = lasts === '0m' ? 'at once' : `after ${lasts}`;
  return [`### ${name}`, `*${severity}, ${when}:*`, `    ${expr}`, `**What it means.** ${means}`, `**What to do.** ${response}`].join('\n\n');
}

function metricTable(metrics: readonly MetricDefinition[]): string {
  const rows = metrics.map(({ name, type, labels = [], help, high }) =>
    `| \`${name}\` | ${type} | ${labels.join(', ')} | ${cell(help)}${high === undefined ? '' : ` *High:* ${cell(high)}`} |`);
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function firstSentence(text: string): string {
  return /^.*?[.:](?= |$)/.exec(text)?.[0].replace(/:$/, '.') ?? text;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
