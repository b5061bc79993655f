import { ByteChunks } from '../base/byte-chunks.ts';
import { CodedError } from '../base/errors.ts';

/** One length-prefixed message of a gRPC stream, as it came. */
export interface Frame {
  readonly compressed: boolean;
  /** May be a view into a larger network buffer. */
  readonly payload: Buffer;
}

const headerBytes = 5;

/** A message with its length prefix: [compressed flag: 1 byte][length: 4 bytes, big endian][payload]. */
export function encodeFrame(payload: Uint8Array, compressed: boolean): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame[0] = compressed ? 1 : 0;
  frame.writeUInt32BE(payload.length, 1);
  frame.set(payload, headerBytes);
  return frame;
}

/**
 * Cuts a byte stream into frames. Long chunks are held as they come and joined once, when a message is complete; a length
 * over `payloadBytesMax` is refused before its bytes are held.
 * Errors: RESOURCE_EXHAUSTED / message_too_large, INTERNAL / malformed_frame, INTERNAL / truncated_frame.
 */
export class FrameReader {
  readonly #payloadBytesMax: number;
  readonly #chunks: ByteChunks;
  #payloadBytes = -1;
  #compressed = false;

  /** `memory` gives at least so many bytes for a payload that came in parts. */
  constructor(payloadBytesMax: number, memory?: (length: number) => Buffer) {
    this.#payloadBytesMax = payloadBytesMax;
    this.#chunks = new ByteChunks(memory);
  }

  /** Bytes that are held and not yet given out. */
  get bufferedBytes(): number {
    return this.#chunks.byteLength;
  }

  /** Nothing of a frame has come that was not given out. */
  get isEmpty(): boolean {
    return this.bufferedBytes === 0 && this.#payloadBytes < 0;
  }

  /** Adds bytes; true when `next` has a frame or an error to give. */
  push(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    if (this.#payloadBytes < 0) return this.bufferedBytes >= headerBytes && this.#headerSaysReady();
    return this.bufferedBytes >= this.#payloadBytes;
  }

  /** The next complete frame, or null when more bytes are needed. */
  next(): Frame | null {
    if (this.#payloadBytes < 0 && !this.#readHeader()) return null;
    if (this.bufferedBytes < this.#payloadBytes) return null;
    const payload = this.#chunks.take(this.#payloadBytes);
    this.#payloadBytes = -1;
    return { compressed: this.#compressed, payload };
  }

  /** To be called when the stream has ended: refuses a frame that was cut. */
  assertComplete(): void {
    if (!this.isEmpty) {
      throw new CodedError('INTERNAL', 'truncated_frame', 'the stream ended inside a message');
    }
  }

  /** Lets go of everything that is held. */
  clear(): void {
    this.#chunks.clear();
    this.#payloadBytes = -1;
  }

  /** Looks at a header without taking it; a header that spans chunks is left to `next`. */
  #headerSaysReady(): boolean {
    const { first } = this.#chunks;
    if (first === undefined || first.length < headerBytes || first[0] > 1) return true;
    const length = first.readUInt32BE(1);
    return length > this.#payloadBytesMax || this.bufferedBytes - headerBytes >= length;
  }

  #readHeader(): boolean {
    if (this.bufferedBytes < headerBytes) return false;
    const header = this.#chunks.take(headerBytes);
    if (header[0] > 1) throw new CodedError('INTERNAL', 'malformed_frame', `compressed flag is ${header[0]}, not 0 or 1`);
    const length = header.readUInt32BE(1);
    if (length > this.#payloadBytesMax) throw tooLarge(length, this.#payloadBytesMax);
    this.#compressed = header[0] === 1;
    this.#payloadBytes = length;
    return true;
  }
}

/** The refusal of a message over the limit. */
export function tooLarge(lengthBytes: number, bytesMax: number): CodedError {
  const message = `message of ${lengthBytes} bytes is over the limit of ${bytesMax}`;
  return new CodedError('RESOURCE_EXHAUSTED', 'message_too_large', message);
}
