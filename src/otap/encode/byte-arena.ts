/** A growing run of bytes. Views of it are valid until the next `reserve`. */
export class ByteArena {
  #bytes: Uint8Array = new Uint8Array(64 * 1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  clear(): void {
    this.#length = 0;
  }

  /** Makes room for `count` more bytes, without using them. */
  reserve(count: number): void {
    const need = this.#length + count;
    if (need <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  /** Appends `count` bytes of any content; gives where they start. */
  advance(count: number): number {
    this.reserve(count);
    const start = this.#length;
    this.#length += count;
    return start;
  }

  append(bytes: Uint8Array): void {
    const start = this.advance(bytes.length);
    this.#bytes.set(bytes, start);
  }

  /** Appends zeros until the length is a multiple of 8. */
  pad8(): void {
    const count = -this.#length & 7;
    const start = this.advance(count);
    this.#bytes.fill(0, start, start + count);
  }
}
