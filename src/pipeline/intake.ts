import type { OtapBatch } from '../otap/batch.ts';
import { OtapDecodeError } from '../otap/decode/errors.ts';
import type { DecodeLimits } from '../otap/decode/limits.ts';
import { OtapStreamDecoder } from '../otap/decode/stream-decoder.ts';
import { BatchValidator } from '../otap/decode/validate.ts';
import { ArenaPool, type BufferArena } from '../otap/ipc/buffer-source.ts';
import type { Signal } from '../otap/payload-type.ts';
import { HeldBatch } from '../store/held-batch.ts';
import { BodyCompressor, type RetainedHeader, serialiseRetained } from '../store/retained-batch.ts';
import { BatchTaker, type StreamReading, type TakerParts } from './batch-taker.ts';
import { acceptedAck, type BatchAck, type BatchAnswer, type OtapIntakeStream, type OtlpIntake, type TelemetryMessage } from './intake-port.ts';
import type { StreamPlace } from './journal/journal.ts';
import { OtlpRequests } from './otlp-requests.ts';
import { bodyOnTheWire } from './wire-body.ts';

export interface IntakeParts extends TakerParts {
  readonly decodeLimits: Partial<DecodeLimits>;
  /** Keys hash tables against input that is made to collide. */
  readonly hashSeed: number;
}

interface IntakeStream {
  readonly signal: Signal;
  readonly reading: StreamReading;
  readonly number: number;
  readonly decoder: OtapStreamDecoder;
  readonly compressor: BodyCompressor;
  /** Where it stands in the log. */
  readonly place: StreamPlace;
  /** Null where senders are trusted to send valid values. */
  readonly validator: BatchValidator | null;
}

/** How a message of a stream is logged. */
interface StreamLogging {
  readonly place: StreamPlace;
  /** The segment that the stream can go on in; null where its state goes before. */
  readonly segment: number | null;
  readonly state: Uint8Array | null;
  /** Bytes that the message came in. */
  readonly bytes: number;
}

/** Where receivers hand over batches: decodes, retains, projects, and says what the sender is told. */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #taker: BatchTaker;
  #streamNumber = 0;
  readonly #open = new Set<IntakeStream>();
  readonly #arenas = new ArenaPool();

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#taker = new BatchTaker(parts);
  }

  /** Batches from here on have greater ordinals than this one. */
  startAfter(ordinal: number): void {
    this.#taker.startAfter(ordinal);
  }

  /** Bytes of schemas and dictionaries that open streams hold. */
  get streamBytes(): number {
    let bytes = 0;
    for (const { decoder } of this.#open) bytes += decoder.byteLength;
    return bytes;
  }

  /** Opens the intake's end of a stream of one signal. */
  open(signal: Signal, reading: StreamReading = {}): OtapIntakeStream {
    const stream: IntakeStream = {
      signal,
      reading,
      number: this.#streamNumber++,
      decoder: new OtapStreamDecoder(signal, this.#parts.decodeLimits),
      compressor: new BodyCompressor(),
      place: { segment: -1, count: 0 },
      validator: (reading.validate ?? 'all') === 'all' ? new BatchValidator() : null,
    };
    this.#open.add(stream);
    return {
      accept: (message) => this.#accept(stream, message),
      close: () => this.#open.delete(stream),
    };
  }

  /** Where a receiver's OTLP requests of one signal go. */
  openOtlp(signal: Signal, reading: StreamReading = {}): OtlpIntake {
    return new OtlpRequests(signal, reading, this.#taker, this.#arenas, this.#parts.hashSeed);
  }

  async #accept(stream: IntakeStream, message: TelemetryMessage): Promise<BatchAnswer> {
    const arena = this.#arenas.acquire();
    try {
      return await this.#answer(stream, message, arena);
    } finally {
      this.#arenas.release(arena);
    }
  }

  async #answer(stream: IntakeStream, message: TelemetryMessage, arena: BufferArena): Promise<BatchAnswer> {
    let batch: OtapBatch;
    let logging: StreamLogging | null;
    try {
      logging = this.#loggingOf(stream, message);
      batch = stream.decoder.decode(message.bytes, arena);
      stream.validator?.validate(batch);
    } catch (error) {
      return this.#refuseUndecoded(stream, error);
    }
    try {
      await this.#take(batch, stream, message, arena, logging);
      return { batchId: batch.batchId, ack: acceptedAck, streamBroken: false };
    } catch (error) {
      const streamBroken = error instanceof OtapDecodeError && error.streamBroken;
      return { batchId: batch.batchId, ack: this.#refusal(stream, error), streamBroken };
    }
  }

  /** Before a message is decoded, so that the log gets the stream's state as of before it. Whatever is not logged of the stream needs its state again. */
  #loggingOf({ signal, decoder, place }: IntakeStream, message: TelemetryMessage): StreamLogging | null {
    const { journal = null, budget } = this.#parts;
    if (journal === null || this.#taker.passes(signal)) return null;
    journal.rollWhenFull();
    const { segment } = place;
    place.segment = -1;
    const bytes = wireBytesOf(message);
    if (segment === journal.segment) return { place, segment, state: null, bytes };
    return { place, segment: null, state: budget.hasRoom(bytes) ? decoder.state() : null, bytes };
  }

  /** In the turn in which the message was decoded: the stream's state, where its segment has none. */
  #logState({ place, segment, state, bytes }: StreamLogging, header: Omit<RetainedHeader, 'kind' | 'encoding' | 'bodyBytes'>): void {
    if (segment !== null) place.segment = segment;
    else if (state === null) throw this.#taker.full(bytes);
    else this.#parts.journal?.streamState(place, serialiseRetained({ ...header, kind: 'state', encoding: 'none', bodyBytes: state.length }, state));
  }

  #take(batch: OtapBatch, { reading, number, validator, compressor }: IntakeStream, message: TelemetryMessage, arena: BufferArena, logging: StreamLogging | null): Promise<void> {
    const arrival = { receiver: receiverOf(reading), wireBytes: wireBytesOf(message), ...(logging === null ? {} : { place: logging.place }) };
    return this.#taker.take(batch, arrival, arena, (batchOrdinal, arrivalUnixNano, ownRandomness, account) => {
      const header = {
        signal: batch.signal, withoutThreshold: reading.withoutThreshold ?? 'unsampled', isChecked: validator !== null,
        ...(ownRandomness ? { ownRandomness } : {}), batchOrdinal, arrivalUnixNano, streamNumber: number,
      };
      if (logging !== null) this.#logState(logging, header);
      const body = bodyOnTheWire(message) ?? compressor.compress(message.bytes);
      const bytes = serialiseRetained({ ...header, kind: 'batch', encoding: body.encoding, bodyBytes: message.bytes.length }, body.bytes);
      return new HeldBatch(bytes, batch.rowCount, batch.layout, account);
    });
  }

  #refuseUndecoded(stream: IntakeStream, error: unknown): BatchAnswer {
    const isKnown = error instanceof OtapDecodeError;
    if (!isKnown || error.batchId === null) {
      this.#refusal(stream, error);
      throw error;
    }
    return { batchId: error.batchId, ack: this.#refusal(stream, error), streamBroken: error.streamBroken };
  }

  #refusal({ signal, reading }: IntakeStream, error: unknown): BatchAck {
    return this.#taker.refusal(signal, error, receiverOf(reading));
  }
}

function wireBytesOf({ compressed, bytes }: TelemetryMessage): number {
  return (compressed ?? bytes).length;
}

function receiverOf({ receiver = 'otap' }: StreamReading): string {
  return receiver;
}
