import { CodedError, messageOf, type StatusName } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import { withDeadline } from '../base/with-deadline.ts';
import type { OpenClientStream } from '../grpc/client.ts';
import type { StreamEncoding } from '../grpc/client-stream.ts';
import type { Logger } from '../telemetry/log.ts';
import { OtapStream, type OtapStreamEncoderPort, type SendOutcome } from './otap-stream.ts';
import { Slots } from './slots.ts';
import { backoffMs, exporterClosed, isRetryable, type ExportResult, type RetryPolicy } from './retry.ts';

export interface OtapSenderOptions<B> {
  readonly open: OpenClientStream;
  readonly path: string;
  readonly encoding: StreamEncoding;
  /** Makes the encoder of a new stream; `plain` when the consumer does not know all payload types. */
  readonly encode: (plain: boolean) => OtapStreamEncoderPort<B>;
  readonly seam: Seam;
  readonly log: Logger;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly maxStreamLifetimeMs: number;
  /** Batches that may be under way at once; further ones wait. */
  readonly inFlightMax: number;
  readonly onRetry?: (reason: string) => void;
  readonly onWireBytes?: (bytes: number) => void;
}

/**
 * A stream that ends with a status that sending again does not mend has ended for the sake of one of its batches, likely the
 * oldest unanswered: a batch that was it so often is given up.
 */
const suspicionsMax = 5;
const poisoned: ReadonlySet<StatusName> = new Set(['INVALID_ARGUMENT', 'FAILED_PRECONDITION', 'NOT_FOUND', 'PERMISSION_DENIED', 'UNAUTHENTICATED']);
/** How the Collector's otelarrow receiver ends a stream, with INTERNAL, for a batch that it cannot read. */
const undecodable = /^otel-arrow decode:/;
const unknownPayload = /^otel-arrow decode:.*unknown payload type/;

type Verdict =
  | { readonly kind: 'final'; readonly result: ExportResult }
  | { readonly kind: 'at_once' }
  | { readonly kind: 'again'; readonly reason: string; readonly message: string; readonly askedMs: number | null; readonly suspect: boolean };

/**
 * Sends the batches of one signal over OTAP streams, one at a time in use: opens one when there is something to send,
 * replaces it when it ends or has lived its time, and sends again what was not acknowledged. A batch may reach the consumer
 * twice (its answer was lost), never silently not at all.
 */
export class OtapSender<B> {
  readonly #options: OtapSenderOptions<B>;
  readonly #stop = new AbortController();
  readonly #slots: Slots;
  /** The stream in use and the retired ones that have not ended. */
  readonly #streams = new Set<OtapStream<B>>();
  #encoding: StreamEncoding;
  /** Streams of whose payload types the consumer did not know one are followed by plain ones. */
  #plain = false;
  #stream: OtapStream<B> | null = null;
  #closing = false;

  constructor(options: OtapSenderOptions<B>) {
    this.#options = options;
    this.#encoding = options.encoding;
    this.#slots = new Slots(options.inFlightMax);
  }

  /**
   * Delivers one batch; resolves when it is acknowledged, refused for good, or given up. Never rejects. Callers beyond
   * `inFlightMax` wait in order.
   */
  export(batch: B): Promise<ExportResult> {
    if (this.#closing) return Promise.resolve(closed);
    return this.#slots.run(() => this.#deliver(batch));
  }

  /** Takes no more batches, gives those under way until `deadlineMs`, then gives them up as retryable. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    await withDeadline(this.#options.seam, deadlineMs, () => this.#giveUp(), async () => {
      await this.#slots.idle();
      for (const stream of this.#streams) stream.retire();
      await Promise.all([...this.#streams].map((stream) => stream.ended));
    });
  }

  #giveUp(): void {
    this.#stop.abort();
    for (const stream of this.#streams) stream.cancel();
  }

  async #deliver(batch: B): Promise<ExportResult> {
    const { seam, retry, onRetry } = this.#options;
    const startMs = seam.monotonicMs();
    let attempts = 0;
    let suspicions = 0;
    for (;;) {
      if (this.#stop.signal.aborted) return closed;
      const stream = this.#usableStream();
      const verdict = this.#judge(await stream.send(batch), stream);
      if (verdict.kind === 'final') return verdict.result;
      if (verdict.kind === 'at_once') continue;
      attempts++;
      if (verdict.suspect && ++suspicions >= suspicionsMax) return failed('permanent', verdict.reason, verdict.message);
      const waitMs = backoffMs(retry, attempts, seam.jitter(), verdict.askedMs);
      const outOfTime = retry.maxElapsedMs > 0 && seam.monotonicMs() - startMs + waitMs > retry.maxElapsedMs;
      if (!retry.enabled || outOfTime) return failed('retryable', verdict.reason, verdict.message);
      onRetry?.(verdict.reason);
      if (!(await this.#wait(waitMs))) return closed;
    }
  }

  /** False when the sender was stopped in the meantime. */
  async #wait(ms: number): Promise<boolean> {
    try {
      await this.#options.seam.sleepMs(ms, this.#stop.signal);
      return true;
    } catch {
      return false;
    }
  }

