import type { Seam } from '../base/seam.ts';
import { messageOf, type StatusName } from '../base/errors.ts';
import type { OpenClientStream } from '../grpc/client.ts';
import type { ClientStream, StreamEncoding } from '../grpc/client-stream.ts';
import { statusOfNumber, type GrpcStatus } from '../grpc/status.ts';
import { decodeBatchStatus } from '../otap/proto/batch-status.ts';

/** Encodes the batches of one gRPC stream; it holds the stream's Arrow IPC state and lives as long as the stream. */
export interface OtapStreamEncoderPort<B> {
  /** A BatchArrowRecords message. A throw makes this batch fail for good and ends the use of the encoder. */
  encode(batchId: bigint, batch: B): Uint8Array;
}

/** What became of one batch on one stream. */
export type SendOutcome =
  | { readonly kind: 'answered'; readonly status: StatusName; readonly message: string }
  | { readonly kind: 'unencodable'; readonly error: unknown }
  | { readonly kind: 'timeout' }
  /** The stream was retired before the batch was encoded: try the next stream at once. */
  | { readonly kind: 'not_sent' }
  /** `oldest`: no batch before it was unanswered, so that it is the likeliest cause. */
  | { readonly kind: 'stream_ended'; readonly status: GrpcStatus; readonly oldest: boolean };

export interface OtapStreamOptions<B> {
  readonly open: OpenClientStream;
  readonly path: string;
  readonly encoding: StreamEncoding;
  readonly encoder: OtapStreamEncoderPort<B>;
  readonly seam: Seam;
  /** How long a batch waits for its answer. */
  readonly timeoutMs: number;
  /** No batch is begun on the stream after this time. */
  readonly lifetimeMs: number;
  readonly onWireBytes: (bytes: number) => void;
}

interface Pending {
  readonly resolve: (outcome: SendOutcome) => void;
  readonly answered: AbortController;
}

/**
 * One OTAP stream to a consumer. Batch ids count up from 0; answers may come in any order.
 * Life: open (send) -> retired, by `retire`, its lifetime, or a timeout (half-closed; answers still come) -> ended.
 */
export class OtapStream<B> {
  /** Resolves when the stream is over. */
  readonly ended: Promise<GrpcStatus>;
  readonly encoding: StreamEncoding;
  readonly #options: OtapStreamOptions<B>;
  readonly #stream: ClientStream;
  readonly #pending = new Map<bigint, Pending>();
  readonly #over = new AbortController();
  #writes: Promise<unknown> = Promise.resolve();
  #nextBatchId = 0n;
  #retired = false;
  #endStatus: GrpcStatus | null = null;

  constructor(options: OtapStreamOptions<B>) {
    this.#options = options;
    this.encoding = options.encoding;
    this.#stream = options.open(options.path, options.encoding, (message) => this.#onMessage(message));
    this.ended = this.#stream.ended.then((status) => this.#onEnd(status));
    void this.#after(options.lifetimeMs, () => this.retire());
  }

  /** True while new batches may be sent. */
  get usable(): boolean {
    return !this.#retired && this.#endStatus === null;
  }

  /** True once it takes no new batches by our own decision. */
  get retired(): boolean {
    return this.#retired;
  }

  /** Sends one batch after those before it; resolves with what became of it. Never rejects. */
  async send(batch: B): Promise<SendOutcome> {
    const begun = this.#writes.then(() => this.#write(batch));
    this.#writes = begun;
    return (await begun).outcome;
  }

  /** Takes no more batches; half-closes, and cancels the stream if it has not ended when every batch has had its time. */
  retire(): void {
    if (this.#retired || this.#endStatus !== null) return;
    this.#retired = true;
    void this.#writes.then(() => this.#stream.closeSend());
    void this.#after(2 * this.#options.timeoutMs, () => this.cancel());
  }

  /** Gives the stream up; what is unanswered is `stream_ended`. */
  cancel(): void {
    this.#retired = true;
    this.#stream.cancel();
  }

  /** Encodes in turn, since the encoder's state goes with the order, and only when the transport has taken the batch before. */
  async #write(batch: B): Promise<{ readonly outcome: Promise<SendOutcome> }> {
    const begun = this.#begin(batch);
    if (begun.message !== null) this.#options.onWireBytes(await this.#stream.write(begun.message));
    return { outcome: begun.outcome };
  }

  #begin(batch: B): { readonly message: Uint8Array | null; readonly outcome: Promise<SendOutcome> } {
    if (this.#endStatus !== null) return settled({ kind: 'stream_ended', status: this.#endStatus, oldest: false });
    if (this.#retired) return settled({ kind: 'not_sent' });
    const batchId = this.#nextBatchId++;
    try {
      const message = this.#options.encoder.encode(batchId, batch);
      return { message, outcome: this.#answerTo(batchId) };
    } catch (error) {
      this.retire();
      return settled({ kind: 'unencodable', error });
    }
  }

  #answerTo(batchId: bigint): Promise<SendOutcome> {
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    const answered = new AbortController();
    this.#pending.set(batchId, { resolve, answered });
    void this.#after(this.#options.timeoutMs, () => {
      this.#settle(batchId, { kind: 'timeout' });
      this.retire();
    }, answered.signal);
    return promise;
  }

  #onMessage(message: Uint8Array): void {
    try {
      const { batchId, statusCode, statusMessage } = decodeBatchStatus(message);
      if (batchId < 0n || batchId >= this.#nextBatchId) throw new Error(`batch id ${batchId} was never sent`);
      this.#settle(batchId, { kind: 'answered', status: statusOfNumber(statusCode), message: statusMessage });
    } catch (error) {
      this.#end({ status: 'INTERNAL', message: `unusable BatchStatus: ${messageOf(error)}`, retryAfterMs: null });
      this.#stream.cancel();
    }
  }

  #settle(batchId: bigint, outcome: SendOutcome): void {
    const pending = this.#pending.get(batchId);
    if (pending === undefined) return;
    this.#pending.delete(batchId);
    pending.answered.abort();
    pending.resolve(outcome);
  }

  #onEnd(status: GrpcStatus): GrpcStatus {
    this.#over.abort();
    return this.#end(status);
  }

  #end(status: GrpcStatus): GrpcStatus {
    const first = (this.#endStatus ??= status);
    [...this.#pending.keys()].forEach((batchId, index) => {
      this.#settle(batchId, { kind: 'stream_ended', status: first, oldest: index === 0 });
    });
    return first;
  }

  /** Runs `act` after `ms`, unless `signal` (else the stream's end) comes first. */
  async #after(ms: number, act: () => void, signal = this.#over.signal): Promise<void> {
    try {
      await this.#options.seam.sleepMs(ms, signal);
    } catch {
      return;
    }
    act();
  }
}

function settled(outcome: SendOutcome): { readonly message: null; readonly outcome: Promise<SendOutcome> } {
  return { message: null, outcome: Promise.resolve(outcome) };
}
