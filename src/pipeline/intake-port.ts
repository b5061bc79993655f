import type { StatusName } from '../base/errors.ts';
import type { Signal } from '../otap/payload-type.ts';

/** What the intake says of one batch; it goes to the sender as a BatchStatus. */
export interface BatchAck {
  readonly status: StatusName;
  readonly message: string;
  /** With RESOURCE_EXHAUSTED or UNAVAILABLE: when to come again. */
  readonly retryAfterMs: number | null;
}

export const acceptedAck: BatchAck = { status: 'OK', message: '', retryAfterMs: null };

/** One message as a receiver hands it over: a BatchArrowRecords, or an OTLP export request in protobuf. Its bytes may be views: whoever keeps a part copies it. */
export interface TelemetryMessage {
  readonly bytes: Uint8Array;
  /** The message as it came on the wire, in `encoding`; null when it came plain, or in a form that not every decoder reads whole. */
  readonly compressed: Uint8Array | null;
  /** Name of the message encoding of gRPC, or of the content encoding of HTTP: identity, zstd, zstdarrow5, gzip, ... */
  readonly encoding: string;
}

/** The answer to one message. */
export interface BatchAnswer {
  readonly batchId: bigint;
  readonly ack: BatchAck;
  /** The IPC state can no longer be trusted: after this answer the stream ends with the answer's status. */
  readonly streamBroken: boolean;
}

/**
 * The intake's end of one gRPC stream; the stateful IPC decoding lives behind it.
 *
 * Life: `accept` for each message in the order of the stream, then `close` once, however the stream ended. The next `accept`
 * may be called before the promise of the one before has settled (a receiver bounds how many): messages must be decoded in
 * the order of the calls. A refused batch (RESOURCE_EXHAUSTED) must still have advanced the IPC state.
 * `accept` rejects only when there is no batch id to answer to (malformed protobuf); that ends the stream with the error's status.
 */
export interface OtapIntakeStream {
  accept(message: TelemetryMessage): Promise<BatchAnswer>;
  close(): void;
}

/** Opens the intake's end of a stream; `peer` is `host:port` for the log. */
export type OpenIntakeStream = (signal: Signal, peer: string) => OtapIntakeStream;

/**
 * Where OTLP requests of one receiver and one signal go. `accept` resolves with what the sender is told (OK: all items are taken; nothing is
 * taken in part), and does not reject. How many requests are under way at once is the receiver's to bound.
 */
export interface OtlpIntake {
  accept(message: TelemetryMessage): Promise<BatchAck>;
}

/** Opens the intake for the OTLP requests of a receiver. Throws CodedError UNIMPLEMENTED where the signal is not taken here. */
export type OpenOtlpIntake = (signal: Signal) => OtlpIntake;
