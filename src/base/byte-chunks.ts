/** Shorter chunks are copied together: one that is held costs some 200 bytes beside its own. */
const heldBytesMin = 1024;
const blockBytes = 16 * 1024;

/** Bytes that come in chunks of any size, held until they are taken. Long chunks are held as they came. */
export class ByteChunks {
  readonly #chunks: Buffer[] = [];
  /** The block behind the last chunk, where that is one of ours, and how much of it is filled. */
  #block: Buffer | null = null;
  #filled = 0;
  #byteLength = 0;
  readonly #memory: (length: number) => Buffer;

  /** `memory` gives at least so many bytes to join chunks in. */
  constructor(memory: (length: number) => Buffer = (length) => Buffer.allocUnsafeSlow(length)) {
    this.#memory = memory;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** The first bytes, as many as lie together. */
  get first(): Buffer | undefined {
    return this.#chunks[0];
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#byteLength += chunk.length;
    if (chunk.length < heldBytesMin && this.#chunks.length > 0) {
      this.#copy(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#block = null;
  }

  /** Takes `length` bytes, at most `byteLength`, from the front: a view where they lie together, else one joined copy. */
  take(length: number): Buffer {
    this.#byteLength -= length;
    const first = this.#chunks[0];
    if (first === undefined || length === 0) return Buffer.alloc(0);
    if (first.length > length) {
      this.#chunks[0] = first.subarray(length);
      if (this.#chunks.length === 1) this.#block = null;
      return first.subarray(0, length);
    }
    const taken = first.length === length ? first : this.#join(length);
    if (taken === first) this.#chunks.shift();
    if (this.#chunks.length <= 1) this.#block = null;
    return taken;
  }

  /** Lets go of everything. */
  clear(): void {
    this.#chunks.length = 0;
    this.#block = null;
    this.#byteLength = 0;
  }

  #join(length: number): Buffer {
    const joined = this.#memory(length).subarray(0, length);
    let filled = 0;
    let used = 0;
    for (; filled < length; used++) {
      const chunk = this.#chunks[used];
      const part = Math.min(chunk.length, length - filled);
      joined.set(part === chunk.length ? chunk : chunk.subarray(0, part), filled);
      filled += part;
      if (part < chunk.length) {
        this.#chunks[used] = chunk.subarray(part);
        break;
      }
    }
    this.#chunks.splice(0, used);
    return joined;
  }

  #copy(chunk: Buffer): void {
    const last = this.#chunks.length - 1;
    if (this.#block !== null && this.#filled + chunk.length <= blockBytes) {
      this.#block.set(chunk, this.#filled);
      const start = this.#filled - this.#chunks[last].length;
      this.#filled += chunk.length;
      this.#chunks[last] = this.#block.subarray(start, this.#filled);
      return;
    }
    this.#block = Buffer.allocUnsafeSlow(blockBytes);
    this.#block.set(chunk);
    this.#filled = chunk.length;
    this.#chunks.push(this.#block.subarray(0, chunk.length));
  }
}
