import { TooLong } from './too-long.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const openBracket = 0x5b;
const hexDigits = Buffer.from('0123456789abcdef');

/** Larger buffers are not kept for the next message. */
const keptBytesMax = 8 << 20;

/** Writes JSON as UTF-8 bytes. Commas come by themselves: before whatever does not follow an opening or a colon. */
export class JsonWriter {
  /** A text that becomes longer throws TooLong. */
  lengthMax = Infinity;
  #bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(64 * 1024);
  #length = 0;
  readonly #names = new Map<string, Buffer>();

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** A copy of what was written; the writer starts anew. */
  finish(): Uint8Array<ArrayBuffer> {
    const text = new Uint8Array(this.#bytes.subarray(0, this.#length));
    this.clear();
    return text;
  }

  /** Forgets what was written. */
  clear(): void {
    if (this.#bytes.length > keptBytesMax) this.#bytes = Buffer.allocUnsafeSlow(64 * 1024);
    this.#length = 0;
  }

  /** Takes back what was written since `length` was this. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** `"name":`; names are the program's own and need no escapes. */
  name(name: string): void {
    let bytes = this.#names.get(name);
    if (bytes === undefined) this.#names.set(name, (bytes = Buffer.from(`"${name}":`)));
    this.#separate(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** `{` or `[`. */
  open(bracket: '{' | '['): void {
    this.#separate(1);
    this.#bytes[this.#length++] = bracket === '{' ? openBrace : openBracket;
  }

  /** `}` or `]`. */
  close(bracket: '}' | ']'): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = bracket.charCodeAt(0);
  }

  /** A number, true or false, as the text that it is. */
  literal(text: string): void {
    this.#separate(text.length);
    this.#length += this.#bytes.write(text, this.#length, 'latin1');
  }

  /** A text of bytes[start, end), which are valid UTF-8. */
  text(bytes: Uint8Array, start: number, end: number): void {
    this.#separate((end - start) * 6 + 2);
    const target = this.#bytes;
    let at = this.#length;
    target[at++] = quote;
    for (let index = start; index < end; index++) {
      const byte = bytes[index];
      if (byte >= 0x20) {
        if (byte === quote || byte === backslash) target[at++] = backslash;
        target[at++] = byte;
      } else at = writeEscape(target, at, byte);
    }
    target[at++] = quote;
    this.#length = at;
  }

  /** bytes[start, end) as a text of hexadecimal digits. */
  hex(bytes: Uint8Array, start: number, end: number): void {
    this.#separate((end - start) * 2 + 2);
    let at = this.#length;
    this.#bytes[at++] = quote;
    for (let index = start; index < end; index++) {
      this.#bytes[at++] = hexDigits[bytes[index] >>> 4];
      this.#bytes[at++] = hexDigits[bytes[index] & 15];
    }
    this.#bytes[at++] = quote;
    this.#length = at;
  }

  /** bytes[start, end) as a text in base64. */
  base64(bytes: Uint8Array, start: number, end: number): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('base64');
    this.literal(`"${text}"`);
  }

  /** Makes room, with a comma where one is due. */
  #separate(count: number): void {
    this.#reserve(count + 1);
    if (this.#length === 0) return;
    const last = this.#bytes[this.#length - 1];
    if (last !== openBrace && last !== openBracket && last !== colon) this.#bytes[this.#length++] = comma;
  }

  #reserve(count: number): void {
    const need = this.#length + count;
    if (need <= this.#bytes.length) return;
    if (need > this.lengthMax) throw new TooLong(this.lengthMax);
    const larger = Buffer.allocUnsafeSlow(Math.max(need, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

function writeEscape(target: Uint8Array, at: number, byte: number): number {
  target[at++] = backslash;
  target[at++] = 0x75;
  target[at++] = 0x30;
  target[at++] = 0x30;
  target[at++] = hexDigits[byte >>> 4];
  target[at++] = hexDigits[byte & 15];
  return at;
}
