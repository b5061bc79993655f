import type { OutputBatch } from '../otap/take/output-batch.ts';

/** Where decided batches go: one exporter behind its bounded queue. */
export interface BatchSink {
  readonly name: string;
  /** Bytes that wait in its queue. */
  readonly queuedBytes: number;
  /** Resolves when the queue has taken the batch; waits while it is full. */
  push(batch: OutputBatch): Promise<void>;
  /** From now on nobody is held up by a full queue: what it has no room for is lost, and counted. */
  dropWhenFull?(): void;
  /** Sends what waits; resolves when all is acknowledged or given up, or the deadline has passed. */
  drain(deadlineMs: number): Promise<void>;
}
