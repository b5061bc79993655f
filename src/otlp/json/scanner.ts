import * as char from './characters.ts';
import { JsonFault, malformedJson } from './faults.ts';

/** Objects and arrays within each other in a field that is skipped: what the Collector's reader bears (json-iterator). */
const skippedDepthMax = 10_000;

/** Reads the tokens of a JSON text (RFC 8259) in UTF-8. The text is known to be UTF-8; all else is checked. Throws JsonFault. */
export class JsonScanner {
  readonly bytes: Uint8Array;
  /** Of the same bytes. */
  readonly view: DataView;
  /** Where reading goes on. */
  at: number;
  /** The string or number read last is bytes[start, end), a string without its quotes. */
  start = 0;
  end = 0;
  /** The string read last has escapes. */
  escaped = false;
  /** Opening brackets around what is skipped. */
  #around: Uint8Array | null = null;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = at;
  }

  /** The byte that the next token begins with, `ended` at the end of the text; `at` is there. */
  token(): number {
    const { bytes, at } = this;
    if (at < bytes.length) {
      const byte = bytes[at];
      if (byte > char.space) return byte;
    }
    return this.#pastSpace();
  }

  #pastSpace(): number {
    const { bytes } = this;
    for (let { at } = this; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === char.space || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
      this.at = at;
      return byte;
    }
    this.at = bytes.length;
    return char.ended;
  }

  /** Passes the next token, which is `byte`. */
  expect(byte: number, where: string): void {
    if (this.token() !== byte) throw malformedJson(`no '${String.fromCharCode(byte)}' ${where}`, this.at);
    this.at++;
  }

  /** A string, whose opening quote is at `at`: sets `start`, `end` and `escaped`. Escapes are checked. */
  string(): void {
    const { bytes } = this;
    let at = this.at + 1;
    this.start = at;
    this.escaped = false;
    for (;;) {
      let byte = bytes[at];
      while (byte >= char.space && byte !== char.quote && byte !== char.backslash) byte = bytes[++at];
      if (byte === char.quote) break;
      if (byte === char.backslash) at = this.#pastEscape(at);
      else if (at >= bytes.length) throw malformedJson('the text ends within a string', this.start - 1);
      else throw malformedJson('control character in a string', at);
    }
    this.end = at;
    this.at = at + 1;
  }

  #pastEscape(at: number): number {
    this.escaped = true;
    switch (this.bytes[at + 1]) {
      case char.quote:
      case char.backslash:
      case 0x2f:
      case 0x62:
      case char.letterF:
      case char.letterN:
      case 0x72:
      case char.letterT:
        return at + 2;
      case char.letterU:
        for (let digit = at + 2; digit < at + 6; digit++) {
          if (digit >= this.bytes.length || char.hexValues[this.bytes[digit]] === char.noDigit) throw malformedJson('\\u without four hexadecimal digits', at);
        }
        return at + 6;
      default:
        throw malformedJson('no such escape in a string', at);
    }
  }

  /** A number at `at`: sets `start` and `end`. */
  number(): void {
    const { bytes } = this;
    let { at } = this;
    this.start = at;
    if (bytes[at] === char.minus) at++;
    if (bytes[at] === char.zero) at++;
    else at = this.#pastDigits(at);
    if (bytes[at] === char.point) at = this.#pastDigits(at + 1);
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      at++;
      if (bytes[at] === char.plus || bytes[at] === char.minus) at++;
      at = this.#pastDigits(at);
    }
    this.end = this.at = at;
  }

  /** At least one digit. */
  #pastDigits(from: number): number {
    const { bytes } = this;
    let at = from;
    while (bytes[at] >= char.zero && bytes[at] <= char.nine) at++;
    if (at === from) throw malformedJson('no digit where a number needs one', at);
    return at;
  }

  /** `null`, `true` or `false`. */
  word(word: string): void {
    for (let index = 0; index < word.length; index++) {
      if (this.bytes[this.at + index] !== word.charCodeAt(index)) throw malformedJson('no value', this.at);
    }
    this.at += word.length;
  }

  /** Passes any value, which is checked to be JSON. Depth costs no stack. */
  skipValue(): void {
    let depth = 0;
    for (;;) {
      const first = this.token();
      if (first === char.openBrace || first === char.openBracket) {
        if (depth === skippedDepthMax) throw new JsonFault('nested_too_deep', `nested deeper than ${skippedDepthMax}`, this.at);
        this.#around ??= new Uint8Array(skippedDepthMax);
        this.#around[depth++] = first;
        this.at++;
        if (this.token() !== closing(first)) {
          if (first === char.openBrace) this.#skipKey();
          continue;
        }
      } else this.#skipScalar(first);
      while (depth > 0) {
        const around = this.#around === null ? 0 : this.#around[depth - 1];
        const next = this.token();
        if (next !== char.comma && next !== closing(around)) throw malformedJson("no ',' or closing bracket after a value", this.at);
        this.at++;
        if (next === char.comma) {
          if (around === char.openBrace) this.#skipKey();
          break;
        }
        depth--;
      }
      if (depth === 0) return;
    }
  }

  /** The fault of a value that is there and is not what its field has, or of none. */
  otherThan(asked: string): JsonFault {
    const { at } = this;
    this.skipValue();
    return new JsonFault('wrong_type', `a value that is not ${asked}`, at);
  }

  #skipKey(): void {
    if (this.token() !== char.quote) throw malformedJson('no key', this.at);
    this.string();
    this.expect(char.colon, 'after a key');
  }

  #skipScalar(first: number): void {
    if (first === char.quote) this.string();
    else if (first === char.letterN) this.word('null');
    else if (first === char.letterT) this.word('true');
    else if (first === char.letterF) this.word('false');
    else if (first === char.minus || (first >= char.zero && first <= char.nine)) this.number();
    else throw malformedJson(first === char.ended ? 'the text ends where a value should be' : 'no value', this.at);
  }
}

/** `}` for `{` and `]` for `[`. */
function closing(opening: number): number {
  return opening + 2;
}
