import { metrics } from '../declared.ts';
import { glance } from './glance.ts';
import { chosen, type PanelContent, panelOf } from './metric-panel.ts';
import { metricRows } from './rows.ts';

/** Grafana's dashboard model ("JSON model"); the grid is 24 columns wide. */
type Json = Readonly<Record<string, unknown>>;

const datasource = { type: 'prometheus', uid: '${datasource}' };

/** The dashboard as Grafana imports it: what matters first, then a row a group of metrics, folded, a panel a metric. */
export function grafanaDashboard(): string {
  const rows = metricRows();
  const first = placed(glance, 1, 1);
  const top = first.bottom;
  let id = 1 + first.panels.length;
  const folded = rows.map(({ title, metrics: shown }, index): Json => {
    const at = { id: ++id, y: top + index };
    const { panels } = placed(shown.filter(({ name }) => !name.endsWith('_info')).map(panelOf), at.y + 1, at.id);
    id += panels.length;
    return { ...rowAt(title, at.id, at.y), collapsed: true, panels };
  });
  return `${JSON.stringify({
    uid: 'thresher', title: 'Thresher', tags: ['thresher', 'opentelemetry'], schemaVersion: 39, version: 1, editable: true,
    description: 'Generated from the declarations of Thresher\'s metrics. What alerts and metrics mean: docs/operations.md.',
    refresh: '30s', time: { from: 'now-3h', to: 'now' }, timezone: 'browser', graphTooltip: 1,
    templating: { list: variables() }, annotations: { list: [policyLoads] },
    panels: [{ ...rowAt('At a glance', 1, 0), collapsed: false, panels: [] }, ...first.panels, ...folded],
  }, null, 2)}\n`;
}

function rowAt(title: string, id: number, y: number): Json {
  return { id, type: 'row', title, gridPos: { h: 1, w: 24, x: 0, y } };
}

/** Panels side by side from line `y` on: stats six in a line, series two. Ids go on from `idBefore`. */
function placed(contents: readonly PanelContent[], y: number, idBefore: number): { readonly panels: readonly Json[]; readonly bottom: number } {
  let x = 0;
  let line = y;
  let height = 0;
  const panels = contents.map((content, index) => {
    const [w, h] = content.kind === 'stat' ? [4, 4] : [12, 8];
    if (x + w > 24 || (x > 0 && h !== height)) [x, line] = [0, line + height];
    const panel = panelJson(content, idBefore + index + 1, { h, w, x, y: line });
    [x, height] = [x + w, h];
    return panel;
  });
  return { panels, bottom: line + height };
}

function panelJson({ title, text, unit, kind, targets, thresholds }: PanelContent, id: number, gridPos: Json): Json {
  const steps = [{ color: 'green', value: null }, ...(thresholds === undefined ? [] : [{ color: 'orange', value: thresholds[0] }, { color: 'red', value: thresholds[1] }])];
  return {
    id, type: kind, title, description: text, datasource, gridPos,
    fieldConfig: { defaults: { unit, ...(kind === 'stat' ? { thresholds: { mode: 'absolute', steps } } : { min: unit === 'cps' ? 0 : undefined }) }, overrides: [] },
    options: kind === 'stat' ? { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false }, colorMode: 'value', graphMode: 'area' } : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
    targets: targets.map(({ expr, legend }, index) => ({ refId: String.fromCharCode(65 + index), datasource, expr, legendFormat: legend === '' ? '__auto' : legend })),
  };
}

function variables(): readonly Json[] {
  const label = (name: string, query: string): Json => ({
    name, label: name, type: 'query', datasource, query: { query, refId: name }, definition: query, refresh: 2, sort: 1, multi: true, includeAll: true, allValue: '.*', current: {} });
  return [
    { name: 'datasource', label: 'data source', type: 'datasource', query: 'prometheus', refresh: 1, current: {} },
    label('job', `label_values(${metrics.buildInfo.name}, job)`),
    label('instance', `label_values(${metrics.buildInfo.name}{job=~"$job"}, instance)`),
  ];
}

/** A mark where policies were loaded. */
const policyLoads = {
  name: 'Policies loaded', datasource, enable: true, iconColor: 'blue', useValueForTime: 'on', titleFormat: 'policies loaded', textFormat: '{{instance}}',
  expr: `${metrics.policyLoadTime.name}{${chosen}} * 1000`,
};
