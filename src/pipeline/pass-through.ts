import { CodedError } from '../base/errors.ts';
import type { OtapBatch } from '../otap/batch.ts';
import type { Signal } from '../otap/payload-type.ts';
import { allRows } from '../otap/take/split.ts';
import { allOf, type GathererOptions } from './gatherers.ts';
import type { ProcessorOptions } from './processor-options.ts';
import type { BatchSink, PushResult } from './sink.ts';
import { SinkDelivery, worstOf } from './sink-delivery.ts';
import { keptToAll } from './sink-routes.ts';

/** What takes batches of signals that are not sampled to their sinks; a signal that is sampled has none. */
export type PassThroughs = { readonly [signal in Signal]?: (batch: OtapBatch) => Promise<void> };

/** Of the signals whose routes say that they pass. Metrics go by `metrics`, which ends when the queues have them, unless one of their sinks shares batches out. */
export function passThroughs(options: Pick<ProcessorOptions, 'sinks' | 'routes' | 'batchRowsMax' | 'hashSeed'>, metrics: (batch: OtapBatch) => Promise<void>): PassThroughs {
  const routes = options.routes ?? keptToAll(options.sinks);
  const { batchRowsMax: rowsMax, hashSeed = 0 } = options;
  const passing = (signal: Signal): PassThroughs => ({ [signal]: passThrough(routes[signal].kept, { signal, rowsMax, hashSeed }) });
  return {
    ...(routes.traces.isPassed === true ? passing('traces') : {}), ...(routes.logs.isPassed === true ? passing('logs') : {}),
    ...(routes.metrics.kept.some(({ pass }) => pass !== undefined) ? passing('metrics') : { metrics }),
  };
}

/** When a sender should come again with what could not be delivered, ms. */
const retryAfterMs = 1000;

/**
 * Takes each batch, as it came, to every sink, and ends when all of them have acknowledged it: what a sender hears is what the next hops said.
 * Throws UNAVAILABLE / not_delivered where the batch may be sent again (what other hops have of it they get twice then), INVALID_ARGUMENT /
 * next_hop_refused where that is of no use.
 */
function passThrough(sinks: readonly BatchSink[], options: Omit<GathererOptions, 'onLost'>): (batch: OtapBatch) => Promise<void> {
  const ways = sinks.map((sink) => wayTo(sink, options));
  return async (batch) => {
    const result = worstOf(await allOf(ways.map((way) => way(batch))));
    if (result.kind === 'retryable') throw new CodedError('UNAVAILABLE', 'not_delivered', `could not be delivered: ${result.message}`, { retryAfterMs });
    if (result.kind === 'permanent') throw new CodedError('INVALID_ARGUMENT', 'next_hop_refused', `was refused by the next hop: ${result.reason}: ${result.message}`);
  };
}

function wayTo(sink: BatchSink, options: Omit<GathererOptions, 'onLost'>): (batch: OtapBatch) => Promise<PushResult> {
  if (sink.pass !== undefined) return (batch) => sink.pass?.(batch) ?? Promise.reject(new TypeError(`${sink.name} does not pass`));
  const delivery = new SinkDelivery(sink, options);
  return (batch) => delivery.deliver(batch, allRows(batch));
}
