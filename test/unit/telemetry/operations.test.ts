import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { metrics } from '../../../src/telemetry/declared.ts';
import { type MetricDefinition, MetricRegistry } from '../../../src/telemetry/metrics.ts';
import { alertRules, prometheusRule } from '../../../src/telemetry/operations/alert-rules.ts';
import { alerts } from '../../../src/telemetry/operations/alerts.ts';
import { grafanaDashboard } from '../../../src/telemetry/operations/dashboard.ts';
import { operationsMarkdown } from '../../../src/telemetry/operations/page.ts';

// To write them anew: npm run -s test:only -- test/unit/telemetry/operations.test.ts -u
describe('generated documents are fresh', () => {
  test.each<[string, () => string]>([
    ['docs/operations.md', operationsMarkdown], ['config/deploy/prometheus/alerts.yaml', alertRules],
    ['config/deploy/kubernetes/monitoring/prometheus-rule.yaml', prometheusRule], ['config/deploy/grafana/thresher.json', grafanaDashboard],
  ])('%s', async (path, generate) => {
    await expect(generate()).toMatchFileSnapshot(packageFile(path));
  });
});

/** Labels that the scrape or the expression's own functions add. */
const scraped = ['job', 'instance', 'le'];
const definitions: readonly MetricDefinition[] = Object.values(metrics);

/** Series names with their labels, as a scrape of a process that has counted everything once brings them. */
const exposed = (() => {
  const registry = new MetricRegistry();
  for (const definition of definitions) {
    const labels = Object.fromEntries((definition.labels ?? []).map((label) => [label, 'x']));
    const labelled = { ...definition, labels: definition.labels ?? [] };
    if (labelled.type === 'counter') registry.counter({ ...labelled, type: 'counter' }).add(1, labels);
    else if (labelled.type === 'gauge') registry.gauge({ ...labelled, type: 'gauge' }).set(1, labels);
    else registry.histogram({ ...labelled, type: 'histogram' }).observe(1, labels);
  }
  const found = new Map<string, readonly string[]>([['up', []]]);
  for (const [, name, labels = ''] of registry.text().matchAll(/^([a-z_0-9]+)(?:\{(.*)\})? /gm)) found.set(name, [...labels.matchAll(/([a-z_]+)="/g)].map(([, label]) => label));
  return found;
})();

/** Words of PromQL that look like names of series. */
const functions = /^(abs|and|by|histogram_quantile|increase|max|offset|on|or|rate|sqrt|sum|time|topk|unless|vector|without|label_values|m|h|d|s|__rate_interval)$/;

/** What is wrong with an expression: unknown series, labels that the series do not have. */
function complaints(expr: string): string[] {
  const bare = expr.replaceAll(/"[^"]*"/g, '""');
  const grouped = [...bare.matchAll(/\b(?:by|without|on) \(([^)]*)\)/g)].flatMap(([, names]) => names.split(',').map((name) => name.trim()));
  const plain = bare.replaceAll(/\b(?:by|without|on) \([^)]*\)/g, '').replaceAll(/\[[^\]]*\]|offset \d+\w/g, '');
  const selectors = [...plain.matchAll(/([a-z_][a-z_0-9]*)(?:\{([^}]*)\})?/g)].filter(([, name]) => !functions.test(name));
  const seen = selectors.flatMap(([, name]) => exposed.get(name) ?? []);
  return [
    ...(selectors.length === 0 ? ['no series'] : []),
    ...selectors.flatMap(([, name, matchers = '']) => {
      const labels = exposed.get(name);
      if (labels === undefined) return [`no series ${name}`];
      return [...matchers.matchAll(/([a-z_]+)[=!]/g)].flatMap(([, label]) => (scraped.includes(label) || labels.includes(label) ? [] : [`${name} has no label ${label}`]));
    }),
    ...grouped.flatMap((label) => (scraped.includes(label) || seen.includes(label) ? [] : [`nothing has a label ${label}`])),
  ];
}

