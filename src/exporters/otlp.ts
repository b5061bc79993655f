import { CodedError, messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import { withDeadline } from '../base/with-deadline.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { OtlpRequest, RequestEncoder } from '../otlp/encode/requests.ts';
import type { SplicedItems } from '../otlp/splice/spliced-items.ts';
import { EndpointRing } from './endpoint-ring.ts';
import type { OtlpAnswer, OtlpTransport } from './otlp-answer.ts';
import type { QueuedExporter } from './queued-sink.ts';
import { backoffMs, exporterClosed, type ExportResult, type FailedExport, type RetryPolicy } from './retry.ts';
import type { LostItems, OnGivenUp } from './lost-items.ts';
import { Slots } from './slots.ts';

export interface OtlpExporterOptions {
  /** Servers that take turns; at least one. */
  readonly transports: readonly OtlpTransport<Signal>[];
  readonly encoder: RequestEncoder;
  readonly seam: Seam;
  readonly retry: RetryPolicy;
  /** Batches that may be under way at once; further ones wait. */
  readonly inFlightMax: number;
  /** What became of so many items; called for each request, and for the items that a server rejected of it. */
  readonly onResult: (signal: Signal, items: number, result: ExportResult) => void;
  /** `message` says why the last attempt came to nothing. */
  readonly onRetry: (signal: Signal, reason: string, message: string) => void;
  /** Told of what was lost, beside `onResult`. */
  readonly onGivenUp?: OnGivenUp;
  /** A server accepted everything and has something to say. */
  readonly onWarning: (signal: Signal, message: string) => void;
}

const ok: ExportResult = { kind: 'ok' };
const tooLong: FailedExport = { kind: 'permanent', reason: 'item_too_long', message: 'an item that came as OTAP is longer as OTLP than can be sent' };
const closed: FailedExport = { kind: 'retryable', reason: exporterClosed, message: 'the exporter was closed before the request was accepted' };

/**
 * Sends batches as OTLP requests, and again what was not accepted for now. A request may reach a server twice (its answer was lost), never
 * silently not at all.
 */
export class OtlpExporter implements QueuedExporter<OutputBatch | SplicedItems> {
  readonly #options: OtlpExporterOptions;
  readonly #ring: EndpointRing<OtlpTransport<Signal>>;
  readonly #slots: Slots;
  readonly #stop = new AbortController();
  #closing = false;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
    this.#ring = new EndpointRing(options.transports);
    this.#slots = new Slots(options.inFlightMax);
  }

  /** Resolves when each request of the batch was accepted, refused for good, or given up; `onResult` has said which. Never rejects. */
  export(signal: Signal, batch: OutputBatch | SplicedItems): Promise<ExportResult> {
    if (this.#closing) return Promise.resolve(this.#giveUp(signal, batch, batch.rowCount, closed));
    return this.#slots.run(() => this.#exportBatch(signal, batch));
  }

  /** Takes no more batches, gives those under way until the deadline, then gives them up. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    await withDeadline(this.#options.seam, deadlineMs, () => this.#abandon(), () => this.#slots.idle());
    for (const transport of this.#options.transports) transport.close();
  }

  #abandon(): void {
    this.#stop.abort();
    for (const transport of this.#options.transports) transport.close();
  }

  /** Requests of one batch go one after another. */
  async #exportBatch(signal: Signal, batch: OutputBatch | SplicedItems): Promise<ExportResult> {
    let itemsLeft = batch.rowCount;
    let last = ok;
    try {
      for (const { bytes, items } of this.#options.encoder.each(batch)) {
        const result = bytes === null ? this.#giveUp(signal, null, items, tooLong) : await this.#deliver(signal, { bytes, items });
        itemsLeft -= items;
        if (result.kind !== 'ok') last = result;
      }
      return last;
    } catch (error) {
      const reason = error instanceof CodedError ? error.reason : 'internal';
      return this.#giveUp(signal, null, itemsLeft, { kind: 'permanent', reason, message: messageOf(error) });
    }
  }

  async #deliver(signal: Signal, request: OtlpRequest): Promise<ExportResult> {
    const { seam, retry, onRetry } = this.#options;
    const startMs = seam.monotonicMs();
    let failure: FailedExport | null = null;
    for (let attempt = 1; ; ) {
      if (this.#stop.signal.aborted) return this.#giveUp(signal, this.#bytesOf(request), request.items, closed);
      const nowMs = seam.monotonicMs();
      const waitMs = this.#ring.waitMs(nowMs);
      const outOfTime = retry.maxElapsedMs > 0 && nowMs - startMs + waitMs > retry.maxElapsedMs;
      if (failure !== null && (outOfTime || !retry.enabled)) return this.#giveUp(signal, this.#bytesOf(request), request.items, failure);
      if (waitMs > 0) {
        await this.#wait(waitMs);
        continue;
      }
      if (failure !== null) onRetry(signal, failure.reason, failure.message);
      const transport = this.#ring.take(nowMs);
      const answer = await transport.send(signal, request.bytes);
      if (answer.kind === 'accepted') return this.#accepted(signal, request, answer);
      const { reason, message } = answer;
      if (!answer.retryable) return this.#giveUp(signal, this.#bytesOf(request), request.items, { kind: 'permanent', reason, message });
      failure = { kind: 'retryable', reason, message };
      this.#ring.rest(transport, seam.monotonicMs(), backoffMs(retry, attempt++, seam.jitter(), answer.retryAfterMs));
    }
  }

  #accepted(signal: Signal, { items }: OtlpRequest, { rejected, message }: Extract<OtlpAnswer, { readonly kind: 'accepted' }>): ExportResult {
    const lost = Math.min(rejected, items);
    if (lost < items) this.#report(signal, items - lost, ok);
    if (lost > 0) return this.#report(signal, lost, { kind: 'permanent', reason: 'partial_success', message });
    if (message !== '') this.#options.onWarning(signal, message);
    return ok;
  }

  /** Returns early when the exporter is stopped. */
  async #wait(ms: number): Promise<void> {
    try {
      await this.#options.seam.sleepMs(ms, this.#stop.signal);
    } catch {
      // Stopped: the caller looks.
    }
  }

  #bytesOf({ bytes }: OtlpRequest): LostItems {
    return { encoding: this.#options.encoder.encoding, bytes };
  }

  #giveUp(signal: Signal, what: LostItems | null, items: number, result: FailedExport): ExportResult {
    this.#options.onGivenUp?.(signal, what, items, result);
    return this.#report(signal, items, result);
  }

  #report(signal: Signal, items: number, result: ExportResult): ExportResult {
    this.#options.onResult(signal, items, result);
    return result;
  }
}
