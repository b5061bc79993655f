import type { Seam } from '../../base/seam.ts';
import { withDeadline } from '../../base/with-deadline.ts';
import type { HeldBatch } from '../../store/held-batch.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import type { Dispatcher } from '../dispatcher.ts';
import type { KeptDispatch } from '../kept-dispatch.ts';
import type { KeptRows } from '../kept-rows.ts';
import type { BatchSink } from '../sink.ts';
import type { StampCounts } from '../stamp-rows.ts';
import type { KeptSender } from './kept-sender.ts';
import { type Lot, type LotPlace, placeOf, type TakenOfLot } from './lot.ts';
import { type Patience, PatientSink } from './patient-sink.ts';
import { type LotReading, readLots } from './read-lots.ts';
import { Resender } from './resender.ts';
import { RestOfLot } from './rest-of-lot.ts';

export interface OutboxParts {
  readonly signal: SampledSignal;
  readonly sinks: readonly BatchSink[];
  readonly seam: Seam;
  readonly reading: LotReading;
  /** The segment of the journal that a batch lies in; null where it is not durable. */
  readonly segmentOf: (batch: HeldBatch) => number | null;
  readonly dispatcherTo: (sinks: readonly BatchSink[]) => Dispatcher;
  readonly keptDispatchTo: (dispatcher: Pick<Dispatcher, 'add'>) => KeptDispatch;
  /** Told how many lots wait on the disk for a sink. */
  readonly onWaiting: (sink: string, lots: number) => void;
  readonly onUnreadable: (rows: number, error: unknown) => void;
  /** Told where the disk cannot be read; it will be tried again. */
  readonly onFailure: (message: string) => void;
}

/** How long a push may wait for a sink that keeps up, ms: one that takes nothing in that time is behind. */
const patienceMs = 1000;

/** What leaves a lane with a journal. A lot goes to the sinks that keep up; for each other one it waits on the disk, where it lies anyway, and in no memory. */
export class Outbox implements KeptSender {
  readonly #parts: OutboxParts;
  readonly #sinks: readonly PatientSink[];
  readonly #resenders: readonly Resender[];
  readonly #dispatcher: Dispatcher;
  readonly #dispatch: KeptDispatch;
  /** Counts what would be sent, where nobody takes it. */
  readonly #count: KeptDispatch;
  readonly #hasSplicing: boolean;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#hasSplicing = parts.sinks.some(({ pushSpliced }) => pushSpliced !== undefined);
    const patience: Patience = (work) => {
      const over = new AbortController();
      return withDeadline(parts.seam, patienceMs, () => over.abort(), () => work(over.signal));
    };
    this.#sinks = parts.sinks.map((sink) => new PatientSink(sink, patience));
    this.#resenders = parts.sinks.map((sink) => this.#resenderTo(sink));
    this.#dispatcher = parts.dispatcherTo(this.#sinks);
    this.#dispatch = parts.keptDispatchTo(this.#dispatcher);
    this.#count = parts.keptDispatchTo({ add: () => Promise.resolve() });
  }

  /** Bytes of memory that take what waits on the disk. */
  get waitingBytes(): number {
    return this.#resenders.reduce((sum, { waitingBytes }) => sum + waitingBytes, 0);
  }

  /**
   * Sends a lot. Resolves when nothing of its batches in memory is needed any more; `onDelivered` is called when all sinks have delivered it, or given it
   * up. A lot that cannot be read again is in memory alone, and waits for sinks that are behind.
   */
  send(lot: Lot, onDelivered: () => void): Promise<StampCounts> {
    const sent = this.#turn.then(() => this.#send(lot, onDelivered));
    this.#turn = sent.catch(() => undefined);
    return sent;
  }

  /** Takes on a lot that was decided before, without sending it from memory; false where it cannot be read again. */
  leave(lot: Pick<Lot, 'kept' | 'record'>, onDelivered: () => void): boolean {
    const place = this.#placeOf(lot);
    if (place === null) return false;
    void Promise.all(this.#resenders.map((resender) => resender.add(place))).then(onDelivered);
    return true;
  }

  /** Resolves when nothing waits on the disk, or nothing of it can go out any more. */
  async caughtUp(): Promise<void> {
    await this.#turn;
    await Promise.all(this.#resenders.map((resender) => resender.caughtUp()));
  }

  /** What waits on the disk stays there. */
  stop(): void {
    for (const resender of this.#resenders) resender.stop();
  }

  #placeOf(lot: Pick<Lot, 'kept' | 'record'>): LotPlace | null {
    return placeOf(this.#parts.signal, lot, this.#parts.segmentOf);
  }

  async #send(lot: Lot, onDelivered: () => void): Promise<StampCounts> {
    const place = this.#placeOf(lot);
    if (place === null) await Promise.all(this.#resenders.map((resender) => resender.caughtUp()));
    const isBehind = this.#resenders.map((resender) => place !== null && resender.isBehind);
    this.#sinks.forEach((sink, index) => sink.begin(isBehind[index] ? 'none' : place === null ? 'all' : 'patiently'));
    const counts = await (isBehind.every(Boolean) ? this.#count : this.#dispatch).dispatch(lot.kept, lot.marks);
    await this.#dispatcher.flush();
    void Promise.all(this.#sinks.map((sink, index) => this.#delivered(index, sink, place))).then(onDelivered);
    return counts;
  }

  /** What of the lot the sink did not take waits on the disk. */
  #delivered(index: number, sink: PatientSink, place: LotPlace | null): Promise<void> {
    const own = this.#parts.sinks[index];
    const left = sink.end(own.pushSpliced !== undefined || !this.#hasSplicing);
    if (left === null || place === null) return Promise.resolve(own.settled?.());
    return this.#resenders[index].add(place, left);
  }

  #resenderTo(sink: BatchSink): Resender {
    const { seam, reading, dispatcherTo, keptDispatchTo, onWaiting, onUnreadable, onFailure } = this.#parts;
    let until = new AbortController().signal;
    const waiting = new PatientSink(sink, (work) => work(until));
    const dispatcher = dispatcherTo([waiting]);
    const rest = new RestOfLot(dispatcher, sink.pushSpliced !== undefined);
    const dispatch = keptDispatchTo(rest);
    const send = async (kept: readonly KeptRows[], taken: TakenOfLot, stop: AbortSignal): Promise<TakenOfLot | null> => {
      until = stop;
      rest.begin(taken);
      waiting.begin('patiently');
      await dispatch.dispatch(kept);
      await dispatcher.flush();
      return waiting.end(true);
    };
    return new Resender({
      sink, seam, send, read: (places) => readLots(reading, places), onWaiting: (lots) => onWaiting(sink.name, lots),
      onMissing: (rows) => onUnreadable(rows, new Error('their batches are not in the journal any more')), onFailure,
    });
  }
}
