import { isUtf8 } from 'node:buffer';
import { assert } from '../../base/assert.ts';
import { malformedProtobuf } from '../../otap/proto/wire-reader.ts';
import { nestedTooDeep } from './check-any-value.ts';
import { invalidUtf8 } from './check-values.ts';
import { depthMax } from './limits.ts';
import { type Member, pastValue, readMember } from './member.ts';
import { type KeyValue, readKeyValue } from './key-value.ts';
import { isTrueAt, lengthAt, pastVarint, startAt, tagAt, varint64At } from './varint.ts';

/** Major types of CBOR (RFC 8949, section 3.1), in place. */
const heads = { unsigned: 0x00, negative: 0x20, bytes: 0x40, text: 0x60, array: 0x80, map: 0xa0, false: 0xf4, true: 0xf5, null: 0xf6, double: 0xfb } as const;

/**
 * The ArrayValue, or where `isMap` the KeyValueList, whose length is at `at`, as one CBOR data item (RFC 8949): definite lengths, shortest
 * integers, doubles in 64 bits, empty values as null; entries in their order, repeated keys too.
 * Throws INVALID_ARGUMENT: nested_too_deep over 64, malformed_protobuf, invalid_utf8.
 */
export function cborOfValue(bytes: Uint8Array, at: number, isMap: boolean): Uint8Array {
  const length = lengthAt(bytes, at);
  const writer = new CborWriter(bytes, length);
  writer.list(startAt(bytes, at), startAt(bytes, at) + length, isMap, 0);
  return writer.finish();
}

class CborWriter {
  readonly #bytes: Uint8Array;
  readonly #out: Uint8Array;
  readonly #view: DataView;
  readonly #words = new Uint32Array(2);
  #at = 0;

  /** A value takes at most 9 bytes for 8 of its message, the outermost head up to 9 more. */
  constructor(bytes: Uint8Array, length: number) {
    this.#bytes = bytes;
    this.#out = new Uint8Array(length + (length >>> 2) + 16);
    this.#view = new DataView(this.#out.buffer);
  }

  finish(): Uint8Array {
    assert(this.#at <= this.#out.length, 'CBOR is longer than its bound');
    return this.#out.subarray(0, this.#at);
  }

  /** `values` of the ArrayValue or KeyValueList bytes[start, end): field 1 of both. */
  list(start: number, end: number, isMap: boolean, depth: number): void {
    if (depth >= depthMax) throw nestedTooDeep();
    this.#head(isMap ? heads.map : heads.array, countFirst(this.#bytes, start, end), 0);
    for (let at = start; at < end; ) {
      const tag = tagAt(this.#bytes, at);
      const value = pastVarint(this.#bytes, at, end);
      at = pastValue(this.#bytes, value, end, tag & 7);
      if (tag !== 0x0a) continue;
      if (isMap) this.#entry(startAt(this.#bytes, value), at, depth);
      else this.#value(startAt(this.#bytes, value), at, depth);
    }
  }

  #entry(start: number, end: number, depth: number): void {
    const parts: KeyValue = { keyStart: 0, keyEnd: 0, value: 0 };
    readKeyValue(this.#bytes, start, end, parts);
    this.#text(parts.keyStart, parts.keyEnd);
    if (parts.value === 0) this.#byte(heads.null);
    else {
      const from = startAt(this.#bytes, parts.value);
      this.#value(from, from + lengthAt(this.#bytes, parts.value), depth);
    }
  }

  /** The AnyValue bytes[start, end). */
  #value(start: number, end: number, depth: number): void {
    const member: Member = { field: 0, at: 0 };
    readMember(this.#bytes, start, end, member);
    const { field, at } = member;
    if (field === 0) this.#byte(heads.null);
    else if (field === 2) this.#byte(isTrueAt(this.#bytes, at) ? heads.true : heads.false);
    else if (field === 3) this.#integer(at);
    else if (field === 4) this.#double(at);
    else {
      const from = startAt(this.#bytes, at);
      const to = from + lengthAt(this.#bytes, at);
      if (field === 1) this.#text(from, to);
      else if (field === 7) this.#chunk(heads.bytes, from, to);
      else this.list(from, to, field === 6, depth + 1);
    }
  }

  #integer(at: number): void {
    varint64At(this.#bytes, at, this.#words, 0);
    const [low, high] = this.#words;
    const isNegative = high >>> 31 === 1;
    if (isNegative) this.#head(heads.negative, ~low >>> 0, ~high >>> 0);
    else this.#head(heads.unsigned, low, high);
  }

  #double(at: number): void {
    this.#byte(heads.double);
    for (let index = 7; index >= 0; index--) this.#byte(this.#bytes[at + index]);
  }

  #text(start: number, end: number): void {
    if (!isUtf8(this.#bytes.subarray(start, end))) throw invalidUtf8(end - start);
    this.#chunk(heads.text, start, end);
  }

  #chunk(head: number, start: number, end: number): void {
    this.#head(head, end - start, 0);
    this.#out.set(this.#bytes.subarray(start, end), this.#at);
    this.#at += end - start;
  }

  /** A head with an argument of 64 bits in two words, as short as it can be. */
  #head(major: number, low: number, high: number): void {
    if (high !== 0) {
      this.#byte(major | 27);
      this.#view.setUint32(this.#at, high);
      this.#view.setUint32(this.#at + 4, low);
      this.#at += 8;
    } else if (low < 24) this.#byte(major | low);
    else if (low < 0x100) {
      this.#byte(major | 24);
      this.#byte(low);
    } else if (low < 0x10000) {
      this.#byte(major | 25);
      this.#view.setUint16(this.#at, low);
      this.#at += 2;
    } else {
      this.#byte(major | 26);
      this.#view.setUint32(this.#at, low);
      this.#at += 4;
    }
  }

  #byte(byte: number): void {
    this.#out[this.#at++] = byte;
  }
}

/** Occurrences of field 1 in bytes[start, end), all of whose fields are checked. Throws INVALID_ARGUMENT / malformed_protobuf. */
function countFirst(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; ) {
    const tag = tagAt(bytes, at);
    const value = pastVarint(bytes, at, end);
    if (tag >>> 3 === 1 && tag !== 0x0a) throw malformedProtobuf(`list: field 1 has wire type ${tag & 7}`, at);
    at = pastValue(bytes, value, end, tag & 7);
    if (!(at <= end)) throw malformedProtobuf(`list: field ${tag >>> 3} ends behind its message`, value);
    if (tag === 0x0a) count++;
  }
  return count;
}
