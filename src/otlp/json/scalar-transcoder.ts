import { wires } from '../message-shape.ts';
import * as char from './characters.ts';
import { base64End, decodeBase64, decodeHex } from './digits.ts';
import { JsonFault } from './faults.ts';
import { type JsonField, type JsonMessage, kinds } from './fields.ts';
import type { MessageWriter } from './message-writer.ts';
import { type Outcome, outcomes, readDouble, readInteger } from './numbers.ts';
import type { JsonScanner } from './scanner.ts';
import { unescape } from './unescape.ts';

/** No name of an enum is longer. */
const nameLengthMax = 64;

/** Turns texts, ids, bytes, numbers and booleans in JSON into protobuf's. Throws JsonFault. */
export class ScalarTranscoder {
  readonly #scanner: JsonScanner;
  readonly #writer: MessageWriter;
  readonly #words = new Uint32Array(2);
  readonly #doubles = new Float64Array(1);
  readonly #doubleWords = new Uint32Array(this.#doubles.buffer);
  /** The string or number read last: #text[#start, #end), which is the JSON itself where nothing is escaped. */
  #text: Uint8Array;
  #start = 0;
  #end = 0;
  #unescaped = new Uint8Array(0);

  constructor(scanner: JsonScanner, writer: MessageWriter) {
    this.#scanner = scanner;
    this.#writer = writer;
    this.#text = scanner.bytes;
  }

