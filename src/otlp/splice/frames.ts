import { grown, ValuePool } from '../../otap/take/value-pool.ts';
import { pastValue } from '../decode/member.ts';
import { pastVarint, tagAt } from '../decode/varint.ts';
import { GrowingBytes } from './growing-bytes.ts';

/** Field 2 of ResourceSpans and its like are scopes, of ScopeSpans and its like items; all other fields are what is around them. */
const insideTag = 2 * 8 + 2;

/** What is around items, each once: resources with their schema urls, or scopes. A frame is all fields of its message but the repeated one. */
export class Frames {
  readonly #pool: ValuePool;
  readonly #scratch = new GrowingBytes();
  #outerOf = new Uint32Array(16);

  constructor(hashSeed: number) {
    this.#pool = new ValuePool(false, hashSeed);
  }

  get count(): number {
    return this.#pool.size;
  }

  get byteLength(): number {
    return this.#pool.byteLength;
  }

  /** The frame in which frame `code` lies. */
  outerOf(code: number): number {
    return this.#outerOf[code];
  }

  /** Code of the frame of the message bytes[start, end), which lies in frame `outer`. */
  codeOf(bytes: Buffer, start: number, end: number, outer: number): number {
    const scratch = this.#scratch;
    scratch.truncate(0);
    for (let shift = 0; shift < 32; shift += 8) scratch.byte((outer >>> shift) & 0xff);
    let kept = start;
    for (let from = start; from < end; ) {
      const tag = tagAt(bytes, from);
      const past = pastValue(bytes, pastVarint(bytes, from, end), end, tag & 7);
      if (tag === insideTag) {
        if (from > kept) scratch.copy(bytes, kept, from);
        kept = past;
      }
      from = past;
    }
    if (end > kept) scratch.copy(bytes, kept, end);
    const code = this.#pool.intern(scratch.bytes, 0, scratch.length);
    if (code === this.#outerOf.length) this.#outerOf = grown(this.#outerOf, code + 1);
    this.#outerOf[code] = outer;
    return code;
  }

  /** The frames so far, as they are now. */
  taken(): FrameBytes {
    return { data: this.#pool.data, offsets: this.#pool.offsets, outerOf: this.#outerOf, count: this.count };
  }
}

/** Frame i is data[offsets[i] + 4, offsets[i + 1]). */
export interface FrameBytes {
  readonly data: Uint8Array;
  readonly offsets: Uint32Array;
  readonly outerOf: Uint32Array;
  readonly count: number;
}

/** Bytes at the head of a frame that say in which it lies. */
export const outerBytes = 4;
