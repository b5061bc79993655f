import { compressionRegistry, CompressionType, type RecordBatch, RecordBatchReader, type Vector } from 'apache-arrow';
import { decompress } from '../src/base/compression/zstd.ts';
import { payloadTypes } from '../src/otap/payload-type.ts';
import { decodeBatchArrowRecords } from '../src/otap/proto/batch-arrow-records.ts';
import { attributeKey, type FiveColumnReader, type FiveColumns, numberOf } from './five-columns.ts';

/**
 * The five columns through apache-arrow's RecordBatchReader, one a payload type, and its vectors. It is given this project's
 * zstd, and only the two payload types that are needed; its reader decompresses all columns of these.
 */
export function arrowReader(): FiveColumnReader {
  registerZstd();
  const spans = new PayloadReader();
  const attributes = new PayloadReader();
  const texts = new Map<string, number>();
  return {
    texts,
    read: (bytes, out) => {
      const { payloads } = decodeBatchArrowRecords(bytes);
      const recordOf = (type: number): Uint8Array | undefined => payloads.find((payload) => payload.type === type)?.record;
      const root = spans.read(recordOf(payloadTypes.SPANS));
      if (root === null) return 0;
      readSpans(root, out);
      readAttribute(root, attributes.read(recordOf(payloadTypes.SPAN_ATTRS)), texts, out);
      return root.numRows;
    },
  };
}

function registerZstd(): void {
  if (compressionRegistry.get(CompressionType.ZSTD) !== null) return;
  compressionRegistry.set(CompressionType.ZSTD, {
    decode: (frame) => {
      const output = new Uint8Array(contentBytes(frame));
      decompress(frame, output);
      return output;
    },
  });
}

/** Frame_Content_Size of a zstd frame header (RFC 8878, section 3.1.1.1). */
function contentBytes(frame: Uint8Array): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const descriptor = frame[4];
  const isSingle = (descriptor & 0x20) !== 0;
  const at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3];
  switch (descriptor >> 6) {
    case 0: return frame[at];
    case 1: return view.getUint16(at, true) + 256;
    case 2: return view.getUint32(at, true);
    default: return Number(view.getBigUint64(at, true));
  }
}

/** One Arrow IPC stream, fed a payload at a time. A payload that starts with a Schema message starts the stream anew. */
class PayloadReader {
  readonly #chunks: Uint8Array[] = [];
  #batches: Iterator<RecordBatch> | null = null;

  read(record: Uint8Array | undefined): RecordBatch | null {
    if (record === undefined) return null;
    this.#chunks.push(record);
    if (this.#batches === null || startsWithSchema(record)) this.#batches = RecordBatchReader.from(chunksOf(this.#chunks))[Symbol.iterator]();
    const { value, done } = this.#batches.next();
    return done === true ? null : value;
  }
}

/** The reader asks for the next chunk when it has just used up one, so there is an empty one between two payloads. */
function* chunksOf(chunks: Uint8Array[]): Generator<Uint8Array> {
  for (;;) yield chunks.shift() ?? new Uint8Array(0);
}

/** The header type of the first message: field 1 of the Message table is 1 for a Schema. */
function startsWithSchema(record: Uint8Array): boolean {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const table = 8 + view.getInt32(8, true);
  const vtable = table - view.getInt32(table, true);
  return record[table + view.getUint16(vtable + 6, true)] === 1;
}

function readSpans(root: RecordBatch, out: FiveColumns): void {
  const traceIds = column(root, 'trace_id');
  const starts = column(root, 'start_time_unix_nano');
  const durations = column(root, 'duration_time_unix_nano');
  const status = root.getChild('status')?.getChild('code') ?? null;
  for (let row = 0; row < root.numRows; row++) {
    out.traceId.set(traceIds.get(row), row * 16);
    putWords(out.start, row, starts.get(row));
    putWords(out.duration, row, durations.get(row));
    out.status[row] = status?.get(row) ?? 0;
  }
}

function column(batch: RecordBatch, name: string): Vector {
  const found = batch.getChild(name);
  if (found === null) throw new Error(`no column ${name}`);
  return found;
}

/** A value of 64 bits as a bigint; apache-arrow gives a timestamp in ns as a double of ms, which is exact to a microsecond. */
function putWords(out: Uint32Array, row: number, value: unknown): void {
  const nano = typeof value === 'bigint' ? value : BigInt(Math.round(Number(value ?? 0) * 1e6));
  out[row * 2] = Number(nano & 0xffffffffn);
  out[row * 2 + 1] = Number(nano >> 32n);
}

/** Undoes the ids of the attribute rows (quasi-delta on type, key, value) and of the spans (delta). */
function readAttribute(root: RecordBatch, attributes: RecordBatch | null, texts: Map<string, number>, { attribute }: FiveColumns): void {
  attribute.fill(0);
  if (attributes === null) return;
  const [parents, keys, types, values] = ['parent_id', 'key', 'type', 'str'].map((name) => column(attributes, name));
  const byParent = new Uint32Array(65_536);
  let parent = 0;
  let before: string | null = null;
  for (let row = 0; row < attributes.numRows; row++) {
    if (keys.get(row) !== attributeKey) continue;
    const value: unknown = values.get(row);
    if (types.get(row) !== 1 || typeof value !== 'string') continue;
    parent = value === before ? parent + Number(parents.get(row)) : Number(parents.get(row));
    before = value;
    byParent[parent] = numberOf(texts, value);
  }
  const ids = column(root, 'id');
  let id = 0;
  for (let row = 0; row < root.numRows; row++) {
    const delta: unknown = ids.get(row);
    if (typeof delta !== 'number') continue;
    id += delta;
    attribute[row] = byParent[id];
  }
}
