import { constants, gunzipSync, zstdCompressSync } from 'node:zlib';
import { type BufferSource, freshBuffers } from '../base/buffer-source.ts';
import { decompress } from '../base/compression/zstd.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Signal } from '../otap/payload-type.ts';

/**
 * The one serialised form of a retained batch, the same bytes in memory and on disk, little-endian:
 *
 *     0  4  magic "TRB" and version 1
 *     4  1  kind: 0 batch, 1 stream state (schemas and dictionaries as of the batches that follow)
 *     5  1  signal: 0 traces, 1 logs, 2 metrics
 *     6  1  body encoding: 0 none, 1 zstd, 2 gzip
 *     7  1  bit 0: items that say nothing of sampling have an unknown probability (sampling.md, rule 4); bit 1: every value was checked
 *           when it came; bit 2: log records have a randomness of their own; bit 3: the body is an OTLP request; other bits 0
 *     8  8  batch ordinal, unique in the process and kept over recovery (keys the hash of rows without randomness)
 *    16  8  arrival, nanoseconds since the Unix epoch
 *    24  4  stream number: batches of one number share dictionaries
 *    28  4  bytes of the body when decompressed
 *    32  .  the body, a BatchArrowRecords or an OTLP request (Export...ServiceRequest), as it came where it came compressed
 *
 * The log of durability (pipeline/journal/records.ts) has a record of each.
 */
export const headerBytes = 32;
const magic = 0x01425254;

export const bodyEncodings = ['none', 'zstd', 'gzip'] as const;
export type BodyEncoding = (typeof bodyEncodings)[number];
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];

/** What an item stands for that says nothing of sampling: itself alone, or nobody knows (sampling.md, rule 4). */
export type WithoutThreshold = 'unsampled' | 'unknown';

export interface RetainedHeader {
  readonly kind: 'batch' | 'state';
  readonly signal: Signal;
  readonly encoding: BodyEncoding;
  readonly withoutThreshold: WithoutThreshold;
  /** Whether every value of the body has been checked, and need not be when it is read again. */
  readonly isChecked: boolean;
  /** Log records have a randomness of their own, not their traces' (sampling.md, rule 14). */
  readonly ownRandomness?: true;
  /** The body is an OTLP request, which needs no stream to be read, not a BatchArrowRecords. */
  readonly isOtlp?: true;
  readonly batchOrdinal: number;
  readonly arrivalUnixNano: bigint;
  readonly streamNumber: number;
  readonly bodyBytes: number;
}

/** One allocation that holds header and body; the body is copied, so the message that it came in can be freed. */
export function serialiseRetained(header: RetainedHeader, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(headerBytes + body.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, magic, true);
  view.setUint8(4, header.kind === 'batch' ? 0 : 1);
  view.setUint8(5, signals.indexOf(header.signal));
  view.setUint8(6, bodyEncodings.indexOf(header.encoding));
  view.setUint8(7, (header.withoutThreshold === 'unknown' ? 1 : 0) | (header.isChecked ? 2 : 0) | (header.ownRandomness === true ? 4 : 0) | (header.isOtlp === true ? 8 : 0));
  view.setBigUint64(8, BigInt(header.batchOrdinal), true);
  view.setBigInt64(16, header.arrivalUnixNano, true);
  view.setUint32(24, header.streamNumber, true);
  view.setUint32(28, header.bodyBytes, true);
  out.set(body, headerBytes);
  return out;
}

/** Reads a header. Errors: CodedError INTERNAL `retained_corrupt` or `retained_version`. */
export function readRetainedHeader(bytes: Uint8Array): RetainedHeader {
  if (bytes.length < headerBytes) throw corrupt('shorter than its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = view.getUint32(0, true);
  if ((found & 0xffffff) !== (magic & 0xffffff)) throw corrupt('not a retained batch');
  if (found !== magic) {
    throw new CodedError('INTERNAL', 'retained_version', `a retained batch of version ${found >>> 24}, this program reads version 1`);
  }
  const signal = signals[view.getUint8(5)];
  const encoding = bodyEncodings[view.getUint8(6)];
  if (signal === undefined || encoding === undefined || view.getUint8(4) > 1 || view.getUint8(7) > 15) throw corrupt('unknown kind, signal, encoding or flag');
  return {
    kind: view.getUint8(4) === 0 ? 'batch' : 'state',
    signal,
    encoding,
    withoutThreshold: (view.getUint8(7) & 1) === 1 ? 'unknown' : 'unsampled',
    isChecked: (view.getUint8(7) & 2) === 2,
    ...((view.getUint8(7) & 4) === 4 ? { ownRandomness: true } : {}),
    ...((view.getUint8(7) & 8) === 8 ? { isOtlp: true } : {}),
    batchOrdinal: Number(view.getBigUint64(8, true)),
    arrivalUnixNano: view.getBigInt64(16, true),
    streamNumber: view.getUint32(24, true),
    bodyBytes: view.getUint32(28, true),
  };
}

/** The body of a retained batch, decompressed, into memory of `source` where that can be. Errors: as `readRetainedHeader`. */
export function retainedBody(bytes: Uint8Array, source: BufferSource = freshBuffers): Uint8Array {
  const header = readRetainedHeader(bytes);
  const plain = decompressed(bytes.subarray(headerBytes), header, source);
  if (plain.length !== header.bodyBytes) throw corrupt(`${plain.length} bytes where ${header.bodyBytes} were announced`);
  return plain;
}

function decompressed(body: Uint8Array, { encoding, bodyBytes }: RetainedHeader, source: BufferSource): Uint8Array {
  try {
    if (encoding === 'none') return body;
    // One byte more than there is: a full chunk would make zlib allocate another.
    if (encoding === 'gzip') return gunzipSync(body, { maxOutputLength: Math.max(bodyBytes, 1), chunkSize: Math.max(bodyBytes + 1, 64) });
    const plain = source.take(bodyBytes);
    decompress(body, plain);
    return plain;
  } catch (error) {
    throw corrupt(`its ${encoding} body cannot be decompressed: ${messageOf(error)}`);
  }
}

/** Batches between two looks at whether compressing a stream's bodies pays. */
const lookEvery = 64;

/**
 * Compresses the bodies of one stream that came plain, zstd level 1, as long as that saves at least an eighth: bodies
 * whose Arrow buffers are compressed already shrink only where batches are small and metadata is most of them.
 */
export class BodyCompressor {
  #pays = true;
  #count = 0;

  compress(body: Uint8Array): { readonly encoding: BodyEncoding; readonly bytes: Uint8Array } {
    if (!this.#pays && this.#count++ % lookEvery !== 0) return { encoding: 'none', bytes: body };
    const bytes = zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    this.#pays = bytes.length < body.length * 0.875;
    return this.#pays ? { encoding: 'zstd', bytes } : { encoding: 'none', bytes: body };
  }
}

function corrupt(what: string): CodedError {
  return new CodedError('INTERNAL', 'retained_corrupt', `retained batch: ${what}`);
}
