import { OtapStreamDecoder } from '../../otap/decode/stream-decoder.ts';
import type { DecodeLimits } from '../../otap/decode/limits.ts';
import { decodeOtlp } from '../../otlp/decode/decode-otlp.ts';
import { HeldBatch, type HeldBytes } from '../../store/held-batch.ts';
import { readRetainedHeader, retainedBody, type RetainedHeader } from '../../store/retained-batch.ts';

/** A batch as it is read back. */
export interface ReadBatch {
  readonly header: RetainedHeader;
  readonly held: HeldBatch;
}

interface ReadStream {
  readonly decoder: OtapStreamDecoder;
  next: number;
}

/** Reads the batch records of one segment back, each stream with a decoder of its own, from its state on. */
export class BatchReader {
  readonly #streams = new Map<number, ReadStream>();
  readonly #account: HeldBytes;
  readonly #limits: Partial<DecodeLimits>;
  readonly #hashSeed: number;

  constructor(account: HeldBytes, limits: Partial<DecodeLimits>, hashSeed: number) {
    this.#account = account;
    this.#limits = limits;
    this.#hashSeed = hashSeed;
  }

  /**
   * The batch of a record's body; null for a stream's state, which is kept. Throws what decoding throws, and an Error for a batch of a stream of
   * which a record is missing: its dictionaries would be others. After either the stream is not read on.
   */
  read(body: Uint8Array): ReadBatch | null {
    const sequence = new DataView(body.buffer, body.byteOffset, body.length).getUint32(0, true);
    const bytes = body.slice(4);
    const header = readRetainedHeader(bytes);
    if (header.isOtlp === true) {
      const batch = decodeOtlp(header.signal, retainedBody(bytes), { hashSeed: this.#hashSeed });
      return { header, held: new HeldBatch(bytes, batch.rowCount, batch.layout, this.#account) };
    }
    if (header.kind === 'state') {
      const decoder = new OtapStreamDecoder(header.signal, this.#limits);
      decoder.decode(retainedBody(bytes));
      this.#streams.set(header.streamNumber, { decoder, next: 1 });
      return null;
    }
    const batch = this.#decode(header, sequence, retainedBody(bytes));
    return { header, held: new HeldBatch(bytes, batch.rowCount, batch.layout, this.#account) };
  }

  #decode({ streamNumber }: RetainedHeader, sequence: number, body: Uint8Array): ReturnType<OtapStreamDecoder['decode']> {
    const stream = this.#streams.get(streamNumber);
    if (stream?.next !== sequence) {
      this.#streams.delete(streamNumber);
      throw new Error(`a record of stream ${streamNumber} is missing before its number ${sequence}`);
    }
    stream.next++;
    return stream.decoder.decode(body);
  }
}