interface DashboardPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly panels?: readonly DashboardPanel[];
}

const dashboard = JSON.parse(grafanaDashboard()) as { readonly panels: readonly DashboardPanel[] };
const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);

describe('expressions name series and labels that a scrape brings', () => {
  test.each(alerts.map(({ name, expr }): [string, string] => [name, expr]))('alert %s', (_, expr) => {
    expect(complaints(expr)).toEqual([]);
  });

  test('every panel of the dashboard', () => {
    const targets = panels.flatMap(({ title, targets: found = [] }) => found.map(({ expr }) => ({ title, expr: expr.replaceAll('$__rate_interval', '5m') })));
    expect(targets.length).toBeGreaterThan(50);
    expect(targets.flatMap(({ title, expr }) => complaints(expr).map((complaint) => `${title}: ${complaint}`))).toEqual([]);
  });

  test.each([
    ['thresher_items_lost > 0', ['no series thresher_items_lost']],
    ['rate(thresher_items_lost_total{sink="a"}[5m]) > 0', ['thresher_items_lost_total has no label sink']],
    ['sum by (sink) (rate(thresher_items_lost_total[5m]))', ['nothing has a label sink']],
    ['1 > 0', ['no series']],
    ['histogram_quantile(0.5, sum by (le, policy) (rate(thresher_policy_duration_seconds_bucket[5m])))', []],
  ])('a wrong one is found: %s', (expr, wrong) => {
    expect(complaints(expr)).toEqual(wrong);
  });
});

describe('the dashboard', () => {
  test('shows every declared metric', () => {
    const text = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n');
    expect(definitions.map(({ name }) => name).filter((name) => !name.endsWith('_info') && !text.includes(name))).toEqual([]);
  });

  test('has panels of their own ids and places', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const overlaps = (group: readonly DashboardPanel[]): string[] => group.flatMap((a, i) => group.slice(i + 1)
      .filter((b) => a.gridPos.x < b.gridPos.x + b.gridPos.w && b.gridPos.x < a.gridPos.x + a.gridPos.w && a.gridPos.y < b.gridPos.y + b.gridPos.h && b.gridPos.y < a.gridPos.y + a.gridPos.h)
      .map((b) => `${a.title} and ${b.title}`));
    expect([dashboard.panels, ...dashboard.panels.map(({ panels: folded = [] }) => folded)].flatMap(overlaps)).toEqual([]);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });
});

describe('alerts', () => {
  const page = operationsMarkdown();

  test('have names of their own, and each a runbook at the place that its annotation names', () => {
    const { groups } = parse(alertRules()) as { groups: { rules: { alert: string; annotations: { runbook: string } }[] }[] };
    const rules = groups.flatMap(({ rules: found }) => found);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(alerts.length);
    const anchors = [...page.matchAll(/^### (\w+)$/gm)].map(([, heading]) => `docs/operations.md#${heading.toLowerCase()}`);
    expect(rules.map(({ annotations }) => annotations.runbook).filter((runbook) => !anchors.includes(runbook))).toEqual([]);
  });

  test('name logs, options and metrics that there are', () => {
    const config = readFileSync(packageFile('docs/config.md'), 'utf8');
    const texts = alerts.map(({ means, response }) => `${means} ${response}`).join('\n');
    const options = [...texts.matchAll(/`([a-z_]+(?:\.[a-z_]+)+)`/g)].map(([, option]) => option.split('.').at(-1) ?? '');
    expect(options.length).toBeGreaterThan(5);
    expect(options.filter((option) => !config.includes(`\`${option}\``))).toEqual([]);
    const named = [...texts.matchAll(/`(thresher_[a-z_]+)`/g)].map(([, name]) => name);
    expect(named.filter((name) => !exposed.has(name) && !exposed.has(`${name}_bucket`))).toEqual([]);
  });
});
