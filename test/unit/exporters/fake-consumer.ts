import { statusNumbers, type StatusName } from '../../../src/base/errors.ts';
import type { Seam } from '../../../src/base/seam.ts';
import type { OpenClientStream } from '../../../src/grpc/client.ts';
import type { ClientStream, StreamEncoding } from '../../../src/grpc/client-stream.ts';
import type { GrpcStatus } from '../../../src/grpc/status.ts';
import { decodeBatchArrowRecords, encodeBatchArrowRecords } from '../../../src/otap/proto/batch-arrow-records.ts';
import { encodeBatchStatus } from '../../../src/otap/proto/batch-status.ts';
import type { OtapStreamEncoderPort } from '../../../src/exporters/otap-stream.ts';

/** Encodes a number: the batch id must be what a fresh IPC state expects next, else the encoder is used out of order. */
export class NumberEncoder implements OtapStreamEncoderPort<number> {
  #next = 0n;

  encode(batchId: bigint, batch: number): Uint8Array {
    if (batchId !== this.#next++) throw new Error(`encoder used out of order: ${batchId}`);
    if (batch < 0) throw new Error('cannot be encoded');
    return encodeBatchArrowRecords(batchId, [{ schemaId: String(batch), type: 40, record: [] }]);
  }
}

/** What a consumer does with one message; null: no answer at all. */
export type Reaction =
  | { readonly answer: StatusName; readonly afterMs: number }
  | { readonly end: StatusName; readonly afterMs: number; readonly message?: string }
  | null;

export interface Received {
  readonly stream: number;
  readonly batchId: bigint;
  readonly batch: number;
}

/** A consumer in memory: `react` decides of each message. Checks what every stream must keep to. */
export class FakeConsumer {
  /** Batches that were answered OK, with repetitions. */
  readonly accepted: number[] = [];
  readonly received: Received[] = [];
  readonly encodings: StreamEncoding[] = [];
  streams = 0;
  openStreams = 0;
  openStreamsMax = 0;
  unanswered = 0;
  unansweredMax = 0;
  react: (received: Received, encoding: StreamEncoding) => Reaction = () => ({ answer: 'OK', afterMs: 1 });
  /** Whether streams close when the sender half-closes. */
  closesOnHalfClose = true;
  readonly #seam: Seam;

  constructor(seam: Seam) {
    this.#seam = seam;
  }

  readonly open: OpenClientStream = (_path, encoding, onMessage) => {
    this.encodings.push(encoding);
    this.openStreamsMax = Math.max(this.openStreamsMax, ++this.openStreams);
    return new FakeStream(this, this.#seam, this.streams++, encoding, onMessage);
  };
}

class FakeStream implements ClientStream {
  readonly ended: Promise<GrpcStatus>;
  readonly #consumer: FakeConsumer;
  readonly #seam: Seam;
  readonly #number: number;
  readonly #encoding: StreamEncoding;
  readonly #onMessage: (message: Uint8Array) => void;
  readonly #end: (status: GrpcStatus) => void;
  #over = false;
  #halfClosed = false;
  #unanswered = 0;
  #next = 0n;

  constructor(consumer: FakeConsumer, seam: Seam, number: number, encoding: StreamEncoding, onMessage: (message: Uint8Array) => void) {
    this.#consumer = consumer;
    this.#seam = seam;
    this.#number = number;
    this.#encoding = encoding;
    this.#onMessage = onMessage;
    const { promise, resolve } = Promise.withResolvers<GrpcStatus>();
    this.ended = promise;
    this.#end = resolve;
  }

  async write(message: Uint8Array): Promise<number> {
    if (this.#over) return 0;
    if (this.#halfClosed) throw new Error('written after half-close');
    const { batchId, payloads } = decodeBatchArrowRecords(message);
    if (batchId !== this.#next++) throw new Error(`batch id ${batchId} out of sequence`);
    const received = { stream: this.#number, batchId, batch: Number(payloads[0].schemaId) };
    this.#consumer.received.push(received);
    this.#unanswered++;
    this.#consumer.unansweredMax = Math.max(this.#consumer.unansweredMax, ++this.#consumer.unanswered);
    void this.#react(received);
    return message.length;
  }

  closeSend(): void {
    this.#halfClosed = true;
    this.#closeWhenDone();
  }

  cancel(): void {
    this.#finish('CANCELLED');
  }

  async #react(received: Received): Promise<void> {
    const reaction = this.#consumer.react(received, this.#encoding);
    if (reaction === null) return;
    await this.#seam.sleepMs(reaction.afterMs);
    if (this.#over) return;
    if ('end' in reaction) {
      this.#finish(reaction.end, reaction.message);
      return;
    }
    if (reaction.answer === 'OK') this.#consumer.accepted.push(received.batch);
    this.#unanswered--;
    this.#consumer.unanswered--;
    this.#onMessage(encodeBatchStatus({ batchId: received.batchId, statusCode: statusNumbers[reaction.answer], statusMessage: reaction.answer }));
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.#halfClosed && this.#unanswered === 0 && this.#consumer.closesOnHalfClose) this.#finish('OK');
  }

  #finish(status: StatusName, message: string = status): void {
    if (this.#over) return;
    this.#over = true;
    this.#consumer.openStreams--;
    this.#consumer.unanswered -= this.#unanswered;
    this.#end({ status, message, retryAfterMs: null });
  }
}
