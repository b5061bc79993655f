/** Shorter buffers cost less to make than to keep. */
const pooledBytesMin = 16 * 1024;

/**
 * Buffers that are lent and come back, so that as much memory as is in use at a time serves any number of them: what is left to the garbage
 * collector makes it mark the whole heap for every 64 MB of it, whatever the heap's own size. Not zeroed.
 */
export class BufferPool {
  readonly #freeBytesMax: number;
  /** Free buffers by the logarithm of their size. */
  readonly #free: Buffer[][] = [];
  #freeBytes = 0;

  /** At most `freeBytesMax` are kept while nobody uses them. */
  constructor(freeBytesMax: number) {
    this.#freeBytesMax = freeBytesMax;
  }

  /** Bytes that are kept and not in use. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** A buffer of at least `length` bytes, for the caller alone until it is given back, if ever. */
  take(length: number): Buffer {
    if (length < pooledBytesMin) return Buffer.allocUnsafeSlow(length);
    const buffer = this.#free[sizeClass(length)]?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(2 ** sizeClass(length));
    this.#freeBytes -= buffer.length;
    return buffer;
  }

  /** Takes back a whole buffer that `take` gave; nobody may use it, or a view of it, from now on. */
  give(buffer: Buffer): void {
    if (buffer.length < pooledBytesMin || this.#freeBytes + buffer.length > this.#freeBytesMax) return;
    (this.#free[sizeClass(buffer.length)] ??= []).push(buffer);
    this.#freeBytes += buffer.length;
  }
}

/** Logarithm of the power of two that holds `length` bytes. */
function sizeClass(length: number): number {
  return 32 - Math.clz32(length - 1);
}
