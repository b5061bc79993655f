const firstBytes = 64 * 1024;

/** Bytes that grow at their end. */
export class GrowingBytes {
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written; a view until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** What was written as it is, and nothing from now on. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length);
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(firstBytes, this.#length + (this.#length >>> 3)));
    this.#length = 0;
    return taken;
  }

  truncate(length: number): void {
    this.#length = length;
  }

  /** bytes[start, end) as they are. */
  copy(bytes: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    bytes.copy(this.#bytes, this.#length, start, end);
    this.#length += end - start;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** An unsigned varint of 31 bits. */
  varint(value: number): void {
    this.#reserve(5);
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#length++] = rest;
  }

  /** 64 bits, least significant byte first. */
  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  /** UTF-8, without its length; gives how long it is. */
  text(text: string): number {
    this.#reserve(text.length * 3);
    const written = this.#bytes.write(text, this.#length);
    this.#length += written;
    return written;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