  /** Passes a key; null for one that the message does not have. */
  key({ byLength }: JsonMessage): JsonField | null {
    this.#string();
    const length = this.#end - this.#start;
    if (length >= byLength.length) return null;
    for (const { key, field } of byLength[length]) if (begins(this.#text, this.#start, key)) return field;
    return null;
  }

  /** Passes the value of a field that is no message and writes it, if it is not the zero that goes without saying. */
  field(field: JsonField): void {
    this.#writer.reserve(0, this.#scanner.at);
    switch (field.kind) {
      case kinds.text:
        return this.text(field, field.presence);
      case kinds.id:
        return this.#id(field);
      case kinds.bytes:
        return this.#base64(field);
      case kinds.bool:
        return this.#bool(field);
      default:
        return this.#number(field);
    }
  }

  /** `always`: also where it is empty. */
  text(field: JsonField, always: boolean): void {
    this.#expectString();
    const length = this.#end - this.#start;
    if (length === 0 && !always) return;
    this.#head(field, length);
    this.#writer.copy(this.#text, this.#start, this.#end);
  }

  /** A number of a packed list. Room is reserved. */
  element(field: JsonField): void {
    this.#readNumber(field);
    this.#writeNumber(field);
  }

  #id(field: JsonField): void {
    const { at } = this.#scanner;
    this.#expectString();
    if (this.#end === this.#start) return;
    const { width } = field;
    const writer = this.#writer;
    if (this.#end - this.#start !== width * 2) throw new JsonFault('invalid_id', `an id of other than ${width * 2} hexadecimal digits`, at);
    this.#head(field, width);
    if (!decodeHex(this.#text, this.#start, this.#end, writer.bytes, writer.at)) throw new JsonFault('invalid_id', 'an id with other than hexadecimal digits', at);
    writer.at += width;
  }

  #base64(field: JsonField): void {
    const { at } = this.#scanner;
    this.#expectString();
    const writer = this.#writer;
    const last = base64End(this.#text, this.#start, this.#end);
    if (last < 0) throw new JsonFault('invalid_base64', 'base64 of a wrong length', at);
    const length = Math.floor(((last - this.#start) * 3) / 4);
    if (length === 0 && !field.presence) return;
    this.#head(field, length);
    const end = decodeBase64(this.#text, this.#start, last, writer.bytes, writer.at);
    if (end < 0) throw new JsonFault('invalid_base64', 'a character that base64 does not have', at);
    writer.at = end;
  }

  #bool(field: JsonField): void {
    const scanner = this.#scanner;
    const first = scanner.token();
    if (first !== char.letterT && first !== char.letterF) throw scanner.otherThan('true or false');
    scanner.word(first === char.letterT ? 'true' : 'false');
    if (first === char.letterF && !field.presence) return;
    this.#writer.tag(field.tag);
    this.#writer.varint(first === char.letterT ? 1 : 0);
  }

  #number(field: JsonField): void {
    this.#readNumber(field);
    if (!field.presence && this.#isZero(field)) return;
    this.#writer.tag(field.tag);
    this.#writeNumber(field);
  }

  #isZero({ kind }: JsonField): boolean {
    const words = kind === kinds.double ? this.#doubleWords : this.#words;
    return (words[0] | words[1]) === 0;
  }

  /** A number, JSON's own or as a string, into `#doubles` or `#words`. */
  #readNumber(field: JsonField): void {
    const scanner = this.#scanner;
    const first = scanner.token();
    const isString = first === char.quote;
    const { at } = scanner;
    if (isString) this.#string();
    else if (first === char.minus || (first >= char.zero && first <= char.nine)) this.#plainNumber();
    else throw scanner.otherThan('a number');
    const outcome = field.kind === kinds.double
      ? readDouble(this.#text, this.#start, this.#end, isString, this.#doubles)
      : readInteger(this.#text, this.#start, this.#end, field.range, this.#words);
    if (outcome !== outcomes.ok) this.#named(field, outcome, at);
  }

  /** The name of an enum's value, or else nothing that there is a number for. */
  #named({ names, kind, range }: JsonField, outcome: Outcome, at: number): void {
    const number = names === null || this.#end - this.#start > nameLengthMax ? undefined : names.get(this.#latin1());
    if (number !== undefined) {
      this.#words[0] = number;
      this.#words[1] = 0;
      return;
    }
    if (outcome === outcomes.notANumber) throw new JsonFault('wrong_type', names === null ? 'a string that is no number' : 'no name of this enum', at);
    const asked = kind === kinds.double ? 'a double' : `a whole number of ${range.bits} bits, ${range.signed ? 'signed' : 'not negative'}`;
    throw new JsonFault('out_of_range', `a number that is not ${asked}`, at);
  }

  #writeNumber({ wire, kind, zigzag }: JsonField): void {
    const writer = this.#writer;
    const words = kind === kinds.double ? this.#doubleWords : this.#words;
    if (wire === wires.fixed64) {
      writer.word(words[0]);
      writer.word(words[1]);
    } else if (wire === wires.fixed32) writer.word(words[0]);
    else if (zigzag) writer.varint(((words[0] << 1) ^ (words[0] >> 31)) >>> 0);
    else writer.varint64(words[0], words[1]);
  }

  /** Tag and length of a field whose `length` bytes are written next; makes room for them. */
  #head(field: JsonField, length: number): void {
    const writer = this.#writer;
    writer.reserve(length, this.#scanner.at);
    writer.tag(field.tag);
    writer.varint(length);
  }

  #expectString(): void {
    if (this.#scanner.token() !== char.quote) throw this.#scanner.otherThan('a string');
    this.#string();
  }

  /** Reads the string that comes next, without its escapes. */
  #string(): void {
    const scanner = this.#scanner;
    scanner.string();
    this.#text = scanner.bytes;
    this.#start = scanner.start;
    this.#end = scanner.end;
    if (!scanner.escaped) return;
    const length = scanner.end - scanner.start;
    if (this.#unescaped.length < length) this.#unescaped = new Uint8Array(length * 2);
    this.#text = this.#unescaped;
    this.#start = 0;
    this.#end = unescape(scanner.bytes, scanner.start, scanner.end, this.#unescaped);
  }

  #plainNumber(): void {
    const scanner = this.#scanner;
    scanner.number();
    this.#text = scanner.bytes;
    this.#start = scanner.start;
    this.#end = scanner.end;
  }

  /** A short text as a string; what is not ASCII becomes something that is no name of ours either. */
  #latin1(): string {
    return String.fromCharCode(...this.#text.subarray(this.#start, this.#end));
  }
}

/** The bytes from `at` on begin with the key. */
function begins(bytes: Uint8Array, at: number, key: Uint8Array): boolean {
  for (let index = 0; index < key.length; index++) if (bytes[at + index] !== key[index]) return false;
  return true;
}
