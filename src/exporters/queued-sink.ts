import { deferred } from '../base/deferred.ts';
import { messageOf } from '../base/errors.ts';
import { outputBytes } from '../otap/take/output-size.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { SplicedItems } from '../otlp/splice/spliced-items.ts';
import type { BatchSink, OnSettled } from '../pipeline/sink.ts';
import { exporterClosed, type ExportResult, type FailedExport } from './retry.ts';

/** What a queue's exporter does; it orders its own batches and bounds those under way. */
export interface QueuedExporter<B = OutputBatch> {
  export(signal: Signal, batch: B): Promise<ExportResult>;
  close(deadlineMs: number): Promise<void>;
}

export interface QueuedSinkOptions {
  readonly name: string;
  readonly bytesMax: number;
  /** What becomes of a batch that the queue has no room for: it waits, and with it whoever brings it, or it is lost. */
  readonly onFull: 'wait' | 'drop';
  readonly onResult: (signal: Signal, items: number, result: ExportResult, batch: OutputBatch | SplicedItems) => void;
  /** Told of items that were lost for want of room. */
  readonly onDropped: (signal: Signal, items: number, result: FailedExport, batch: OutputBatch | SplicedItems) => void;
}

/** What became of items that a full queue had no room for. */
const queueFull: FailedExport = { kind: 'retryable', reason: 'queue_full', message: 'the queue of the exporter is full' };

/** The same at the end, when nobody waits for room any more. */
const fullAtEnd: FailedExport = { kind: 'retryable', reason: exporterClosed, message: 'the queue of the exporter was full at the end' };

/** The bounded queue before a network exporter: bytes of batches that are not acknowledged yet. */
export class QueuedSink implements BatchSink {
  readonly name: string;
  readonly #exporter: QueuedExporter;
  readonly #options: QueuedSinkOptions;
  readonly #waiting: (() => void)[] = [];
  /** A promise for each batch that is not acknowledged yet. */
  readonly #unsettled = new Set<Promise<void>>();
  #queuedBytes = 0;
  #delivered = 0;
  #dropsWhenFull: boolean;
  #isEnding = false;

  constructor(exporter: QueuedExporter, options: QueuedSinkOptions) {
    this.name = options.name;
    this.#exporter = exporter;
    this.#options = options;
    this.#dropsWhenFull = options.onFull === 'drop';
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** A batch larger than the queue goes in when the queue is empty. */
  push(batch: OutputBatch, onSettled?: OnSettled): Promise<void> {
    return this.enqueue(batch, outputBytes(batch), () => this.#exporter.export(batch.signal, batch), onSettled);
  }

  offer(batch: OutputBatch, until: AbortSignal): Promise<boolean> {
    return this.offered(outputBytes(batch), until, () => this.push(batch));
  }

  /** Does `push`, which takes `bytes` of the queue, once that does not wait; false where there is no room by then. */
  protected async offered(bytes: number, until: AbortSignal, push: () => Promise<void>): Promise<boolean> {
    while (this.#isFullFor(bytes) && (this.#isEnding || !this.#dropsWhenFull)) {
      if (this.#isEnding || until.aborted) return false;
      await this.#wokenOr(until);
    }
    await push();
    return true;
  }

  async hasRoom(until: AbortSignal): Promise<boolean> {
    while (this.#queuedBytes > this.#options.bytesMax / 2 && !this.#isEnding && !until.aborted) await this.#wokenOr(until);
    return !this.#isEnding && !until.aborted;
  }

  #isFullFor(bytes: number): boolean {
    return this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#options.bytesMax;
  }

  /** Resolves when the queue has changed, or `until` is aborted. */
  #wokenOr(until: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const woken = (): void => {
        until.removeEventListener('abort', woken);
        resolve();
      };
      this.#waiting.push(woken);
      until.addEventListener('abort', woken);
    });
  }

  /** Takes `bytes` of the queue until `send` has ended. */
  protected async enqueue(batch: OutputBatch | SplicedItems, bytes: number, send: () => Promise<ExportResult>, onSettled?: OnSettled): Promise<void> {
    const { signal, rowCount } = batch;
    while (this.#isFullFor(bytes)) {
      if (this.#dropsWhenFull) {
        const result = this.#isEnding ? fullAtEnd : queueFull;
        this.#options.onDropped(signal, rowCount, result, batch);
        onSettled?.(result);
        if (this.#isEnding) this.#unsettled.add(new Promise(() => {}));
        return;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#queuedBytes += bytes;
    const failed = (error: unknown): ExportResult => ({ kind: 'permanent', reason: 'internal', message: messageOf(error) });
    const { promise, resolve } = deferred<void>();
    this.#unsettled.add(promise);
    void send().catch(failed).then((result) => {
      this.#queuedBytes -= bytes;
      if (result.kind === 'ok') this.#delivered++;
      this.#options.onResult(signal, rowCount, result, batch);
      onSettled?.(result);
      if (result.kind === 'ok' || result.reason !== exporterClosed) {
        resolve();
        this.#unsettled.delete(promise);
      }
      this.#wake();
    });
  }

  async settled(): Promise<void> {
    await Promise.all(this.#unsettled);
  }

  dropWhenFull(): void {
    this.#isEnding = true;
    this.#dropsWhenFull = true;
    this.#wake();
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#exporter.close(deadlineMs);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A queue that takes items of OTLP requests as they are, too. */
export class OtlpQueuedSink extends QueuedSink {
  readonly #exporter: QueuedExporter<OutputBatch | SplicedItems>;

  constructor(exporter: QueuedExporter<OutputBatch | SplicedItems>, options: QueuedSinkOptions) {
    super(exporter, options);
    this.#exporter = exporter;
  }

  offerSpliced(items: SplicedItems, until: AbortSignal): Promise<boolean> {
    return this.offered(items.byteLength, until, () => this.pushSpliced(items));
  }

  pushSpliced(items: SplicedItems, onSettled?: OnSettled): Promise<void> {
    return this.enqueue(items, items.byteLength, () => this.#exporter.export(items.signal, items), onSettled);
  }
}
