import type { IncomingHttpHeaders } from 'node:http2';
import type { MessageEncoding } from './message-encoding.ts';

/**
 * One received message. The bytes may be views into network buffers, and those of a unary call are used again when its handler is done:
 * whoever keeps a part of them copies it.
 */
export interface GrpcMessage {
  readonly bytes: Uint8Array;
  /** The message as it came when it was compressed, such that any decoder reads it whole; null when it came plain. */
  readonly compressed: Uint8Array | null;
  /** Bytes that the message had on the wire. */
  readonly wireBytes: number;
  readonly encoding: MessageEncoding;
}

/**
 * One RPC as its handler sees it. `read` and `write` are for one caller at a time. The transport holds at most the
 * stream's flow-control window and one message: a handler that does not read stops its sender.
 */
export interface ServerCall {
  readonly path: string;
  readonly peer: string;
  readonly headers: IncomingHttpHeaders;
  /** Aborted when the client went away or the call's deadline passed; its reason is a CodedError. */
  readonly signal: AbortSignal;
  /** Aborted when the server drains: finish what was read and return. */
  readonly draining: AbortSignal;
  /**
   * The next message; null when the client has closed its side, and from then on.
   * Throws what `FrameReader` and `MessageInflater` throw, and the reason of `signal`.
   */
  read(): Promise<GrpcMessage | null>;
  /** From now on `read` gives null: what the client has sent beyond what was read is left to it. */
  stopReading(): void;
  /** Sends one message; resolves when the sender may write the next one. Throws the reason of `signal`. */
  write(message: Uint8Array): Promise<void>;
}
