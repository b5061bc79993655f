import { CodedError, messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import type { OtapBatch } from '../otap/batch.ts';
import { OtapDecodeError } from '../otap/decode/errors.ts';
import type { DecodeLimits } from '../otap/decode/limits.ts';
import { OtapStreamDecoder } from '../otap/decode/stream-decoder.ts';
import { BatchValidator } from '../otap/decode/validate.ts';
import { ArenaPool, type BufferArena } from '../otap/ipc/buffer-source.ts';
import type { Signal } from '../otap/payload-type.ts';
import { HeldBatch, type HeldBytes } from '../store/held-batch.ts';
import { BodyCompressor, serialiseRetained, type WithoutThreshold } from '../store/retained-batch.ts';
import { acceptedAck, type BatchAck, type BatchAnswer, type OtapIntakeStream, type TelemetryMessage } from './intake-port.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { SignalIntake, TakenRows } from './signal-intake.ts';

/** When a sender that found the intake full should come again. */
const retryAfterMs = 1000;

export interface IntakeParts {
  readonly seam: Seam;
  readonly budget: MemoryBudget;
  readonly account: HeldBytes;
  readonly decodeLimits: Partial<DecodeLimits>;
  readonly traces: SignalIntake;
  readonly logs: SignalIntake;
  /** Metrics go on as they are. */
  readonly passThrough: (batch: OtapBatch) => Promise<void>;
  readonly observer: IntakeObserver;
  readonly logRandomness: LogRandomness;
}

/** Whose randomness a log record has: its trace's, so that a trace's records stay together, or its own (sampling.md, rule 14). */
export type LogRandomness = 'trace' | 'record';

/** Told what the intake did; counts, and nothing else. */
export interface IntakeObserver {
  accepted(signal: Signal, batch: { readonly items: number; readonly wireBytes: number; readonly taken: TakenRows | null }): void;
  refused(signal: Signal, error: CodedError): void;
}

/** How the batches of a stream are read. */
export interface StreamReading {
  /** How items are read that say nothing of sampling; unsampled by default. */
  readonly withoutThreshold?: WithoutThreshold;
  /**
   * `all` (default): every value is checked before a batch is acknowledged. `read`: only what is read on the way; bad values elsewhere
   * are found when their item is rebuilt, and cost it.
   */
  readonly validate?: 'all' | 'read';
}

interface IntakeStream {
  readonly signal: Signal;
  readonly withoutThreshold: WithoutThreshold;
  readonly number: number;
  readonly decoder: OtapStreamDecoder;
  readonly compressor: BodyCompressor;
  /** Null where senders are trusted to send valid values. */
  readonly validator: BatchValidator | null;
}

/** Where receivers hand over batches: decodes, retains, projects, and says what the sender is told. */
export class Intake {
  readonly #parts: IntakeParts;
  #batchOrdinal: number;
  #streamNumber = 0;
  readonly #open = new Set<IntakeStream>();
  readonly #arenas = new ArenaPool();

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#batchOrdinal = parts.seam.firstBatchOrdinal;
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
      withoutThreshold: reading.withoutThreshold ?? 'unsampled',
      number: this.#streamNumber++,
      decoder: new OtapStreamDecoder(signal, this.#parts.decodeLimits),
      compressor: new BodyCompressor(),
      validator: (reading.validate ?? 'all') === 'all' ? new BatchValidator() : null,
    };
    this.#open.add(stream);
    return {
      accept: (message) => this.#accept(stream, message),
      close: () => this.#open.delete(stream),
    };
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
    try {
      batch = stream.decoder.decode(message.bytes, arena);
      stream.validator?.validate(batch);
    } catch (error) {
      return this.#refuseUndecoded(stream.signal, error);
    }
    try {
      await this.#take(batch, stream, message);
      return { batchId: batch.batchId, ack: acceptedAck, streamBroken: false };
    } catch (error) {
      const streamBroken = error instanceof OtapDecodeError && error.streamBroken;
      return { batchId: batch.batchId, ack: this.#refusal(stream.signal, error), streamBroken };
    }
  }

  async #take(batch: OtapBatch, stream: IntakeStream, message: TelemetryMessage): Promise<void> {
    const { budget, seam, observer, passThrough } = this.#parts;
    const wireBytes = (message.compressed ?? message.bytes).length;
    if (!budget.hasRoom(wireBytes)) {
      throw new CodedError('RESOURCE_EXHAUSTED', 'memory_limit', 'the intake is full; come again later', { retryAfterMs });
    }
    if (batch.signal === 'metrics') {
      await passThrough(batch);
      observer.accepted('metrics', { items: batch.rowCount, wireBytes, taken: null });
      return;
    }
    const arrivalNano = seam.nowUnixNano();
    const held = this.#retain(batch, stream, message, arrivalNano);
    const taken = await this.#parts[batch.signal].take(batch, held, arrivalNano);
    observer.accepted(batch.signal, { items: batch.rowCount, wireBytes, taken });
  }

  #retain(batch: OtapBatch, stream: IntakeStream, message: TelemetryMessage, arrivalUnixNano: bigint): HeldBatch {
    const came = compressedAs(message);
    const body = came ?? stream.compressor.compress(message.bytes);
    const bytes = serialiseRetained({
      kind: 'batch', signal: batch.signal, encoding: body.encoding, withoutThreshold: stream.withoutThreshold,
      isChecked: stream.validator !== null, ...(this.#parts.logRandomness === 'record' && batch.signal === 'logs' ? { ownRandomness: true } : {}), batchOrdinal: this.#batchOrdinal++,
      arrivalUnixNano, streamNumber: stream.number, bodyBytes: message.bytes.length,
    }, body.bytes);
    return new HeldBatch(bytes, batch.rowCount, batch.layout, this.#parts.account);
  }

  #refuseUndecoded(signal: Signal, error: unknown): BatchAnswer {
    const isKnown = error instanceof OtapDecodeError;
    if (!isKnown || error.batchId === null) {
      this.#refusal(signal, error);
      throw error;
    }
    return { batchId: error.batchId, ack: this.#refusal(signal, error), streamBroken: error.streamBroken };
  }

  #refusal(signal: Signal, error: unknown): BatchAck {
    const coded = error instanceof CodedError ? error : new CodedError('INTERNAL', 'intake_failed', messageOf(error), { cause: error });
    this.#parts.observer.refused(signal, coded);
    return { status: coded.status, message: coded.message, retryAfterMs: coded.retryAfterMs };
  }
}

function compressedAs({ compressed, encoding }: TelemetryMessage): { readonly encoding: 'zstd' | 'gzip'; readonly bytes: Uint8Array } | null {
  if (compressed === null) return null;
  if (encoding === 'gzip') return { encoding, bytes: compressed };
  return encoding.startsWith('zstd') ? { encoding: 'zstd', bytes: compressed } : null;
}
