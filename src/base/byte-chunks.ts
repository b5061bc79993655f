/** Shorter chunks are copied together: one that is held costs some 200 bytes beside its own. */
const heldBytesMin = 1024;
const blockBytes = 16 * 1024;

/** Bytes that come in chunks of any size, held until all are there. Long chunks are held as they came. */
export class ByteChunks {
  readonly #chunks: Buffer[] = [];
  /** The block behind the last chunk, where that is one of ours. */
  #block: Buffer | null = null;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  push(chunk: Buffer): void {
    this.#byteLength += chunk.length;
    if (chunk.length >= heldBytesMin || this.#chunks.length === 0) {
      this.#chunks.push(chunk);
      this.#block = null;
    } else this.#copy(chunk);
  }

  /** All bytes: a view of the chunk where there is one only. */
  join(): Buffer {
    return this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks, this.#byteLength);
  }

  #copy(chunk: Buffer): void {
    const last = this.#chunks.length - 1;
    const filled = this.#block === null ? 0 : this.#chunks[last].length;
    if (this.#block !== null && filled + chunk.length <= blockBytes) {
      this.#block.set(chunk, filled);
      this.#chunks[last] = this.#block.subarray(0, filled + chunk.length);
      return;
    }
    this.#block = Buffer.allocUnsafeSlow(blockBytes);
    this.#block.set(chunk);
    this.#chunks.push(this.#block.subarray(0, chunk.length));
  }
}
