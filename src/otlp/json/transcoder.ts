import { depthMax } from '../decode/limits.ts';
import * as char from './characters.ts';
import { JsonFault, malformedJson } from './faults.ts';
import { type JsonField, type JsonMessage, kinds } from './fields.ts';
import type { MessageWriter } from './message-writer.ts';
import { ScalarTranscoder } from './scalar-transcoder.ts';
import type { JsonScanner } from './scanner.ts';

/** Turns messages in JSON into protobuf, in one pass, by the types of their fields. Throws JsonFault. */
export class JsonTranscoder {
  readonly #scanner: JsonScanner;
  readonly #writer: MessageWriter;
  readonly #scalars: ScalarTranscoder;

  constructor(scanner: JsonScanner, writer: MessageWriter) {
    this.#scanner = scanner;
    this.#writer = writer;
    this.#scalars = new ScalarTranscoder(scanner, writer);
  }

  /** The object that comes next, written without tag and length. `depth`: arrays and maps of a value around it, itself included. */
  message(message: JsonMessage, depth: number): void {
    const scanner = this.#scanner;
    if (scanner.token() !== char.openBrace) throw scanner.otherThan('an object');
    if (depth > depthMax) throw new JsonFault('nested_too_deep', `value nested deeper than ${depthMax}`, scanner.at);
    scanner.at++;
    if (scanner.token() === char.closeBrace) {
      scanner.at++;
      return;
    }
    let seen = 0;
    let previous: JsonMessage | JsonField = message;
    for (;;) {
      const keyAt = scanner.at;
      const field = this.#key(message, previous.following);
      if (field === null) scanner.skipValue();
      else {
        if (scanner.token() === char.letterN) scanner.word('null');
        else {
          if ((seen & field.excludes) !== 0) throw new JsonFault('duplicate_key', `${field.name}, or another member of its oneof, for the second time`, keyAt);
          seen |= field.bit;
          this.#value(field, depth);
        }
        if (previous.following !== field) previous.following = field;
        previous = field;
      }
      const next = scanner.token();
      if (next !== char.comma && next !== char.closeBrace) throw malformedJson("no ',' or '}' after a value", scanner.at);
      scanner.at++;
      if (next === char.closeBrace) return;
      scanner.token();
    }
  }

  /** Passes a key and its colon; null for one that the message does not have. */
  #key(message: JsonMessage, guess: JsonField | null): JsonField | null {
    const scanner = this.#scanner;
    const { at } = scanner;
    if (scanner.bytes[at] !== char.quote) throw malformedJson('no key', at);
    if (guess !== null && isKey(scanner.view, at + 1, guess)) {
      scanner.at = at + 1 + guess.keyLength;
      return guess;
    }
    const field = this.#scalars.key(message);
    scanner.expect(char.colon, 'after a key');
    return field;
  }

  #value(field: JsonField, depth: number): void {
    if (field.repeated) this.#list(field, depth);
    else if (field.kind === kinds.message) this.#nested(field, depth);
    else this.#scalars.field(field);
  }

  #list(field: JsonField, depth: number): void {
    const scanner = this.#scanner;
    if (scanner.token() !== char.openBracket) throw scanner.otherThan('an array');
    scanner.at++;
    if (scanner.token() === char.closeBracket) {
      scanner.at++;
      return;
    }
    if (field.kind === kinds.message) do this.#nested(field, depth); while (this.#more());
    else if (field.kind === kinds.text) do this.#scalars.text(field, true); while (this.#more());
    else this.#packed(field);
  }

  /** Passes what follows an element: true where it is another one. */
  #more(): boolean {
    const scanner = this.#scanner;
    const next = scanner.token();
    if (next !== char.comma && next !== char.closeBracket) throw malformedJson("no ',' or ']' after an element", scanner.at);
    scanner.at++;
    return next === char.comma;
  }

  /** As in the Collector, null in a list is a message without fields. */
  #nested(field: JsonField, depth: number): void {
    const message = field.message();
    const guess = field.lengthBytes;
    const start = this.#open(field, guess);
    if (field.repeated && this.#scanner.token() === char.letterN) this.#scanner.word('null');
    else this.message(message, message.nests ? depth + 1 : depth);
    field.lengthBytes = this.#writer.close(start, guess, this.#scanner.at);
  }

  /** A list of numbers, in one field. */
  #packed(field: JsonField): void {
    const guess = field.lengthBytes;
    const start = this.#open(field, guess);
    do {
      this.#writer.reserve(0, this.#scanner.at);
      this.#scalars.element(field);
    } while (this.#more());
    field.lengthBytes = this.#writer.close(start, guess, this.#scanner.at);
  }

  /** Writes a tag and leaves `guess` bytes for the length; gives where the content begins. */
  #open(field: JsonField, guess: number): number {
    const writer = this.#writer;
    writer.reserve(0, this.#scanner.at);
    writer.tag(field.tag);
    writer.at += guess;
    return writer.at;
  }
}

/** `name":` of the field is at `at`, and the text goes on behind it: where it ends so soon, the slow way will say what is wrong. */
function isKey(view: DataView, at: number, { words, lastMask }: JsonField): boolean {
  const last = words.length - 1;
  if (at + words.length * 4 > view.byteLength) return false;
  for (let index = 0; index < last; index++) if (view.getInt32(at + index * 4, true) !== words[index]) return false;
  return ((view.getInt32(at + last * 4, true) ^ words[last]) & lastMask) === 0;
}
