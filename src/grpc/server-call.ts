import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import { CodedError } from '../base/errors.ts';
import type { CallOptions, ReceiveBudget } from './call-options.ts';
import type { GrpcMessage, ServerCall } from './call.ts';
import { encodeFrame, FrameReader } from './framing.ts';
import { acceptEncoding, type MessageEncoding, type MessageInflater } from './message-encoding.ts';
import { statusOfError, trailersOf, type GrpcStatus } from './status.ts';
import { isOneZstdFrame } from './zstd-frames.ts';

const responseHeaders = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': acceptEncoding,
} as const;

/** A ServerCall over one stream of node:http2. */
export class Http2ServerCall implements ServerCall {
  readonly path: string;
  readonly peer: string;
  readonly headers: IncomingHttpHeaders;
  readonly draining: AbortSignal;
  readonly #stream: ServerHttp2Stream;
  readonly #frames: FrameReader;
  readonly #inflater: MessageInflater;
  readonly #budget: ReceiveBudget;
  readonly #options: CallOptions;
  readonly #abort = new AbortController();
  /** What this call has taken of the budget. */
  #budgetedBytes = 0;
  /** Memory of the pool that messages of this call lie in. */
  readonly #lent: Buffer[] = [];
  #ended = false;
  #stopped = false;
  #finished = false;
  /** Since when a message is on its way; null where none is. */
  #sinceMs: number | null;
  /** Wakes the reader that waits for bytes, the end, or an abort. */
  #wake: (() => void) | null = null;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: CallOptions) {
    this.path = options.path;
    this.peer = options.peer;
    this.headers = headers;
    this.draining = options.draining;
    this.#stream = stream;
    this.#budget = options.budget;
    this.#options = options;
    this.#sinceMs = options.isUnary ? options.nowMs() : null;
    this.#frames = new FrameReader(options.messageBytesMax, options.isUnary ? (length) => this.#lend(length) : undefined);
    this.#inflater = options.inflater;
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.pause();
    stream.on('end', () => this.#onEnd());
    stream.on('close', () => this.#onClose());
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  async read(): Promise<GrpcMessage | null> {
    for (;;) {
      this.signal.throwIfAborted();
      if (this.#stopped) return null;
      const message = this.#nextMessage();
      if (message !== null) return message;
      if (this.#ended) return null;
      await this.#moreBytes();
    }
  }

  get deadlineMs(): number {
    return this.#options.deadlineMs;
  }

  /** Ends the call after its deadline, or where the message that its reader waits for has been on its way for longer than `readTimeoutMs`. */
  look(nowMs: number, readTimeoutMs: number): void {
    if (nowMs >= this.deadlineMs) this.endLate();
    else if (this.#wake !== null && this.#sinceMs !== null && nowMs - this.#sinceMs >= readTimeoutMs) {
      this.#refuse(new CodedError('DEADLINE_EXCEEDED', 'slow_sender', `a message was not there ${readTimeoutMs} ms after its beginning`));
    }
  }

  endLate(): void {
    const reason = new CodedError('DEADLINE_EXCEEDED', 'deadline_exceeded', 'the call took longer than its grpc-timeout');
    this.cancel(reason);
    this.finish(statusOfError(reason));
  }

  stopReading(): void {
    this.#stopped = true;
    this.#wakeReader();
  }

  async write(message: Uint8Array): Promise<void> {
    this.signal.throwIfAborted();
    if (this.#stream.destroyed || this.#stream.closed) throw clientGone();
    if (!this.#stream.headersSent) this.#stream.respond(responseHeaders, { waitForTrailers: true });
    if (!this.#stream.write(encodeFrame(message, false))) await this.#drained();
  }

  /** Ends the RPC with a status; a status that comes before any message is sent as trailers only. Only the first counts. */
  finish(status: GrpcStatus): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#release();
    // Unread data would keep the stream, and with it the connection, from closing.
    this.#stream.resume();
    if (this.#stream.destroyed || this.#stream.closed) return;
    const trailers = trailersOf(status);
    if (!this.#stream.headersSent) {
      this.#stream.respond({ ...responseHeaders, ...trailers }, { endStream: true });
      this.#stopSender();
      return;
    }
    this.#stream.once('wantTrailers', () => {
      this.#stream.sendTrailers(trailers);
      this.#stopSender();
    });
    this.#stream.end();
  }

  /** Gives back the memory of messages; to be called when nobody reads them any more. */
  releaseMessages(): void {
    for (const buffer of this.#lent.splice(0)) this.#options.pool.give(buffer);
  }

  /** Ends reads and writes with `reason`. */
  cancel(reason: CodedError): void {
    if (!this.signal.aborted) this.#abort.abort(reason);
    this.#wakeReader();
  }

  /** Tells a client that still sends to stop, after the status is out (RFC 9113, section 8.1: RST_STREAM with NO_ERROR). */
  #stopSender(): void {
    if (this.#ended) return;
    setImmediate(() => {
      if (!this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #lend(length: number): Buffer {
    this.#lent.push(this.#options.pool.take(length));
    return this.#lent[this.#lent.length - 1];
  }

  /** Null where no message is whole yet. What cannot be read is told of, and thrown. */
  #nextMessage(): Promise<GrpcMessage> | null {
    try {
      const frame = this.#frames.next();
      this.#account();
      if (frame === null) {
        if (this.#ended) this.#frames.assertComplete();
        return null;
      }
      if (!this.#options.isUnary) this.#sinceMs = this.#frames.bufferedBytes > 0 ? this.#options.nowMs() : null;
      return this.#inflate(frame.payload, frame.compressed).catch((error: unknown) => this.#tellAndThrow(error));
    } catch (error) {
      return this.#tellAndThrow(error);
    }
  }

  #tellAndThrow(error: unknown): never {
    if (error instanceof CodedError) this.#options.onRefused(error);
    throw error;
  }

  async #inflate(payload: Buffer, compressed: boolean): Promise<GrpcMessage> {
    const wireBytes = payload.length;
    if (!compressed) return { bytes: payload, compressed: null, wireBytes, encoding: 'identity' };
    let reserved = 0;
    try {
      const inflated = this.#inflater.inflate(payload, (bytes) => {
        reserved = bytes;
        this.#budget.bytes += bytes;
        if (this.#budget.bytes > this.#budget.bytesMax) throw buffersFull();
      });
      const bytes = inflated instanceof Promise ? await inflated : inflated;
      const { encoding } = this.#inflater;
      return { bytes, compressed: isReadByAll(payload, encoding) ? payload : null, wireBytes, encoding };
    } finally {
      this.#budget.bytes -= reserved;
    }
  }

  #onData(chunk: Buffer): void {
    if (this.#finished) return;
    const ready = this.#frames.push(chunk);
    this.#sinceMs ??= this.#options.nowMs();
    this.#account();
    if (this.#budget.bytes > this.#budget.bytesMax) this.#refuse(buffersFull());
    else if (ready) this.#wakeReader();
  }

  #refuse(reason: CodedError): void {
    this.#options.onRefused(reason);
    this.cancel(reason);
    this.finish(statusOfError(reason));
  }

  #account(): void {
    this.#budget.bytes += this.#frames.bufferedBytes - this.#budgetedBytes;
    this.#budgetedBytes = this.#frames.bufferedBytes;
  }

  #release(): void {
    this.#frames.clear();
    this.#account();
  }

  #onClose(): void {
    if (this.#finished) return;
    const gone = clientGone();
    const isWithinMessage = this.#sinceMs !== null && !(this.#ended && this.#frames.isEmpty);
    if (isWithinMessage) this.#options.onRefused(gone);
    this.#release();
    this.cancel(gone);
  }

  #onEnd(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  async #moreBytes(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#stream.resume();
    await woken;
    if (!this.#finished) this.#stream.pause();
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#stream.off('drain', done);
        this.signal.removeEventListener('abort', done);
        if (this.signal.aborted) reject(this.signal.reason);
        else resolve();
      };
      this.#stream.once('drain', done);
      this.signal.addEventListener('abort', done);
    });
  }
}

function isReadByAll(payload: Buffer, encoding: MessageEncoding): boolean {
  return !encoding.startsWith('zstd') || isOneZstdFrame(payload);
}

function buffersFull(): CodedError {
  return new CodedError('RESOURCE_EXHAUSTED', 'receive_buffers_full', 'the receiver holds too many unread messages', { retryAfterMs: 1000 });
}

function clientGone(): CodedError {
  return new CodedError('CANCELLED', 'client_cancelled', 'the client has gone away');
}
