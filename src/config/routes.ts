import type { ThresherConfig } from './declaration.ts';

/** Names of the components that one signal goes through. */
export interface RouteNames {
  readonly receivers: readonly string[];
  readonly kept: readonly string[];
  /** None of metrics, which are not sampled. */
  readonly dropped: readonly string[];
  /** Whether all of it goes on as it comes, unsampled. */
  readonly isPassed: boolean;
}

/** What goes where, by the names of components. */
export interface Routes {
  readonly traces: RouteNames;
  readonly logs: RouteNames;
  readonly metrics: RouteNames;
  /** Whether `pipelines` say so; else everything goes everywhere. */
  readonly isWritten: boolean;
  /** Components that nothing goes through, as `exporters.otlp/spare`. They are not started. */
  readonly unused: readonly string[];
}

const nowhere: RouteNames = { receivers: [], kept: [], dropped: [], isPassed: false };

/** The ways of the signals. Without `pipelines` every receiver takes every signal, and every exporter gets all that is kept. */
export function routesOf({ pipelines, receivers, exporters, metrics }: Pick<ThresherConfig, 'pipelines' | 'receivers' | 'exporters' | 'metrics'>): Routes {
  if (pipelines === null) {
    const all: RouteNames = { receivers: receivers.map(({ id }) => id), kept: exporters.map(({ id }) => id), dropped: [], isPassed: false };
    return { traces: all, logs: all, metrics: metrics.passThrough ? all : nowhere, isWritten: false, unused: [] };
  }
  const named = (pipeline: { readonly receivers: readonly string[]; readonly exporters: readonly string[]; readonly dropped?: readonly string[]; readonly mode?: 'sample' | 'pass' } | null): RouteNames => (
    pipeline === null ? nowhere : { receivers: pipeline.receivers, kept: pipeline.exporters, dropped: pipeline.dropped ?? [], isPassed: pipeline.mode === 'pass' });
  const routes = { traces: named(pipelines.traces), logs: named(pipelines.logs), metrics: named(pipelines.metrics) };
  const used = new Set(Object.values(routes).flatMap(({ receivers: from, kept, dropped }) => [...from.map((id) => `receivers.${id}`), ...[...kept, ...dropped].map((id) => `exporters.${id}`)]));
  const components = [...receivers.map(({ id }) => `receivers.${id}`), ...exporters.map(({ id }) => `exporters.${id}`)];
  return { ...routes, isWritten: true, unused: components.filter((path) => !used.has(path)) };
}

/** The configuration without the components that nothing goes through. */
export function withoutUnused(config: ThresherConfig, { unused }: Routes): ThresherConfig {
  const isUsed = (section: string) => ({ id }: { readonly id: string }): boolean => !unused.includes(`${section}.${id}`);
  return { ...config, receivers: config.receivers.filter(isUsed('receivers')), exporters: config.exporters.filter(isUsed('exporters')) };
}

/** The ways of the signals in a line. */
export function routesText(routes: Routes): string {
  return (['traces', 'logs', 'metrics'] as const).map((signal) => `${signal} ${routeText(routes[signal])}`).join('; ');
}

function routeText({ receivers, kept, dropped, isPassed }: RouteNames): string {
  if (receivers.length === 0) return 'are refused';
  if (isPassed) return `from ${receivers.join(', ')} pass to ${kept.join(', ')}`;
  return `from ${receivers.join(', ')}: kept to ${kept.join(', ')}${dropped.length === 0 ? '' : `, dropped to ${dropped.join(', ')}`}`;
}
