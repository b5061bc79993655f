import { CodedError } from '../../base/errors.ts';
import { decompressLz4Frame } from '../../base/compression/lz4-frame.ts';
import { decompress } from '../../base/compression/zstd.ts';
import { type BufferSource, freshBuffers } from './buffer-source.ts';
import { malformedIpc } from './errors.ts';
import type { FlatBuffer } from './flatbuffer.ts';
import type { IpcMessage } from './message.ts';

/** Numbers of CompressionType (Message.fbs); `none` is ours. */
const codecs = { lz4: 0, zstd: 1, none: -1 } as const;
const prefixBytes = 8;
const lengthMax = 0x7fff_ffff;
const stored = 0xffffffff;

/**
 * The body of a RecordBatch, its own or a DictionaryBatch's: lengths of its nodes, and its buffers, each read and
 * decompressed when asked for. `check` must have passed before anything else is asked.
 */
export class RecordBody {
  readonly rowCount: number;
  /** Whether all values of the same bytes were checked before: codes, offsets, types. */
  readonly isChecked: boolean;
  /** Bytes of all buffers when decompressed, by what the sender declares. Known after `check`. */
  declaredBytes = 0;
  readonly #flat: FlatBuffer;
  readonly #source: BufferSource;
  readonly #nodes: number;
  readonly #nodeCount: number;
  readonly #buffers: number;
  readonly #bufferCount: number;
  readonly #codec: number;
  readonly #body: number;
  readonly #end: number;

  /** `header` is the position of the RecordBatch table in the message's metadata; `source` gives memory for decompressed buffers. */
  constructor(message: IpcMessage, header: number, source: BufferSource = freshBuffers, isChecked = false) {
    this.isChecked = isChecked;
    this.#source = source;
    const flat = message.metadata;
    this.#flat = flat;
    this.rowCount = flat.size(header, 0, 'row count');
    const nodes = flat.vector(header, 1, 16);
    const buffers = flat.vector(header, 2, 16);
    this.#nodes = nodes.at;
    this.#nodeCount = nodes.count;
    this.#buffers = buffers.at;
    this.#bufferCount = buffers.count;
    this.#codec = readCodec(flat, header);
    this.#body = message.body;
    this.#end = message.end;
  }

  /**
   * Checks the body against its schema: counts, lengths (`rowNodes[i]` = 1: as many as rows), and that every buffer
   * lies in the body. Throws INVALID_ARGUMENT / malformed_ipc.
   */
  check(rowNodes: Uint8Array, bufferCount: number): void {
    if (this.#nodeCount !== rowNodes.length) throw malformedIpc(`${this.#nodeCount} nodes where the schema has ${rowNodes.length}`);
    if (this.#bufferCount !== bufferCount) throw malformedIpc(`${this.#bufferCount} buffers where the schema has ${bufferCount}`);
    if (this.rowCount > lengthMax) throw malformedIpc(`row count ${this.rowCount}`);
    for (let node = 0; node < rowNodes.length; node++) {
      const length = this.length(node);
      const fits = rowNodes[node] === 1 ? length === this.rowCount : length <= lengthMax;
      if (!fits) throw malformedIpc(`node ${node} of length ${length} in a batch of ${this.rowCount} rows`);
      if (this.nullCount(node) > length) throw malformedIpc(`node ${node} with more nulls than values`);
    }
    let declared = 0;
    for (let buffer = 0; buffer < bufferCount; buffer++) declared += this.#checkBuffer(buffer);
    this.declaredBytes = declared;
  }

  length(node: number): number {
    return this.#flat.sizeAt(this.#nodes + node * 16, 'node length');
  }

  nullCount(node: number): number {
    return this.#flat.sizeAt(this.#nodes + node * 16 + 8, 'null count');
  }

  /**
   * A buffer's bytes, decompressed: a view of the body where it is stored plain, else new. At least `bytesMin` long.
   * Throws INVALID_ARGUMENT: malformed_ipc where it is shorter, and what decompression throws.
   */
  buffer(index: number, bytesMin: number): Uint8Array {
    const bytes = this.#read(index);
    if (bytes.length < bytesMin) throw malformedIpc(`buffer ${index} of ${bytes.length} bytes where at least ${bytesMin} are needed`);
    return bytes;
  }

  /** Memory from where decompressed buffers lie, not zeroed, at a multiple of 8. */
  memory(bytes: number): Uint8Array {
    return this.#source.take(bytes);
  }

  #read(index: number): Uint8Array {
    const { view } = this.#flat;
    const entry = this.#buffers + index * 16;
    const start = this.#body + this.#flat.sizeAt(entry, 'buffer offset');
    const length = this.#flat.sizeAt(entry + 8, 'buffer length');
    if (this.#codec === codecs.none || length === 0) return new Uint8Array(view.buffer, view.byteOffset + start, length);
    const content = new Uint8Array(view.buffer, view.byteOffset + start + prefixBytes, length - prefixBytes);
    const size = view.getUint32(start, true);
    if (size === stored && view.getUint32(start + 4, true) === stored) return content;
    const output = this.#source.take(size);
    if (size === 0) return output;
    if (this.#codec === codecs.zstd) decompress(content, output);
    else decompressLz4Frame(content, output);
    return output;
  }

  /** Checks where a buffer lies; gives its length when decompressed. */
  #checkBuffer(index: number): number {
    const entry = this.#buffers + index * 16;
    const offset = this.#flat.sizeAt(entry, 'buffer offset');
    const length = this.#flat.sizeAt(entry + 8, 'buffer length');
    const start = this.#body + offset;
    if (start + length > this.#end) {
      throw malformedIpc(`buffer ${index} of ${length} bytes at ${offset} is not in the body of ${this.#end - this.#body} bytes`);
    }
    if (this.#codec === codecs.none || length === 0) return length;
    if (length < prefixBytes) throw malformedIpc(`compressed buffer ${index} of ${length} bytes`);
    const { view } = this.#flat;
    const low = view.getUint32(start, true);
    const high = view.getUint32(start + 4, true);
    if (low === stored && high === stored) return length - prefixBytes;
    if (high !== 0 || low > lengthMax) throw malformedIpc(`compressed buffer ${index} declares an impossible length`);
    return low;
  }
}

/** The codec of a batch by its BodyCompression (Message.fbs). */
function readCodec(flat: FlatBuffer, header: number): number {
  const compression = flat.table(header, 3);
  if (compression === 0) return codecs.none;
  const codec = flat.u8(compression, 0, codecs.lz4);
  if ((codec !== codecs.lz4 && codec !== codecs.zstd) || flat.u8(compression, 1, 0) !== 0) {
    throw new CodedError('INVALID_ARGUMENT', 'unsupported_compression', `Arrow body compression ${codec} is neither LZ4 nor ZSTD of buffers`);
  }
  return codec;
}
