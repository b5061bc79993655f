import type { BatchSink } from './sink.ts';

/** Told of rows that a sink did not take; the other sinks have them. */
export type OnLost = (sink: string, rows: number, error: unknown) => void;

/**
 * One push to many sinks, each with a queue of its own. All get a batch at once; the push ends when every queue has taken it. So a sink whose
 * queue is full and that waits holds the next batch back from all, and one that drops when it is full (`sending_queue.on_full`) holds nobody.
 */
export class FanOut<B extends { readonly rowCount: number }> {
  readonly #sinks: readonly BatchSink[];
  readonly #push: (sink: BatchSink, batch: B) => Promise<void> | undefined;
  readonly #onLost: OnLost;

  constructor(sinks: readonly BatchSink[], push: (sink: BatchSink, batch: B) => Promise<void> | undefined, onLost: OnLost) {
    this.#sinks = sinks;
    this.#push = push;
    this.#onLost = onLost;
  }

  /** Never rejects: `onLost` is told of a sink that does not take the batch. */
  async push(batch: B): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => this.#pushTo(sink, batch)));
  }

  async #pushTo(sink: BatchSink, batch: B): Promise<void> {
    try {
      await this.#push(sink, batch);
    } catch (error) {
      this.#onLost(sink.name, batch.rowCount, error);
    }
  }
}
