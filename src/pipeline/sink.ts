import type { OtapBatch } from '../otap/batch.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { SplicedItems } from '../otlp/splice/spliced-items.ts';

/** What became of a batch at the next hop. `retryable`: given up for now, the batch is still good. `permanent`: it would fail again. */
export type PushResult =
  | { readonly kind: 'ok' }
  | { readonly kind: 'retryable' | 'permanent'; readonly reason: string; readonly message: string };

export const delivered: PushResult = { kind: 'ok' };

/** Told once what came of a batch. */
export type OnSettled = (result: PushResult) => void;

/** Where decided batches go: one exporter behind its bounded queue. */
export interface BatchSink {
  readonly name: string;
  /** Bytes that wait in its queue. */
  readonly queuedBytes: number;
  /** Bytes that it holds beside its queue; 0 where it is left out. */
  readonly tableBytes?: number;
  /** Resolves when the queue has taken the batch; waits while it is full. `onSettled` is called where the sink has `delivered`. */
  push(batch: OutputBatch, onSettled?: OnSettled): Promise<void>;
  /** As `push`, of items that came as OTLP; a sink without it gets them as tables. */
  pushSpliced?(items: SplicedItems, onSettled?: OnSettled): Promise<void>;
  /**
   * As `push`, but gives up where there is no room until `until` is aborted, or the end is near; says whether the batch was taken. Left out, with `offerSpliced`
   * and `hasRoom`, where a push does not wait for long.
   */
  offer?(batch: OutputBatch, until: AbortSignal): Promise<boolean>;
  /** The same of `pushSpliced`. */
  offerSpliced?(items: SplicedItems, until: AbortSignal): Promise<boolean>;
  /** Resolves with true once the queue is at most half full; with false where `until` is aborted before that, or the end is near. */
  hasRoom?(until: AbortSignal): Promise<boolean>;
  /** Takes a batch as it came, all of it, and ends when it is acknowledged or given up; for a sink that shares its rows out to several next hops. */
  pass?(batch: OtapBatch): Promise<PushResult>;
  /** Batches that the next hop has acknowledged; left out where `push` delivers. */
  readonly delivered?: number;
  /** From now on nobody is held up by a full queue: what it has no room for is lost, and counted. */
  dropWhenFull?(): void;
  /** Resolves when the next hop has acknowledged all that was pushed before, or it was given up; never for what is left at the end. A sink without it has delivered what it took. */
  settled?(): Promise<void>;
  /** Sends what waits; resolves when all is acknowledged or given up, or the deadline has passed. Called again, it may only be for less time. */
  drain(deadlineMs: number): Promise<void>;
}
