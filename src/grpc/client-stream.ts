import type { ClientDuplexStream, Metadata, StatusObject } from '@grpc/grpc-js';
import { statusOfError, statusOfNumber, type GrpcStatus } from './status.ts';
import { encodeFrame, FrameReader } from './framing.ts';
import { deflateMessage, isMessageEncoding, MessageInflater, type MessageEncoding } from './message-encoding.ts';
import { decodeRetryDelayMs } from './retry-info.ts';

/** A bidirectional stream of raw messages. */
export interface ClientStream {
  /**
   * Sends one message; resolves with the bytes that went out when the next may be written. Messages go out in the order of the
   * calls. After the end of the stream it resolves with 0 and without effect: `ended` says how the stream ended.
   */
  write(message: Uint8Array): Promise<number>;
  /** Half-closes after what was written: no more messages will be. */
  closeSend(): void;
  /** Gives the stream up; `ended` resolves with CANCELLED. */
  cancel(): void;
  /** Resolves with the stream's status; never rejects. */
  readonly ended: Promise<GrpcStatus>;
}

/** How a stream's messages are compressed; `level` is that of `zstd`, 1 to 19. */
export interface StreamEncoding {
  readonly encoding: MessageEncoding;
  readonly level: number;
}

/** A ClientStream over a call of grpc-js whose client passes frames (client-frames.ts). */
export class DuplexClientStream implements ClientStream {
  readonly ended: Promise<GrpcStatus>;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #encoding: StreamEncoding;
  readonly #receiveBytesMax: number;
  readonly #onMessage: (message: Uint8Array) => void;
  #inflater: MessageInflater;
  #writes: Promise<unknown> = Promise.resolve();
  #reads: Promise<unknown> = Promise.resolve();
  /** Wakes the write that waits for the call to take its frame. */
  #written: (() => void) | null = null;
  #over = false;
  #failure: GrpcStatus | null = null;

  constructor(call: ClientDuplexStream<Buffer, Buffer>, encoding: StreamEncoding, receiveBytesMax: number, onMessage: (message: Uint8Array) => void) {
    this.#call = call;
    this.#encoding = encoding;
    this.#receiveBytesMax = receiveBytesMax;
    this.#onMessage = onMessage;
    this.#inflater = new MessageInflater('identity', receiveBytesMax);
    const { promise, resolve } = Promise.withResolvers<GrpcStatus>();
    this.ended = promise;
    call.on('metadata', (metadata: Metadata) => this.#onMetadata(metadata));
    call.on('data', (frame: Buffer) => this.#inOrder(frame));
    call.on('error', () => {});
    call.on('status', (status: StatusObject) => {
      this.#over = true;
      this.#written?.();
      void this.#reads.then(() => resolve(this.#failure ?? statusOf(status)));
    });
  }

  write(message: Uint8Array): Promise<number> {
    const written = this.#writes.then(() => this.#writeNow(message));
    this.#writes = written;
    return written;
  }

  closeSend(): void {
    void this.#writes.then(() => {
      if (!this.#over) this.#call.end();
    });
  }

  cancel(): void {
    this.#call.cancel();
  }

  async #writeNow(message: Uint8Array): Promise<number> {
    if (this.#over) return 0;
    const { encoding, level } = this.#encoding;
    const deflated = deflateMessage(encoding, message, level);
    const frame = encodeFrame(deflated instanceof Promise ? await deflated : deflated, encoding !== 'identity');
    if (this.#over || this.#call.destroyed) return 0;
    await new Promise<void>((resolve) => {
      this.#written = resolve;
      this.#call.write(frame, () => resolve());
    });
    this.#written = null;
    return frame.length;
  }

  #onMetadata(metadata: Metadata): void {
    const [name] = metadata.get('grpc-encoding');
    if (typeof name === 'string' && isMessageEncoding(name)) this.#inflater = new MessageInflater(name, this.#receiveBytesMax);
  }

  #inOrder(frame: Buffer): void {
    this.#reads = this.#reads.then(() => this.#deliver(frame)).catch((error: unknown) => {
      this.#failure ??= statusOfError(error);
      this.cancel();
    });
  }

  async #deliver(bytes: Buffer): Promise<void> {
    if (this.#failure !== null) return;
    const frames = new FrameReader(this.#receiveBytesMax);
    frames.push(bytes);
    const frame = frames.next();
    if (frame === null) return;
    this.#onMessage(frame.compressed ? await this.#inflater.inflate(frame.payload) : frame.payload);
  }
}

function statusOf(status: StatusObject): GrpcStatus {
  const details: unknown = status.metadata.get('grpc-status-details-bin')[0];
  const retryAfterMs = details instanceof Buffer ? decodeRetryDelayMs(details.toString('base64')) : null;
  return { status: statusOfNumber(status.code), message: status.details, retryAfterMs };
}
