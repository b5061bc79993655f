/**
 * Encapsulated IPC messages with a RecordBatch or a DictionaryBatch as header. Their flatbuffers have always the same shape, so
 * that they are written at fixed places, vtables before their tables, instead of by a builder.
 * Source: Arrow's Message.fbs, "Serialization and Interprocess Communication" in the Columnar Format.
 */
export interface BatchHeader {
  readonly rowCount: number;
  /** (length, null count) of each field, depth first. */
  readonly nodes: readonly number[];
  /** (offset, length) of each buffer, relative to the body. */
  readonly buffers: readonly number[];
  readonly bodyLength: number;
  readonly compressed: boolean;
  /** For a DictionaryBatch: which dictionary, and whether its values are appended to those sent before. */
  readonly dictionary: { readonly id: number; readonly isDelta: boolean } | null;
}

const continuation = 0xffffffff;
const metadataVersionV5 = 4;
const headerTypes = { DICTIONARY_BATCH: 2, RECORD_BATCH: 3 } as const;
const prefixLength = 8;

const messageTable = 16;
const dictionaryTable = 56;
/** Where what belongs to the RecordBatch starts: after the Message, or after the DictionaryBatch as well. */
const recordStart = { plain: 40, inDictionary: 80 } as const;
const vtablesLength = 64;

/** Bytes of the whole message but for its body, a multiple of 8. */
export function headerLength(nodeCount: number, bufferCount: number, isDictionary: boolean): number {
  const start = isDictionary ? recordStart.inDictionary : recordStart.plain;
  return prefixLength + start + vtablesLength + 16 * nodeCount + 8 + 16 * bufferCount;
}

/** Writes the message's bytes before its body at `at`, `headerLength` of them. */
export function writeHeader(target: Uint8Array, at: number, header: BatchHeader): void {
  const nodeCount = header.nodes.length / 2;
  const bufferCount = header.buffers.length / 2;
  const length = headerLength(nodeCount, bufferCount, header.dictionary !== null);
  target.fill(0, at, at + length);
  const prefix = new DataView(target.buffer, target.byteOffset + at, prefixLength);
  prefix.setUint32(0, continuation, true);
  prefix.setUint32(4, length - prefixLength, true);
  const view = new DataView(target.buffer, target.byteOffset + at + prefixLength, length - prefixLength);
  view.setUint32(0, messageTable, true);
  writeMessage(view, header);
  if (header.dictionary !== null) writeDictionary(view, header.dictionary);
  writeRecordBatch(view, header, header.dictionary === null ? recordStart.plain : recordStart.inDictionary);
}

/** Message: version 0, header_type 1, header 2, bodyLength 3. */
function writeMessage(view: DataView, header: BatchHeader): void {
  writeVtable(view, 4, 20, [16, 18, 4, 8]);
  view.setInt32(messageTable, messageTable - 4, true);
  const table = header.dictionary === null ? recordStart.plain + 16 : dictionaryTable;
  view.setUint32(messageTable + 4, table - (messageTable + 4), true);
  view.setBigInt64(messageTable + 8, BigInt(header.bodyLength), true);
  view.setInt16(messageTable + 16, metadataVersionV5, true);
  view.setUint8(messageTable + 18, header.dictionary === null ? headerTypes.RECORD_BATCH : headerTypes.DICTIONARY_BATCH);
}

/** DictionaryBatch: id 0, data 1, isDelta 2. */
function writeDictionary(view: DataView, dictionary: { readonly id: number; readonly isDelta: boolean }): void {
  writeVtable(view, 40, 20, [8, 4, 16]);
  view.setInt32(dictionaryTable, dictionaryTable - 40, true);
  view.setUint32(dictionaryTable + 4, recordStart.inDictionary + 16 - (dictionaryTable + 4), true);
  view.setBigInt64(dictionaryTable + 8, BigInt(dictionary.id), true);
  view.setUint8(dictionaryTable + 16, dictionary.isDelta ? 1 : 0);
}

/** RecordBatch: length 0, nodes 1, buffers 2, compression 3; BodyCompression: codec 0 (ZSTD = 1), method 1 (BUFFER = 0). */
function writeRecordBatch(view: DataView, header: BatchHeader, start: number): void {
  const table = start + 16;
  const compression = start + 48;
  const nodes = start + 64;
  const nodeCount = header.nodes.length / 2;
  const buffers = nodes + 16 * nodeCount + 8;
  writeVtable(view, start, 24, header.compressed ? [8, 4, 16, 20] : [8, 4, 16]);
  view.setInt32(table, 16, true);
  view.setUint32(table + 4, nodes - 4 - (table + 4), true);
  view.setBigInt64(table + 8, BigInt(header.rowCount), true);
  view.setUint32(table + 16, buffers - 4 - (table + 16), true);
  if (header.compressed) {
    view.setUint32(table + 20, compression - (table + 20), true);
    writeVtable(view, compression - 8, 6, [4, 5]);
    view.setInt32(compression, 8, true);
    view.setUint8(compression + 4, 1);
  }
  writePairs(view, nodes, header.nodes);
  writePairs(view, buffers, header.buffers);
}

/** `offsets` are those of the fields in the table, in the order of their ids. */
function writeVtable(view: DataView, at: number, tableLength: number, offsets: readonly number[]): void {
  view.setUint16(at, 4 + 2 * offsets.length, true);
  view.setUint16(at + 2, tableLength, true);
  offsets.forEach((offset, field) => view.setUint16(at + 4 + 2 * field, offset, true));
}

/** A vector of structs of two 64-bit integers, its length just before `at`. */
function writePairs(view: DataView, at: number, pairs: readonly number[]): void {
  view.setUint32(at - 4, pairs.length / 2, true);
  for (let index = 0; index < pairs.length; index++) {
    view.setUint32(at + 8 * index, pairs[index] >>> 0, true);
    view.setUint32(at + 8 * index + 4, Math.floor(pairs[index] / 2 ** 32), true);
  }
}

/** An encapsulated message without a body, from its flatbuffer. */
export function encapsulate(flatbuffer: Uint8Array): Uint8Array {
  const padded = (flatbuffer.length + 7) & ~7;
  const message = new Uint8Array(prefixLength + padded);
  const view = new DataView(message.buffer);
  view.setUint32(0, continuation, true);
  view.setUint32(4, padded, true);
  message.set(flatbuffer, prefixLength);
  return message;
}
