import { crc32 } from 'node:zlib';

/**
 * A segment file of the log, little-endian: 16 bytes of header, then records one after the other.
 *
 *     header  0  4  magic "TSEG"             record  0  4  magic "TREC"
 *             4  4  version, 1                       4  4  bytes of the body
 *             8  8  number of the segment            8  4  CRC-32 of bytes 4 to 8, 12 to 16 and the body
 *                                                   12  4  kind
 *                                                   16  .  body
 *
 * What was being written when a process died ends a segment: its last record may be cut off. The magic of each record lets a reader go on after
 * one that is damaged.
 */
export const segmentHeaderBytes = 16;
export const recordHeaderBytes = 16;
const segmentMagic = 0x47455354;
const recordMagic = 0x43455254;
const version = 1;

export function segmentHeader(segment: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(segmentHeaderBytes);
  const view = new DataView(out.buffer);
  view.setUint32(0, segmentMagic, true);
  view.setUint32(4, version, true);
  view.setBigUint64(8, BigInt(segment), true);
  return out;
}

/** A record whose body are `parts`, one after the other. `kind` is the caller's. */
export function encodeRecord(kind: number, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bodyBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const out = new Uint8Array(recordHeaderBytes + bodyBytes);
  const view = new DataView(out.buffer);
  view.setUint32(0, recordMagic, true);
  view.setUint32(4, bodyBytes, true);
  view.setUint32(12, kind, true);
  let at = recordHeaderBytes;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  view.setUint32(8, checksum(out, 0, bodyBytes), true);
  return out;
}

/** A record as it is read; `body` is a view of the segment's bytes. */
export interface LogRecord {
  readonly kind: number;
  readonly body: Uint8Array;
}

/** Bytes of a segment that are no record. `isTail`: no record follows, as where a process died while it wrote. */
export interface Damage {
  readonly at: number;
  readonly bytes: number;
  readonly isTail: boolean;
}

/** Why a file is no segment that this program reads; null where it is one. A header that is cut off is a segment without records. */
export function headerComplaint(bytes: Uint8Array): string | null {
  if (bytes.length < segmentHeaderBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== segmentMagic) return 'it is not a segment of the log';
  const found = view.getUint32(4, true);
  return found === version ? null : `it is of version ${found}, and this program reads version ${version}`;
}

/** The records of a segment, in order, and what of it is damaged, where it stands. */
export function* readSegment(bytes: Uint8Array): Generator<LogRecord | Damage, void, undefined> {
  let at = Math.min(segmentHeaderBytes, bytes.length);
  while (at < bytes.length) {
    const end = recordEnd(bytes, at);
    if (end === null) {
      const next = nextRecord(bytes, at + 1);
      yield { at, bytes: (next ?? bytes.length) - at, isTail: next === null };
      if (next === null) return;
      at = next;
      continue;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    yield { kind: view.getUint32(at + 12, true), body: bytes.subarray(at + recordHeaderBytes, end) };
    at = end;
  }
}

/** Kind and bytes of the body of a record that `bytes` begin with; null where they do not begin with one. Nothing of it is checked. */
export function readRecordHead(bytes: Uint8Array): { readonly kind: number; readonly bodyBytes: number } | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return view.getUint32(0, true) === recordMagic ? { kind: view.getUint32(12, true), bodyBytes: view.getUint32(4, true) } : null;
}

/** The body of the one record that `bytes` are; null where they are not that. */
export function recordBody(bytes: Uint8Array): Uint8Array | null {
  return recordEnd(bytes, 0) === bytes.length ? bytes.subarray(recordHeaderBytes) : null;
}

/** Where the record at `at` ends; null where there is none, or it is not whole. */
function recordEnd(bytes: Uint8Array, at: number): number | null {
  if (at + recordHeaderBytes > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(at, true) !== recordMagic) return null;
  const bodyBytes = view.getUint32(at + 4, true);
  const end = at + recordHeaderBytes + bodyBytes;
  return end <= bytes.length && checksum(bytes, at, bodyBytes) === view.getUint32(at + 8, true) ? end : null;
}

function nextRecord(bytes: Uint8Array, from: number): number | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = buffer.indexOf('TREC', from, 'latin1'); at !== -1; at = buffer.indexOf('TREC', at + 1, 'latin1')) {
    if (recordEnd(bytes, at) !== null) return at;
  }
  return null;
}

function checksum(bytes: Uint8Array, at: number, bodyBytes: number): number {
  return crc32(bytes.subarray(at + 12, at + recordHeaderBytes + bodyBytes), crc32(bytes.subarray(at + 4, at + 8)));
}