  #usableStream(): OtapStream<B> {
    if (this.#stream?.usable === true) return this.#stream;
    const { open, path, encode, seam, timeoutMs, maxStreamLifetimeMs, onWireBytes } = this.#options;
    const lifetimeMs = maxStreamLifetimeMs * (0.9 + 0.1 * seam.jitter());
    const stream = new OtapStream<B>({
      open, path, encoding: this.#encoding, encoder: encode(this.#plain), seam, timeoutMs, lifetimeMs, onWireBytes: onWireBytes ?? (() => {}),
    });
    this.#streams.add(stream);
    void stream.ended.then(({ status, message }) => {
      this.#streams.delete(stream);
      if (status !== 'OK' && !stream.retired) this.#options.log.warn('otap_stream_ended', `the OTAP stream ended: ${status} ${message}`, { path, status });
    });
    this.#stream = stream;
    return stream;
  }

  #judge(outcome: SendOutcome, stream: OtapStream<B>): Verdict {
    switch (outcome.kind) {
      case 'answered':
        return judgeAnswer(outcome.status, outcome.message);
      case 'unencodable':
        return final('permanent', outcome.error instanceof CodedError ? outcome.error.reason : 'unencodable', messageOf(outcome.error));
      case 'timeout':
        return again('timeout', `no answer within ${this.#options.timeoutMs} ms`);
      case 'not_sent':
        return { kind: 'at_once' };
      case 'stream_ended':
        return this.#judgeEnd(outcome, stream.encoding);
    }
  }

  #judgeEnd({ status, oldest }: Extract<SendOutcome, { kind: 'stream_ended' }>, encoding: StreamEncoding): Verdict {
    const reason = status.status === 'OK' ? 'stream_closed' : `stream_${status.status.toLowerCase()}`;
    if (status.status !== 'UNIMPLEMENTED') {
      if (unknownPayload.test(status.message) && this.#becomePlain(status.message)) return { kind: 'at_once' };
      return again(reason, status.message, status.retryAfterMs, oldest && (poisoned.has(status.status) || undecodable.test(status.message)));
    }
    if (encoding.encoding === 'identity') return final('permanent', reason, status.message);
    if (this.#encoding.encoding !== 'identity') {
      this.#encoding = { ...this.#encoding, encoding: 'identity' };
      this.#options.log.warn('otap_compression_refused', `the consumer does not take ${encoding.encoding} messages: sending them uncompressed`, {
        path: this.#options.path, answer: status.message,
      });
    }
    return { kind: 'at_once' };
  }

  /** False when streams are plain already. */
  #becomePlain(answer: string): boolean {
    if (this.#plain) return false;
    this.#plain = true;
    this.#options.log.warn('otap_payload_refused', 'the consumer does not know the attributes of metrics (METRIC_ATTRS): sending metrics without them', { path: this.#options.path, answer });
    return true;
  }
}

const closed: ExportResult = { kind: 'retryable', reason: exporterClosed, message: 'the exporter was closed before the batch was acknowledged' };

function judgeAnswer(status: StatusName, message: string): Verdict {
  if (status === 'OK') return { kind: 'final', result: { kind: 'ok' } };
  const reason = status.toLowerCase();
  return isRetryable(status) ? again(reason, message) : final('permanent', reason, message);
}

function again(reason: string, message: string, askedMs: number | null = null, suspect = false): Verdict {
  return { kind: 'again', reason, message, askedMs, suspect };
}

function failed(kind: 'retryable' | 'permanent', reason: string, message: string): ExportResult {
  return { kind, reason, message };
}

function final(kind: 'retryable' | 'permanent', reason: string, message: string): Verdict {
  return { kind: 'final', result: failed(kind, reason, message) };
}
