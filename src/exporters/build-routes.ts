import type { ExporterConfig } from '../config/load.ts';
import type { RouteNames, Routes } from '../config/routes.ts';
import type { BatchSink } from '../pipeline/sink.ts';
import type { SignalRoute, SinkRoutes } from '../pipeline/sink-routes.ts';
import { buildSinks, type ExporterTools } from './build.ts';

/** The exporters, and what goes to each. */
export interface BuiltRoutes {
  readonly sinks: readonly BatchSink[];
  readonly routes: SinkRoutes;
}

/** Makes the exporters of a configuration. */
export function buildRoutes(exporters: readonly ExporterConfig[], routes: Routes, tools: ExporterTools): BuiltRoutes {
  const sinks = buildSinks(exporters, tools);
  const named = (names: readonly string[]): readonly BatchSink[] => sinks.filter(({ name }) => names.includes(name));
  const route = ({ kept, dropped, isPassed }: RouteNames): SignalRoute => ({ kept: named(kept), dropped: named(dropped), isPassed });
  return { sinks, routes: { traces: route(routes.traces), logs: route(routes.logs), metrics: route(routes.metrics) } };
}
