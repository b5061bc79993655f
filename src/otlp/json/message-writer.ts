import { varintLength } from '../../otap/proto/wire-writer.ts';
import { JsonFault } from './faults.ts';

/** Tag, length and a number. */
const headBytes = 16;

/**
 * Writes protobuf from its start to its end. The length of a message is known when it is closed: its place is reserved as long as the caller
 * guesses, and what was written is moved where the guess was wrong.
 */
export class MessageWriter {
  bytes: Uint8Array<ArrayBuffer>;
  at = 0;
  readonly #bytesMax: number;

  /** `expected` bytes are reserved at first. Throws over_limit where more than `bytesMax` are needed. */
  constructor(expected: number, bytesMax: number) {
    this.bytes = memoryOf(Math.min(expected, bytesMax) + headBytes);
    this.#bytesMax = bytesMax;
  }

  /** A copy of what was written, of its own size. */
  finish(offset: number): Uint8Array<ArrayBuffer> {
    this.reserve(0, offset);
    return this.bytes.slice(0, this.at);
  }

  /** Makes room for `count` bytes, and a tag, a length and a number besides; `offset` is where the text is, for the error. */
  reserve(count: number, offset: number): void {
    const need = this.at + count + headBytes;
    if (need <= this.bytes.length && this.at <= this.#bytesMax) return;
    if (this.at + count > this.#bytesMax) throw new JsonFault('over_limit', `more than ${this.#bytesMax} bytes as protobuf; send smaller requests`, offset);
    const larger = memoryOf(Math.max(need, Math.min(this.bytes.length * 2, this.#bytesMax)));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  /** A tag below 2^14. Room is reserved. */
  tag(tag: number): void {
    if (tag < 0x80) this.bytes[this.at++] = tag;
    else {
      this.bytes[this.at++] = (tag & 0x7f) | 0x80;
      this.bytes[this.at++] = tag >>> 7;
    }
  }

  /** An unsigned varint of 32 bits. Room is reserved. */
  varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) this.bytes[this.at++] = (rest & 0x7f) | 0x80;
    this.bytes[this.at++] = rest;
  }

  /** A varint of 64 bits from its two words. Room is reserved. */
  varint64(low: number, high: number): void {
    let lowRest = low;
    let highRest = high;
    for (; highRest !== 0 || lowRest >= 0x80; highRest >>>= 7) {
      this.bytes[this.at++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
    }
    this.bytes[this.at++] = lowRest;
  }

  /** 32 bits, least significant byte first. Room is reserved. */
  word(word: number): void {
    const { bytes, at } = this;
    bytes[at] = word;
    bytes[at + 1] = word >>> 8;
    bytes[at + 2] = word >>> 16;
    bytes[at + 3] = word >>> 24;
    this.at = at + 4;
  }

  /** text[start, end) as it is. Room is reserved. */
  copy(text: Uint8Array, start: number, end: number): void {
    const { bytes } = this;
    if (end - start > 64) bytes.set(text.subarray(start, end), this.at);
    else for (let from = start, to = this.at; from < end; from++, to++) bytes[to] = text[from];
    this.at += end - start;
  }

  /** Gives the message begun at `start`, with `guess` bytes reserved before it for its length, that length; gives how many bytes it took. */
  close(start: number, guess: number, offset: number): number {
    const length = this.at - start;
    const taken = varintLength(length);
    const moved = taken - guess;
    if (moved !== 0) {
      this.reserve(0, offset);
      this.bytes.copyWithin(start + moved, start, this.at);
    }
    const end = this.at + moved;
    this.at = start - guess;
    this.varint(length);
    this.at = end;
    return taken;
  }
}

/** Not zeroed; a plain view, since loops that meet Buffers too are slower. */
function memoryOf(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}
