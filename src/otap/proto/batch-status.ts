import { WireReader, wireTypes } from './wire-reader.ts';
import { delimitedLength, varint64Length, varintLength, writeBytes, writeVarint, writeVarint64 } from './wire-writer.ts';

/** The receiver's answer to one batch. */
export interface BatchStatus {
  readonly batchId: bigint;
  /** Number of StatusCode, which are those of gRPC; numbers that nobody knows are given as they are. */
  readonly statusCode: number;
  readonly statusMessage: string;
}

const encoder = new TextEncoder();

/** Decodes a BatchStatus message (proto/otap.proto). Throws INVALID_ARGUMENT / malformed_protobuf. */
export function decodeBatchStatus(bytes: Uint8Array): BatchStatus {
  const reader = new WireReader(bytes);
  let batchId = 0n;
  let statusCode = 0;
  let statusMessage = '';
  while (reader.next()) {
    if (reader.is(1, wireTypes.VARINT)) batchId = reader.int64();
    else if (reader.is(2, wireTypes.VARINT)) statusCode = reader.uint32() | 0;
    else if (reader.is(3, wireTypes.BYTES)) statusMessage = reader.string();
    else reader.skip();
  }
  return { batchId, statusCode, statusMessage };
}

/** Encodes a BatchStatus message; `statusCode` must not be negative. */
export function encodeBatchStatus(status: BatchStatus): Uint8Array {
  const message = encoder.encode(status.statusMessage);
  const idBytes = status.batchId === 0n ? 0 : 1 + varint64Length(status.batchId);
  const codeBytes = status.statusCode === 0 ? 0 : 1 + varintLength(status.statusCode);
  const target = new Uint8Array(idBytes + codeBytes + (message.length === 0 ? 0 : delimitedLength(message.length)));
  let offset = 0;
  if (idBytes > 0) {
    target[offset++] = 0x08;
    offset = writeVarint64(target, offset, status.batchId);
  }
  if (codeBytes > 0) {
    target[offset++] = 0x10;
    offset = writeVarint(target, offset, status.statusCode);
  }
  if (message.length > 0) {
    target[offset++] = 0x1a;
    writeBytes(target, writeVarint(target, offset, message.length), message);
  }
  return target;
}
