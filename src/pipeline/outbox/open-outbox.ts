import { KeyedHash } from '../../sampling/keyed-hash.ts';
import type { HeldBytes } from '../../store/held-batch.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import type { Dispatcher } from '../dispatcher.ts';
import type { Journal } from '../journal/journal.ts';
import type { KeepReasons } from '../keep-reasons.ts';
import { KeptDispatch } from '../kept-dispatch.ts';
import type { ProcessorOptions } from '../processor-options.ts';
import type { BatchSink } from '../sink.ts';
import { Outbox } from './outbox.ts';

export interface OutboxOptions {
  readonly options: ProcessorOptions;
  readonly signal: SampledSignal;
  readonly journal: Journal;
  readonly reasons: KeepReasons | null;
  readonly sinks: readonly BatchSink[];
  readonly account: HeldBytes;
  readonly dispatcherTo: (sinks: readonly BatchSink[]) => Dispatcher;
}

/** The outbox of a lane with a journal. */
export function openOutbox({ options, signal, journal, reasons, sinks, account, dispatcherTo }: OutboxOptions): Outbox {
  const { seam, observer, decodeLimits, hashSeed = 0 } = options;
  return new Outbox({
    signal, sinks, seam, dispatcherTo,
    reading: { journal: journal.options, account, decodeLimits, hashSeed, reasons, monotonicMs: seam.monotonicMs },
    segmentOf: (batch) => journal.placeOf(batch)?.segment ?? null,
    keptDispatchTo: (dispatcher) => new KeptDispatch(signal, dispatcher, new KeyedHash(seam.hashKey), reasons, observer),
    onWaiting: (sink, lots) => observer.waiting(signal, sink, lots),
    onUnreadable: (rows, error) => observer.unreadable(signal, rows, error),
    onFailure: (message) => journal.options.observer.unreadable(message),
  });
}
