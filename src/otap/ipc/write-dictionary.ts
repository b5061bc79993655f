import { Builder } from 'flatbuffers';
import { messageKinds } from './message.ts';

/** A dictionary's values as plain buffers. */
export interface PlainDictionary {
  readonly data: Uint8Array;
  /** size + 1 offsets into `data` where values differ in length, else null. */
  readonly offsets: Int32Array | null;
  /** One byte an entry, 1 where it is null; null where none is. */
  readonly nulls: Uint8Array | null;
  readonly size: number;
}

const metadataVersion = 4;
const noBytes = new Uint8Array(0);

/** An encapsulated DictionaryBatch message that sets dictionary `id` to these values, its buffers not compressed. */
export function encodeDictionaryBatch(id: number, dictionary: PlainDictionary): Uint8Array {
  const { data, offsets, nulls, size } = dictionary;
  const validity = nulls === null ? noBytes : validityBitmap(nulls, size);
  const nullCount = nulls === null ? 0 : nulls.subarray(0, size).reduce((count, isNull) => count + isNull, 0);
  const buffers = offsets === null ? [validity, data] : [validity, bytesOf(offsets), data];
  const positions: number[] = [];
  let bodyBytes = 0;
  for (const buffer of buffers) {
    positions.push(bodyBytes);
    bodyBytes += padded(buffer.length);
  }
  const metadata = encodeMetadata(id, { size, nullCount }, buffers, positions, bodyBytes);
  const head = 8 + padded(metadata.length);
  const message = new Uint8Array(head + bodyBytes);
  const view = new DataView(message.buffer);
  view.setUint32(0, 0xffffffff, true);
  view.setUint32(4, head - 8, true);
  message.set(metadata, 8);
  buffers.forEach((buffer, index) => message.set(buffer, head + positions[index]));
  return message;
}

/** Message { version, header: DictionaryBatch { id, data: RecordBatch { length, nodes, buffers } }, bodyLength } (Message.fbs). */
function encodeMetadata(
  id: number,
  { size, nullCount }: { size: number; nullCount: number },
  buffers: readonly Uint8Array[],
  positions: readonly number[],
  bodyBytes: number,
): Uint8Array {
  const builder = new Builder(512);
  builder.startVector(16, buffers.length, 8);
  for (let index = buffers.length - 1; index >= 0; index--) addPair(builder, positions[index], buffers[index].length);
  const bufferVector = builder.endVector();
  builder.startVector(16, 1, 8);
  addPair(builder, size, nullCount);
  const nodeVector = builder.endVector();
  builder.startObject(5);
  builder.addFieldInt64(0, BigInt(size), 0n);
  builder.addFieldOffset(1, nodeVector, 0);
  builder.addFieldOffset(2, bufferVector, 0);
  const data = builder.endObject();
  builder.startObject(3);
  builder.addFieldInt64(0, BigInt(id), 0n);
  builder.addFieldOffset(1, data, 0);
  const header = builder.endObject();
  builder.startObject(5);
  builder.addFieldInt16(0, metadataVersion, 0);
  builder.addFieldInt8(1, messageKinds.DICTIONARY, 0);
  builder.addFieldOffset(2, header, 0);
  builder.addFieldInt64(3, BigInt(bodyBytes), 0n);
  builder.finish(builder.endObject());
  return builder.asUint8Array();
}

/** A struct of two int64, written from its end as flatbuffers are. */
function addPair(builder: Builder, first: number, second: number): void {
  builder.prep(8, 16);
  builder.writeInt64(BigInt(second));
  builder.writeInt64(BigInt(first));
}

function validityBitmap(nulls: Uint8Array, size: number): Uint8Array {
  const bitmap = new Uint8Array((size + 7) >>> 3);
  for (let entry = 0; entry < size; entry++) if (nulls[entry] === 0) bitmap[entry >>> 3] |= 1 << (entry & 7);
  return bitmap;
}

function bytesOf(offsets: Int32Array): Uint8Array {
  return new Uint8Array(offsets.buffer, offsets.byteOffset, offsets.byteLength);
}

function padded(bytes: number): number {
  return (bytes + 7) & ~7;
}
