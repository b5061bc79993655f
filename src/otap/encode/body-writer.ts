import { compressBound, compressInto } from '../../base/compression/zstd.ts';
import type { PayloadName } from '../payload-type.ts';
import type { ByteArena } from './byte-arena.ts';
import { headerLength, writeHeader } from './ipc-message.ts';

export interface EncodeOptions {
  readonly bodyCompression: 'zstd' | 'none';
  /** zstd's level, 1 (fast) to 19. */
  readonly zstdLevel: number;
  /** Payloads that are left out because the receiver refuses them: METRIC_ATTRS (metric metadata) for the Go consumer up to v0.50.0. */
  readonly omit?: ReadonlySet<PayloadName>;
}

/** Shorter buffers are stored plain: a frame would save less than the call costs. */
const compressBytesMin = 64;
const plainMark = -1;

/**
 * Writes one RecordBatch or DictionaryBatch message behind an arena: `begin`, then the nodes and buffers of its fields in
 * depth-first order, then `end`, which fills in the header.
 */
export class BodyWriter {
  readonly #arena: ByteArena;
  readonly #options: EncodeOptions;
  #headerStart = 0;
  #bodyStart = 0;
  #nodes: number[] = [];
  #buffers: number[] = [];

  constructor(arena: ByteArena, options: EncodeOptions) {
    this.#arena = arena;
    this.#options = options;
  }

  begin(nodeCount: number, bufferCount: number, isDictionary: boolean): void {
    this.#headerStart = this.#arena.advance(headerLength(nodeCount, bufferCount, isDictionary));
    this.#bodyStart = this.#arena.length;
    this.#nodes = [];
    this.#buffers = [];
  }

  node(length: number, nullCount: number): void {
    this.#nodes.push(length, nullCount);
  }

  /** A buffer that is left out: the validity of a column without nulls. */
  absent(): void {
    this.#buffers.push(this.#arena.length - this.#bodyStart, 0);
  }

  /** A buffer, as it is or as [u64 plain length][zstd frame], or [-1][plain] where that is no shorter. */
  buffer(bytes: Uint8Array): void {
    const start = this.#arena.length;
    if (bytes.length > 0) {
      if (this.#options.bodyCompression === 'none') this.#arena.append(bytes);
      else this.#compressed(bytes);
    }
    this.#buffers.push(start - this.#bodyStart, this.#arena.length - start);
    this.#arena.pad8();
  }

  end(rowCount: number, dictionary: { readonly id: number; readonly isDelta: boolean } | null): void {
    writeHeader(this.#arena.bytes, this.#headerStart, {
      rowCount,
      nodes: this.#nodes,
      buffers: this.#buffers,
      bodyLength: this.#arena.length - this.#bodyStart,
      compressed: this.#options.bodyCompression === 'zstd',
      dictionary,
    });
  }

  #compressed(bytes: Uint8Array): void {
    const start = this.#arena.advance(8);
    let length = bytes.length;
    if (bytes.length >= compressBytesMin) {
      this.#arena.reserve(compressBound(bytes.length));
      length = compressInto(bytes, this.#options.zstdLevel, this.#arena.bytes, this.#arena.length);
    }
    const plain = length >= bytes.length;
    if (plain) this.#arena.append(bytes);
    else this.#arena.advance(length);
    const prefix = new DataView(this.#arena.bytes.buffer, this.#arena.bytes.byteOffset + start, 8);
    prefix.setInt32(0, plain ? plainMark : bytes.length, true);
    prefix.setInt32(4, plain ? plainMark : 0, true);
  }
}
