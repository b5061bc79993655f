import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { present } from '../base/assert.ts';
import { compress as compressHere } from '../base/compression/zstd.ts';
import type { ArenaPool, BufferArena } from '../otap/ipc/buffer-source.ts';
import type { Signal } from '../otap/payload-type.ts';
import { decodeOtlp } from '../otlp/decode/decode-otlp.ts';
import { HeldBatch } from '../store/held-batch.ts';
import { serialiseRetained } from '../store/retained-batch.ts';
import type { BatchTaker, StreamReading } from './batch-taker.ts';
import { acceptedAck, type BatchAck, type OtlpIntake, type TelemetryMessage } from './intake-port.ts';
import { bodyOnTheWire, type RetainedBody } from './wire-body.ts';

const compress = promisify(zstdCompress);
/** zstd's fast levels are below 0. On recorded spans, 1,000 a request, level 1 takes 0.57 us a span for 60 B of 352, this one 0.47 for 69 B; what is read again is read a sixth faster. */
const level = -2;
/** Requests mostly shrink to less; a longer output takes the way to the other thread once more. */
const expectedShare = 1 / 4;
/** Shorter requests are not worth it. */
const compressBytesMin = 4096;
/** Below this the way to another thread takes this one as long as the work would, 40 microseconds, and the other one twice that. */
const offThreadBytesMin = 16 * 1024;

/** The OTLP requests of one receiver and signal on their way into windows. Requests have no stream, so each stands for itself. */
export class OtlpRequests implements OtlpIntake {
  readonly #signal: Signal;
  readonly #reading: StreamReading;
  readonly #taker: BatchTaker;
  readonly #arenas: ArenaPool;
  readonly #hashSeed: number;

  constructor(signal: Signal, reading: StreamReading, taker: BatchTaker, arenas: ArenaPool, hashSeed: number) {
    this.#signal = signal;
    this.#reading = reading;
    this.#taker = taker;
    this.#arenas = arenas;
    this.#hashSeed = hashSeed;
  }

  /** The body comes first: while another thread compresses it, no memory of this one is taken. */
  async accept(message: TelemetryMessage): Promise<BatchAck> {
    try {
      const body = this.#taker.passes(this.#signal) ? null : bodyOnTheWire(message) ?? await compressed(message.bytes);
      await this.#take(message, body);
      return acceptedAck;
    } catch (error) {
      return this.#taker.refusal(this.#signal, error, this.#reading.receiver ?? 'otlp');
    }
  }

  async #take(message: TelemetryMessage, body: RetainedBody | null): Promise<void> {
    const arena = this.#arenas.acquire();
    try {
      await this.#takeWith(arena, message, body);
    } finally {
      this.#arenas.release(arena);
    }
  }

  /** `body`: what is retained of the message; what passes is not held. */
  async #takeWith(arena: BufferArena, message: TelemetryMessage, body: RetainedBody | null): Promise<void> {
    const { receiver = 'otlp', withoutThreshold = 'unsampled', validate = 'all' } = this.#reading;
    const isChecked = validate === 'all';
    const batch = decodeOtlp(this.#signal, message.bytes, { source: arena, hashSeed: this.#hashSeed, isChecked });
    const { signal, rowCount, layout } = batch;
    const wireBytes = (message.compressed ?? message.bytes).length;
    await this.#taker.take(batch, { receiver, wireBytes }, arena, (batchOrdinal, arrivalUnixNano, ownRandomness, account) => {
      const { encoding, bytes } = present(body, 'body of what is retained');
      const header = {
        kind: 'batch', signal, encoding, withoutThreshold, isChecked, ...(ownRandomness ? { ownRandomness } : {}), isOtlp: true, batchOrdinal, arrivalUnixNano, streamNumber: 0,
        bodyBytes: message.bytes.length,
      } as const;
      return new HeldBatch(serialiseRetained(header, bytes), rowCount, layout, account);
    });
  }
}

/** What came plain, compressed where that saves at least an eighth; on another thread but for what is short. */
async function compressed(bytes: Uint8Array): Promise<RetainedBody> {
  if (bytes.length < compressBytesMin) return { encoding: 'none', bytes };
  const small = bytes.length < offThreadBytesMin ? compressHere(bytes, level) : await compress(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level }, pledgedSrcSize: bytes.length, chunkSize: Math.ceil(bytes.length * expectedShare) });
  return small.length < bytes.length * 0.875 ? { encoding: 'zstd', bytes: small } : { encoding: 'none', bytes };
}
