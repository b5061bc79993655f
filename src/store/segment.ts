import { crc32 } from 'node:zlib';
import { CodedError } from '../base/errors.ts';
import type { OtapBatch } from '../otap/batch.ts';
import type { DecodeLimits } from '../otap/decode/limits.ts';
import { OtapStreamDecoder } from '../otap/decode/stream-decoder.ts';
import { decodeOtlp } from '../otlp/decode/decode-otlp.ts';
import { readRetainedHeader, retainedBody, type RetainedHeader } from './retained-batch.ts';

/**
 * A segment is the log of one slot: retained batches (retained-batch.ts) one after the other, each behind 8 bytes, little-endian:
 *
 *     0  4  bytes of the record that follows
 *     4  4  CRC-32 of them
 *
 * Before the first batch of a stream stands the stream's state, so that a segment can be read by itself.
 */
const prefixBytes = 8;

/** A record as it is appended to a segment. */
export function segmentRecord(retained: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(prefixBytes + retained.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, retained.length, true);
  view.setUint32(4, crc32(retained), true);
  out.set(retained, prefixBytes);
  return out;
}

/** A record of a segment, and the segment's bytes up to its end. */
export interface SegmentRecord {
  readonly bytes: Uint8Array;
  readonly end: number;
}

/**
 * The records of a segment. A record that is cut off, as by a crash while it was written, ends it: `end` of the last one says from
 * where. Errors: CodedError INTERNAL `segment_corrupt`, where a record is not what was written.
 */
export function* segmentRecords(segment: Uint8Array): Generator<SegmentRecord, void, undefined> {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.length);
  for (let at = 0; at + prefixBytes <= segment.length; ) {
    const end = at + prefixBytes + view.getUint32(at, true);
    if (end > segment.length) return;
    const bytes = segment.subarray(at + prefixBytes, end);
    if (crc32(bytes) !== view.getUint32(at + 4, true)) throw new CodedError('INTERNAL', 'segment_corrupt', `record at byte ${at} of a segment has another checksum`);
    yield { bytes, end };
    at = end;
  }
}

/** A batch read back from a segment. */
export interface RecoveredBatch {
  readonly header: RetainedHeader;
  /** Its serialised form. */
  readonly retained: Uint8Array;
  readonly batch: OtapBatch;
}

/**
 * Reads the batches of a segment back, each stream with a decoder of its own. Errors: those of `segmentRecords`, CodedError of
 * `readRetainedHeader`, `segment_corrupt` for a batch before its stream's state, OtapDecodeError for a body that cannot be decoded.
 */
export function* recoverSegment(segment: Uint8Array, limits: Partial<DecodeLimits> = {}): Generator<RecoveredBatch, void, undefined> {
  const decoders = new Map<number, OtapStreamDecoder>();
  for (const { bytes } of segmentRecords(segment)) {
    const header = readRetainedHeader(bytes);
    if (header.kind === 'state') {
      const decoder = new OtapStreamDecoder(header.signal, limits);
      decoder.decode(retainedBody(bytes));
      decoders.set(header.streamNumber, decoder);
      continue;
    }
    if (header.isOtlp === true) {
      yield { header, retained: bytes, batch: decodeOtlp(header.signal, retainedBody(bytes)) };
      continue;
    }
    const decoder = decoders.get(header.streamNumber);
    if (decoder === undefined) throw new CodedError('INTERNAL', 'segment_corrupt', `stream ${header.streamNumber} of a segment has no state before its first batch`);
    yield { header, retained: bytes, batch: decoder.decode(retainedBody(bytes)) };
  }
}
