import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { decompress } from '../base/compression/zstd.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import { tooLarge } from './framing.ts';
import { zstdFrames } from './zstd-frames.ts';

const zstdArrowLevels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const;

/** Encodings of messages that real senders use; `zstdarrowN` is the Collector's OTAP exporter's name for zstd at level N. */
export type MessageEncoding = 'identity' | 'gzip' | 'deflate' | 'zstd' | `zstdarrow${(typeof zstdArrowLevels)[number]}`;

export const messageEncodings: readonly MessageEncoding[] = [
  'identity', 'gzip', 'deflate', 'zstd', ...zstdArrowLevels.map((level) => `zstdarrow${level}` as const),
];

/** The grpc-accept-encoding header. */
export const acceptEncoding = messageEncodings.join(',');

/** True when we can read messages in this encoding. */
export function isMessageEncoding(name: string): name is MessageEncoding {
  return (messageEncodings as readonly string[]).includes(name);
}

/**
 * Messages that are expected to be at most this long are inflated and deflated on the calling thread: below it the way to a
 * worker thread costs the calling thread as much as the work (docs/adr/0003-zstd-messages.md).
 */
export const offThreadBytesMin = 256 * 1024;

/** zstd frames below this that say their size go through WebAssembly, where a call costs 3 microseconds and not 20 or more. */
const wasmBytesMax = 12 * 1024;

/**
 * Windows above this are refused: a frame header of six bytes may ask for gigabytes of window.
 * 32 MiB is the largest that the Go encoder behind zstdarrow10 writes.
 */
const zstdWindowLogMax = 25;

/** By its first two bytes (RFC 1950, section 2.2); some senders leave the header of `deflate` out, and a raw stream hardly ever begins so. */
function isZlib(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && (bytes[0] & 0x0f) === 8 && bytes[0] >>> 4 <= 7 && ((bytes[0] << 8) | bytes[1]) % 31 === 0;
}

/** The output: expected size first, then the bound. */
interface OutputOptions {
  readonly chunkSize: number;
  readonly maxOutputLength: number;
}

interface Codec {
  readonly sync: (bytes: Uint8Array, options: OutputOptions) => Buffer;
  readonly async: (bytes: Uint8Array, options: OutputOptions) => Promise<Buffer>;
}

const zlibStrict = { rejectGarbageAfterEnd: true };
const gunzipAsync = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const inflateAsync = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflate);
const inflateRawAsync = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const zstdParams = { [zlib.constants.ZSTD_d_windowLogMax]: zstdWindowLogMax };
const zstdAsync = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress);
const inflaters: Readonly<Record<'gzip' | 'deflate' | 'zstd', Codec>> = {
  // Not strict, which would refuse files of several members (RFC 1952, section 2.2); what follows the last one and is neither a member nor padding is refused all the same.
  gzip: {
    sync: (bytes, options) => zlib.gunzipSync(bytes, options),
    async: (bytes, options) => gunzipAsync(bytes, options),
  },
  deflate: {
    sync: (bytes, options) => (isZlib(bytes) ? zlib.inflateSync : zlib.inflateRawSync)(bytes, { ...options, ...zlibStrict }),
    async: (bytes, options) => (isZlib(bytes) ? inflateAsync : inflateRawAsync)(bytes, { ...options, ...zlibStrict }),
  },
  zstd: {
    sync: (bytes, options) => zlib.zstdDecompressSync(bytes, { ...options, params: zstdParams }),
    async: (bytes, options) => zstdAsync(bytes, { ...options, params: zstdParams }),
  },
};

/**
 * Inflates the messages of one stream in one encoding. It learns how far messages expand: one output buffer of about
 * the right size is what keeps node:zlib's one-shot functions fast (with their 16 kB chunks a 400 kB message takes twice as long).
 */
export class MessageInflater {
  readonly encoding: MessageEncoding;
  readonly #bytesMax: number;
  /** Decompressed over compressed bytes of recent messages. */
  #expansion = 4;

  constructor(encoding: MessageEncoding, bytesMax: number) {
    this.encoding = encoding;
    this.#bytesMax = bytesMax;
  }

  /**
   * The message in `bytes`; a promise when the work is done off the calling thread. Many may wait there, each with its output allocated:
   * `reserve` is told before of how many bytes that is, and may throw.
   * Errors: RESOURCE_EXHAUSTED / message_too_large above the limit, INTERNAL / undecodable_message, what `reserve` throws.
   */
  inflate(bytes: Uint8Array, reserve: (bytes: number) => void = () => {}): Uint8Array | Promise<Uint8Array> {
    if (this.encoding === 'identity') {
      throw new CodedError('INTERNAL', 'undecodable_message', 'a message is flagged compressed but grpc-encoding is identity');
    }
    if (this.encoding === 'gzip' || this.encoding === 'deflate') {
      return this.#inflatePart(inflaters[this.encoding], bytes, this.#expectedBytes(bytes), reserve);
    }
    return this.#inflateZstd(bytes, reserve);
  }

