import { CodedError } from '../../base/errors.ts';
import { WireReader, wireTypes } from './wire-reader.ts';
import { delimitedLength, varint64Length, varintLength, writeBytes, writeVarint, writeVarint64 } from './wire-writer.ts';

/** More payloads than any batch needs (a metrics batch has at most 19); a message with more is refused. */
export const payloadCountMax = 128;

/** One payload of a received batch. `record` is a view into the message. */
export interface ArrowPayload {
  readonly schemaId: string;
  /** Number of ArrowPayloadType; numbers that nobody knows are given as they are. */
  readonly type: number;
  readonly record: Uint8Array;
}

/** A received BatchArrowRecords. */
export interface BatchArrowRecords {
  readonly batchId: bigint;
  readonly payloads: readonly ArrowPayload[];
}

/** One payload to send; the parts of `record` are written one after another. */
export interface OutgoingPayload {
  readonly schemaId: string;
  readonly type: number;
  readonly record: readonly Uint8Array[];
}

const encoder = new TextEncoder();
const tags = { batchId: 0x08, payload: 0x12, schemaId: 0x0a, type: 0x10, record: 0x1a } as const;

/**
 * Decodes a BatchArrowRecords message without copying the records (proto/otap.proto).
 * Throws INVALID_ARGUMENT: malformed_protobuf, or too_many_payloads above `payloadCountMax`.
 */
export function decodeBatchArrowRecords(bytes: Uint8Array): BatchArrowRecords {
  const reader = new WireReader(bytes);
  const payloads: ArrowPayload[] = [];
  let batchId = 0n;
  while (reader.next()) {
    if (reader.is(1, wireTypes.VARINT)) batchId = reader.int64();
    else if (reader.is(2, wireTypes.BYTES)) {
      if (payloads.length === payloadCountMax) {
        throw new CodedError('INVALID_ARGUMENT', 'too_many_payloads', `batch holds more than ${payloadCountMax} payloads`);
      }
      payloads.push(decodePayload(reader.message()));
    } else reader.skip();
  }
  return { batchId, payloads };
}

function decodePayload(reader: WireReader): ArrowPayload {
  let schemaId = '';
  let type = 0;
  let record: Uint8Array = new Uint8Array(0);
  while (reader.next()) {
    if (reader.is(1, wireTypes.BYTES)) schemaId = reader.string();
    else if (reader.is(2, wireTypes.VARINT)) type = reader.uint32() | 0;
    else if (reader.is(3, wireTypes.BYTES)) record = reader.bytes();
    else reader.skip();
  }
  return { schemaId, type, record };
}

/** Encodes a BatchArrowRecords message in one allocation; `record` parts are copied once. Sizes below 2^32 bytes. */
export function encodeBatchArrowRecords(batchId: bigint, payloads: readonly OutgoingPayload[]): Uint8Array {
  const ids = payloads.map((payload) => encoder.encode(payload.schemaId));
  const recordLengths = payloads.map((payload) => payload.record.reduce((sum, part) => sum + part.length, 0));
  const lengths = payloads.map((payload, index) => payloadLength(ids[index].length, payload.type, recordLengths[index]));
  const total = lengths.reduce((sum, length) => sum + delimitedLength(length), batchId === 0n ? 0 : 1 + varint64Length(batchId));
  const target = new Uint8Array(total);
  let offset = 0;
  if (batchId !== 0n) {
    target[offset++] = tags.batchId;
    offset = writeVarint64(target, offset, batchId);
  }
  payloads.forEach((payload, index) => {
    target[offset++] = tags.payload;
    offset = writeVarint(target, offset, lengths[index]);
    offset = writePayload(target, offset, ids[index], payload, recordLengths[index]);
  });
  return target;
}

function payloadLength(idLength: number, type: number, recordLength: number): number {
  const idBytes = idLength === 0 ? 0 : delimitedLength(idLength);
  const typeBytes = type === 0 ? 0 : 1 + varintLength(type);
  return idBytes + typeBytes + (recordLength === 0 ? 0 : delimitedLength(recordLength));
}

function writePayload(target: Uint8Array, start: number, id: Uint8Array, payload: OutgoingPayload, recordLength: number): number {
  let offset = start;
  if (id.length > 0) {
    target[offset++] = tags.schemaId;
    offset = writeBytes(target, writeVarint(target, offset, id.length), id);
  }
  if (payload.type !== 0) {
    target[offset++] = tags.type;
    offset = writeVarint(target, offset, payload.type);
  }
  if (recordLength === 0) return offset;
  target[offset++] = tags.record;
  offset = writeVarint(target, offset, recordLength);
  for (const part of payload.record) offset = writeBytes(target, offset, part);
  return offset;
}
