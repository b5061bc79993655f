import { TooLong } from './too-long.ts';

/** Larger buffers are not kept for the next message. */
const keptBytesMax = 8 << 20;

/**
 * Writes a protobuf message from its end to its start: the length of what a message holds is known when its header is written, so
 * that one pass is enough. Places are counted from the end (`length`), for the start moves when the buffer grows.
 */
export class BackWriter {
  /** A message that becomes longer throws TooLong. */
  lengthMax = Infinity;
  #bytes = new Uint8Array(64 * 1024);
  #at = this.#bytes.length;

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** A copy of what was written; the writer starts anew. */
  finish(): Uint8Array<ArrayBuffer> {
    const message = this.#bytes.slice(this.#at);
    this.clear();
    return message;
  }

  /** Forgets what was written. */
  clear(): void {
    if (this.#bytes.length > keptBytesMax) this.#bytes = new Uint8Array(64 * 1024);
    this.#at = this.#bytes.length;
  }

  byte(value: number): void {
    if (this.#at < 1) this.#grow(1);
    this.#bytes[--this.#at] = value;
  }

  /** 32 bits, least significant byte first. */
  word(value: number): void {
    if (this.#at < 4) this.#grow(4);
    const at = (this.#at -= 4);
    this.#bytes[at] = value;
    this.#bytes[at + 1] = value >>> 8;
    this.#bytes[at + 2] = value >>> 16;
    this.#bytes[at + 3] = value >>> 24;
  }

  /** An unsigned varint of 32 bits. */
  varint(value: number): void {
    if (this.#at < 5) this.#grow(5);
    if (value < 0x80) {
      this.#bytes[--this.#at] = value;
      return;
    }
    const length = value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
    let at = (this.#at -= length);
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at] = rest;
  }

  /** A varint of 64 bits from its two halves; negative numbers are given in two's complement. */
  varint64(low: number, high: number): void {
    if (high === 0) {
      this.varint(low);
      return;
    }
    if (this.#at < 10) this.#grow(10);
    let length = 5;
    for (let rest = high >>> 3; rest > 0; rest >>>= 7) length++;
    let at = (this.#at -= length);
    let lowRest = low;
    let highRest = high;
    for (let index = 1; index < length; index++) {
      this.#bytes[at++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    this.#bytes[at] = lowRest;
  }

  /** bytes[start, end) as they are. */
  copy(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#at < length) this.#grow(length);
    const at = (this.#at -= length);
    if (length > 48) {
      this.#bytes.set(bytes.subarray(start, end), at);
      return;
    }
    const target = this.#bytes;
    for (let from = start, to = at; from < end; from++, to++) target[to] = bytes[from];
  }

  /** Header of a length-delimited field whose content was written since `length` was `before`. */
  header(number: number, before: number): void {
    const length = this.length - before;
    if (length < 0x80 && number < 16) {
      if (this.#at < 2) this.#grow(2);
      this.#bytes[--this.#at] = length;
      this.#bytes[--this.#at] = number * 8 + 2;
      return;
    }
    this.varint(length);
    this.tag(number, 2);
  }

  tag(number: number, wireType: number): void {
    if (number < 16) this.byte(number * 8 + wireType);
    else this.varint(number * 8 + wireType);
  }

  /** Makes room for `count` bytes at the front. */
  #grow(count: number): void {
    const length = this.length;
    if (length + count > this.lengthMax) throw new TooLong(this.lengthMax);
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, length + count));
    larger.set(this.#bytes.subarray(this.#at), larger.length - length);
    this.#bytes = larger;
    this.#at = larger.length - length;
  }
}
