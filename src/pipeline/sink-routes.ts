import type { BatchSink } from './sink.ts';

/** The sinks of one signal. */
export interface SignalRoute {
  /** Each gets all that is kept. */
  readonly kept: readonly BatchSink[];
  /** Each gets all that is dropped, as it came; where there is none, dropped rows are never read. */
  readonly dropped: readonly BatchSink[];
  /** Nothing is sampled: all goes to `kept` as it comes. Default false. */
  readonly isPassed?: boolean;
}

/** Which sinks get what. Metrics are not sampled: nothing of them is dropped. */
export interface SinkRoutes {
  readonly traces: SignalRoute;
  readonly logs: SignalRoute;
  readonly metrics: Pick<SignalRoute, 'kept'>;
}

/** All that is kept, of every signal, to all sinks. */
export function keptToAll(sinks: readonly BatchSink[]): SinkRoutes {
  const route: SignalRoute = { kept: sinks, dropped: [] };
  return { traces: route, logs: route, metrics: route };
}
