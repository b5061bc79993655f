import { messageOf } from '../base/errors.ts';
import type { OtapBatch } from '../otap/batch.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { SplicedItems } from '../otlp/splice/spliced-items.ts';
import { type Gatherer, gathererFor, type GathererOptions } from './gatherers.ts';
import { type BatchSink, delivered, type PushResult } from './sink.ts';

/** Takes rows of batches to one sink, at once and by themselves, and tells what came of them at the next hop. */
export class SinkDelivery {
  readonly #gatherer: Gatherer;
  #turn: Promise<void> = Promise.resolve();
  /** Of the delivery whose turn it is. */
  #results: Promise<PushResult>[] = [];

  constructor(sink: BatchSink, options: Omit<GathererOptions, 'onLost'>) {
    this.#gatherer = gathererFor([this.#told(sink)], { ...options, onLost: (_sink, _rows, error) => {
      this.#results.push(Promise.resolve({ kind: 'permanent', reason: 'not_taken', message: messageOf(error) }));
    } });
  }

  /**
   * Resolves when all of these rows are acknowledged, refused or given up; with what came of them, the worst of it where they went as several. Waits
   * while the sink's queue is full. Never rejects.
   */
  async deliver(batch: OtapBatch, rows: Uint32Array): Promise<PushResult> {
    const results: Promise<PushResult>[] = [];
    const taken = this.#turn.then(() => this.#take(batch, rows, results));
    this.#turn = taken;
    await taken;
    return worstOf(await Promise.all(results));
  }

  async #take(batch: OtapBatch, rows: Uint32Array, results: Promise<PushResult>[]): Promise<void> {
    this.#results = results;
    try {
      await this.#gatherer.add(batch, rows, null);
    } catch (error) {
      results.push(Promise.resolve({ kind: 'permanent', reason: 'unreadable', message: messageOf(error) }));
    }
    await this.#gatherer.flush();
  }

  /** The sink, of whose pushes it is kept what came of each. */
  #told(sink: BatchSink): BatchSink {
    const { pushSpliced } = sink;
    return {
      name: sink.name, queuedBytes: 0, drain: () => Promise.resolve(),
      push: (batch) => this.#push(sink, batch, (each, onSettled) => sink.push(each, onSettled)),
      ...(pushSpliced === undefined ? {} : { pushSpliced: (items: SplicedItems) => this.#push(sink, items, (each, onSettled) => pushSpliced.call(sink, each, onSettled)) }),
    };
  }

  /** Where `push` delivers, nobody is told later. */
  async #push<B extends OutputBatch | SplicedItems>(sink: BatchSink, batch: B, push: (batch: B, onSettled: (result: PushResult) => void) => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<PushResult>();
    await push(batch, resolve);
    this.#results.push(sink.delivered === undefined ? Promise.resolve(delivered) : promise);
  }
}

/** Refused for good is worse than given up for now. */
export function worstOf(results: readonly PushResult[]): PushResult {
  return results.find(({ kind }) => kind === 'permanent') ?? results.find(({ kind }) => kind === 'retryable') ?? delivered;
}
