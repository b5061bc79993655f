import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { SplicedItems } from '../otlp/splice/spliced-items.ts';

/** Where decided batches go: one exporter behind its bounded queue. */
export interface BatchSink {
  readonly name: string;
  /** Bytes that wait in its queue. */
  readonly queuedBytes: number;
  /** Resolves when the queue has taken the batch; waits while it is full. */
  push(batch: OutputBatch): Promise<void>;
  /** As `push`, of items that came as OTLP; a sink without it gets them as tables. */
  pushSpliced?(items: SplicedItems): Promise<void>;
  /** Batches that the next hop has acknowledged; left out where `push` delivers. */
  readonly delivered?: number;
  /** From now on nobody is held up by a full queue: what it has no room for is lost, and counted. */
  dropWhenFull?(): void;
  /** Resolves when the next hop has acknowledged all that was pushed before, or it was given up; never for what is left at the end. A sink without it has delivered what it took. */
  settled?(): Promise<void>;
  /** Sends what waits; resolves when all is acknowledged or given up, or the deadline has passed. Called again, it may only be for less time. */
  drain(deadlineMs: number): Promise<void>;
}
