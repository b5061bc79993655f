import { CodedError } from '../../base/errors.ts';

/** Wire types of protobuf's encoding; groups (3, 4) do not occur in proto3 and are refused. */
export const wireTypes = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The error for bytes that are no protobuf message of the expected kind. */
export function malformedProtobuf(detail: string, offset: number): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'malformed_protobuf', `malformed protobuf at byte ${offset}: ${detail}`);
}

/**
 * Walks the fields of one protobuf message in `bytes[position, end)`. Every length is checked against the
 * message that holds it; reading past the end throws INVALID_ARGUMENT / malformed_protobuf.
 * Source: protobuf.dev/programming-guides/encoding.
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #position: number;
  /** Field number of the tag read last. */
  field = 0;
  /** Wire type of the tag read last. */
  wireType = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  /** Reads the next tag into `field` and `wireType`; false at the end of the message. */
  next(): boolean {
    if (this.#position >= this.#end) return false;
    const tag = this.uint32();
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    if (this.field === 0) throw malformedProtobuf('field number 0', this.#position);
    return true;
  }

  /** True when the last tag is `field` in `wireType`; a known field in another wire type is skipped like an unknown one. */
  is(field: number, wireType: number): boolean {
    return this.field === field && this.wireType === wireType;
  }

  /** The low 32 bits of a varint of up to ten bytes, unsigned. */
  uint32(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let low = first & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low >>> 0;
    }
    throw malformedProtobuf('varint longer than 10 bytes', this.#position);
  }

  /** A varint as int64. */
  int64(): bigint {
    const first = this.#byte();
    if (first < 0x80) return BigInt(first);
    let value = BigInt(first & 0x7f);
    for (let shift = 7n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw malformedProtobuf('varint longer than 10 bytes', this.#position);
  }

  /** A length-delimited field as a view into the message. */
  bytes(): Uint8Array {
    const start = this.#lengthDelimited();
    return this.#bytes.subarray(start, this.#position);
  }

  /** A reader over a length-delimited field. */
  message(): WireReader {
    const start = this.#lengthDelimited();
    return new WireReader(this.#bytes, start, this.#position);
  }

  /** A length-delimited field as text; refuses what is not UTF-8. */
  string(): string {
    const start = this.#lengthDelimited();
    const end = this.#position;
    if (end - start < 16) {
      let text = '';
      let index = start;
      for (; index < end && this.#bytes[index] < 0x80; index++) text += String.fromCharCode(this.#bytes[index]);
      if (index === end) return text;
    }
    try {
      return utf8.decode(this.#bytes.subarray(start, end));
    } catch {
      throw malformedProtobuf(`field ${this.field} is not UTF-8`, start);
    }
  }

  /** Skips the value of the last tag. */
  skip(): void {
    switch (this.wireType) {
      case wireTypes.VARINT:
        this.uint32();
        return;
      case wireTypes.FIXED64:
        this.#advance(8);
        return;
      case wireTypes.BYTES:
        this.#lengthDelimited();
        return;
      case wireTypes.FIXED32:
        this.#advance(4);
        return;
      default:
        throw malformedProtobuf(`wire type ${this.wireType}`, this.#position);
    }
  }

  #byte(): number {
    if (this.#position >= this.#end) throw malformedProtobuf('message ends inside a field', this.#position);
    return this.#bytes[this.#position++];
  }

  /** Moves past a length and its bytes; gives where the bytes start. */
  #lengthDelimited(): number {
    const length = this.uint32();
    const start = this.#position;
    this.#advance(length);
    return start;
  }

  #advance(length: number): void {
    if (length > this.#end - this.#position) {
      throw malformedProtobuf(`field of ${length} bytes where ${this.#end - this.#position} are left`, this.#position);
    }
    this.#position += length;
  }
}