  #inflateZstd(bytes: Uint8Array, reserve: (bytes: number) => void): Uint8Array | Promise<Uint8Array> {
    const frames = zstdFrames(bytes);
    const declared = frames.reduce((sum, frame) => sum + (frame.contentBytes ?? 0), 0);
    if (declared > this.#bytesMax) throw tooLarge(declared, this.#bytesMax);
    if (frames.length === 1) {
      const { contentBytes } = frames[0];
      if (contentBytes !== null && bytes.length < wasmBytesMax) return this.#inflateSmall(frames[0].bytes, contentBytes);
      return this.#inflatePart(inflaters.zstd, frames[0].bytes, contentBytes ?? this.#expectedBytes(bytes), reserve);
    }
    const parts: Buffer[] = [];
    let left = this.#bytesMax;
    for (const frame of frames) {
      const part = this.#inflateSync(inflaters.zstd, frame.bytes, frame.contentBytes ?? this.#expectedBytes(frame.bytes), left);
      left -= part.length;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  #inflateSmall(frame: Uint8Array, contentBytes: number): Uint8Array {
    const inflated = new Uint8Array(contentBytes);
    try {
      decompress(frame, inflated);
    } catch (error) {
      throw inflateError(error, this.encoding, this.#bytesMax);
    }
    return inflated;
  }

  #expectedBytes(bytes: Uint8Array): number {
    return (this.encoding === 'gzip' ? gzipBytes(bytes, this.#bytesMax) : null) ?? Math.ceil(bytes.length * this.#expansion) + 512;
  }

  #inflatePart(codec: Codec, bytes: Uint8Array, expected: number, reserve: (bytes: number) => void): Uint8Array | Promise<Uint8Array> {
    const bytesMax = this.#bytesMax;
    if (expected < offThreadBytesMin) return this.#inflateSync(codec, bytes, expected, bytesMax);
    reserve(Math.min(expected, bytesMax));
    return codec.async(bytes, outputOptions(expected, bytesMax)).then(
      (inflated) => this.#learn(bytes, inflated),
      (error: unknown) => {
        throw inflateError(error, this.encoding, bytesMax);
      },
    );
  }

  #inflateSync(codec: Codec, bytes: Uint8Array, expected: number, bytesMax: number): Buffer {
    try {
      return this.#learn(bytes, codec.sync(bytes, outputOptions(expected, bytesMax)));
    } catch (error) {
      throw inflateError(error, this.encoding, bytesMax);
    }
  }

  /** Keeps the greater of the last expansion and a slowly falling memory of it. */
  #learn(bytes: Uint8Array, inflated: Buffer): Buffer {
    const expansion = (inflated.length / Math.max(1, bytes.length)) * 1.05;
    this.#expansion = Math.min(64, Math.max(expansion, this.#expansion * 0.9));
    return inflated;
  }
}

/** More than one byte of deflate can expand to (RFC 1951: 258 bytes in two bits). */
const expansionMax = 1032;

/** What the end of gzip data says of its size (RFC 1952, section 2.3.1), with room to see that nothing follows; null where that cannot be. A hint: it is not checked. */
function gzipBytes(bytes: Uint8Array, bytesMax: number): number | null {
  const end = bytes.length - 4;
  if (end < 14) return null;
  const size = (bytes[end] | (bytes[end + 1] << 8) | (bytes[end + 2] << 16)) + bytes[end + 3] * 2 ** 24;
  return size > 0 && size <= Math.min(bytesMax, bytes.length * expansionMax) ? size + 64 : null;
}

function outputOptions(expected: number, bytesMax: number): OutputOptions {
  const chunkSize = Math.max(64, Math.min(expected, bytesMax));
  return { chunkSize, maxOutputLength: Math.max(1, bytesMax) };
}

function inflateError(error: unknown, encoding: string, bytesMax: number): CodedError {
  if (error instanceof RangeError) {
    const message = `message decompresses to more than the limit of ${bytesMax} bytes`;
    return new CodedError('RESOURCE_EXHAUSTED', 'message_too_large', message, { cause: error });
  }
  return new CodedError('INTERNAL', 'undecodable_message', `${encoding}: ${messageOf(error)}`, { cause: error });
}

const deflateGzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gzip);
const deflateZlib = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflate);
const deflateZstd = promisify<Uint8Array, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);

/** Level of `zstd`, `gzip` and `deflate` where nothing else is said. zstd's own default; zlib's, 6, takes twice as long for a tenth less. */
export const levelDefault = 3;
const zlibLevelMax = 9;

/**
 * `bytes` in `encoding`, off the calling thread where the message is large. For `identity`: the same bytes.
 * `level` is that of `zstd` (1 to 19), and of `gzip` and `deflate`, where 9 is the last; the zstdarrowN names carry theirs.
 */
export function deflateMessage(encoding: MessageEncoding, bytes: Uint8Array, level = levelDefault): Uint8Array | Promise<Uint8Array> {
  const chunkSize = Math.max(64, Math.ceil(bytes.length / 2));
  const offThread = bytes.length >= offThreadBytesMin / 2;
  if (encoding === 'identity') return bytes;
  const zlibOptions = { chunkSize, level: Math.min(level, zlibLevelMax) };
  if (encoding === 'gzip') return offThread ? deflateGzip(bytes, zlibOptions) : zlib.gzipSync(bytes, zlibOptions);
  if (encoding === 'deflate') return offThread ? deflateZlib(bytes, zlibOptions) : zlib.deflateSync(bytes, zlibOptions);
  const zstdLevel = encoding === 'zstd' ? level : Number(encoding.slice('zstdarrow'.length));
  const options = { chunkSize, params: { [zlib.constants.ZSTD_c_compressionLevel]: zstdLevel }, pledgedSrcSize: bytes.length };
  return offThread ? deflateZstd(bytes, options) : zlib.zstdCompressSync(bytes, options);
}
