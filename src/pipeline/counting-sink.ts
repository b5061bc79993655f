import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { BatchSink } from './sink.ts';

/** Counts what passes on its way to another sink, or to nowhere. */
export class CountingSink implements BatchSink {
  readonly name: string;
  readonly #next: BatchSink | null;
  rows = 0;
  /** Added to by whoever knows the encoded size. */
  bytes = 0;

  constructor(next: BatchSink | null) {
    this.#next = next;
    this.name = next?.name ?? 'none';
  }

  get queuedBytes(): number {
    return this.#next?.queuedBytes ?? 0;
  }

  async push(batch: OutputBatch): Promise<void> {
    this.rows += batch.rowCount;
    await this.#next?.push(batch);
  }

  async drain(deadlineMs: number): Promise<void> {
    await this.#next?.drain(deadlineMs);
  }
}
