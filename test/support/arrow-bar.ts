import { Dictionary, Field, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct, vectorFromArray, type Data, type DataType, type Vector } from 'apache-arrow';
import { Buffer as BufferStruct } from 'apache-arrow/fb/buffer';
import { FieldNode } from 'apache-arrow/fb/field-node';
import { Message } from 'apache-arrow/fb/message';
import { RecordBatch as RecordHeader } from 'apache-arrow/fb/record-batch';
import { DictionaryBatch as DictionaryHeader } from 'apache-arrow/fb/dictionary-batch';
import { Builder, ByteBuffer } from 'flatbuffers';
import { payloadTypes, type PayloadName } from '../../src/otap/payload-type.ts';
import { encodeBatchArrowRecords } from '../../src/otap/proto/batch-arrow-records.ts';

/** A column to be written with apache-arrow: its values, or an array already made. */
export interface TestColumn {
  readonly name: string;
  readonly type: DataType;
  readonly values: readonly unknown[] | Data;
  readonly encoding?: string;
}

/** An Arrow IPC stream (schema, dictionaries, one record batch) as apache-arrow writes it. */
export function arrowRecord(columns: readonly TestColumn[]): Uint8Array {
  const children = columns.map(({ type, values }) => (Array.isArray(values) ? vectorOf(values, type).data[0] : (values as Data)));
  const fields = columns.map(({ name, type, encoding }) => new Field(name, type, true, encoding === undefined ? null : new Map([['encoding', encoding]])));
  const data = makeData({ type: new Struct(fields), length: children[0].length, nullCount: 0, children });
  return RecordBatchStreamWriter.writeAll([new RecordBatch(new Schema(fields), data)]).toUint8Array(true);
}

function vectorOf(values: readonly unknown[], type: DataType): Vector {
  return vectorFromArray(values, type);
}

/** A dictionary column by its codes, so that the dictionary may hold a value twice. */
export function dictionaryData(type: Dictionary, codes: Uint8Array | Uint16Array, entries: readonly unknown[]): Data {
  return makeData({ type, length: codes.length, nullCount: 0, data: codes, dictionary: vectorOf(entries, type.dictionary) });
}

export interface TestPayload {
  readonly name: PayloadName;
  readonly record: Uint8Array;
  readonly schemaId?: string;
  /** Instead of the type of `name`. */
  readonly type?: number;
}

export function barOf(payloads: readonly TestPayload[], batchId = 1n): Uint8Array {
  return encodeBatchArrowRecords(
    batchId,
    payloads.map(({ name, record, schemaId, type }) => ({ schemaId: schemaId ?? name, type: type ?? payloadTypes[name], record: [record] })),
  );
}

/** Where the parts of an encapsulated message are; positions in the record. */
export interface MessageParts {
  readonly kind: number;
  readonly start: number;
  readonly metadata: number;
  readonly body: number;
  readonly end: number;
  /** Of each FieldNode: its length, 8 bytes before its null count. */
  readonly nodes: readonly number[];
  /** Of each Buffer: its offset, 8 bytes before its length. */
  readonly buffers: readonly number[];
}

/** Finds the messages of a record with apache-arrow's flatbuffer classes. */
export function messagesOf(record: Uint8Array): MessageParts[] {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const messages: MessageParts[] = [];
  for (let start = 0; start < record.length; ) {
    const metadataBytes = view.getInt32(start + 4, true);
    if (metadataBytes === 0) break;
    const message = Message.getRootAsMessage(new ByteBuffer(record.subarray(start + 8, start + 8 + metadataBytes)));
    const body = start + 8 + metadataBytes;
    const end = body + Number(message.bodyLength());
    messages.push({ kind: message.headerType(), start, metadata: start + 8, body, end, ...bodyParts(message, start + 8) });
    start = end;
  }
  return messages;
}

function bodyParts(message: Message, metadata: number): Pick<MessageParts, 'nodes' | 'buffers'> {
  const batch: RecordHeader | null =
    message.headerType() === 3 ? message.header(new RecordHeader()) : message.headerType() === 2 ? message.header(new DictionaryHeader()).data() : null;
  if (batch === null) return { nodes: [], buffers: [] };
  const nodes = Array.from({ length: batch.nodesLength() }, (_, index) => metadata + (batch.nodes(index)?.bb_pos ?? 0));
  const buffers = Array.from({ length: batch.buffersLength() }, (_, index) => metadata + (batch.buffers(index)?.bb_pos ?? 0));
  return { nodes, buffers };
}

/** An encapsulated DictionaryBatch message that appends texts to dictionary `id`. */
export function deltaMessage(id: number, entries: readonly string[]): Uint8Array {
  const values = Buffer.from(entries.join(''));
  const offsets = Int32Array.from({ length: entries.length + 1 }, (_, index) => Buffer.byteLength(entries.slice(0, index).join('')));
  const offsetBytes = Math.ceil((offsets.byteLength + 1) / 8) * 8;
  const bodyBytes = offsetBytes + Math.ceil((values.length + 1) / 8) * 8;
  const builder = new Builder(256);
  RecordHeader.startBuffersVector(builder, 3);
  BufferStruct.createBuffer(builder, BigInt(offsetBytes), BigInt(values.length));
  BufferStruct.createBuffer(builder, 0n, BigInt((entries.length + 1) * 4));
  BufferStruct.createBuffer(builder, 0n, 0n);
  const buffers = builder.endVector();
  RecordHeader.startNodesVector(builder, 1);
  FieldNode.createFieldNode(builder, BigInt(entries.length), 0n);
  const nodes = builder.endVector();
  RecordHeader.startRecordBatch(builder);
  RecordHeader.addLength(builder, BigInt(entries.length));
  RecordHeader.addNodes(builder, nodes);
  RecordHeader.addBuffers(builder, buffers);
  const data = RecordHeader.endRecordBatch(builder);
  DictionaryHeader.startDictionaryBatch(builder);
  DictionaryHeader.addId(builder, BigInt(id));
  DictionaryHeader.addData(builder, data);
  DictionaryHeader.addIsDelta(builder, true);
  const header = DictionaryHeader.endDictionaryBatch(builder);
  Message.finishMessageBuffer(builder, Message.createMessage(builder, 4, 2, header, BigInt(bodyBytes), 0));
  const metadata = builder.asUint8Array();
  const head = 8 + Math.ceil(metadata.length / 8) * 8;
  const message = new Uint8Array(head + bodyBytes);
  new DataView(message.buffer).setUint32(0, 0xffffffff, true);
  new DataView(message.buffer).setUint32(4, head - 8, true);
  message.set(metadata, 8);
  message.set(new Uint8Array(offsets.buffer), head);
  message.set(values, head + offsetBytes);
  return message;
}

/** A copy of the record with the int64 at `position` set. */
export function withInt64(record: Uint8Array, position: number, value: bigint): Uint8Array {
  const copy = Uint8Array.from(record);
  new DataView(copy.buffer).setBigInt64(position, value, true);
  return copy;
}

/** A copy of the record with bytes written at `position`. */
export function withBytes(record: Uint8Array, position: number, bytes: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(record);
  copy.set(bytes, position);
  return copy;
}

export { Dictionary };
