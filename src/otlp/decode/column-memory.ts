import type { BufferSource } from '../../otap/ipc/buffer-source.ts';

/** Typed arrays over memory of a batch; what is in them is not defined. */
export function u8Memory(source: BufferSource, length: number): Uint8Array {
  return source.take(length);
}

export function u32Memory(source: BufferSource, length: number): Uint32Array {
  const { buffer, byteOffset } = source.take(length * 4);
  return new Uint32Array(buffer, byteOffset, length);
}

/** The same memory as 64-bit integers or doubles; `words` came from `u32Memory`. */
export function asI64(words: Uint32Array): BigInt64Array {
  return new BigInt64Array(words.buffer, words.byteOffset, words.length / 2);
}

export function asU64(words: Uint32Array): BigUint64Array {
  return new BigUint64Array(words.buffer, words.byteOffset, words.length / 2);
}

export function asF64(words: Uint32Array): Float64Array {
  return new Float64Array(words.buffer, words.byteOffset, words.length / 2);
}

/** 0, 1, 2 ... */
export function counting(source: BufferSource, length: number): Uint32Array {
  const numbers = u32Memory(source, length);
  for (let row = 0; row < length; row++) numbers[row] = row;
  return numbers;
}

/** A validity bitmap in the making: rows are valid until they are cleared. */
export class Validity {
  readonly #source: BufferSource;
  readonly #length: number;
  #bits: Uint8Array | null = null;

  constructor(source: BufferSource, length: number) {
    this.#source = source;
    this.#length = length;
  }

  clear(row: number): void {
    this.#bits ??= u8Memory(this.#source, (this.#length + 7) >>> 3).fill(0xff);
    this.#bits[row >>> 3] &= ~(1 << (row & 7));
  }

  /** The bitmap; null where every row is valid. */
  finish(): Uint8Array | null {
    return this.#bits;
  }
}
