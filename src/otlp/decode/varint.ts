import { malformedProtobuf } from '../../otap/proto/wire-reader.ts';

const varintBytesMax = 10;

/** Where the varint at `at` ends; it must end within [at, end). Throws INVALID_ARGUMENT / malformed_protobuf, also over ten bytes. */
export function pastVarint(bytes: Uint8Array, at: number, end: number): number {
  const stop = Math.min(end, at + varintBytesMax);
  for (let index = at; index < stop; index++) if (bytes[index] < 0x80) return index + 1;
  throw malformedProtobuf(stop < end || stop === at + varintBytesMax ? 'varint longer than 10 bytes' : 'message ends inside a varint', at);
}

/** The varint at `at` as a length, always an int32. Throws INVALID_ARGUMENT / malformed_protobuf from 2^31 on, which no message has room for. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let shift = 0; shift < varintBytesMax * 7; shift += 7, at++) {
    const byte = bytes[at];
    const bits = byte & 0x7f;
    if (shift <= 28) value |= bits << shift;
    if (shift >= 28 && (shift === 28 ? bits > 7 : bits > 0)) throw malformedProtobuf('length of 2^31 or more', at);
    if (byte < 0x80) return value;
  }
  throw malformedProtobuf('length longer than 10 bytes', at);
}

/** The varint at `at` as a tag: field number * 8 + wire type, as an int32. Throws INVALID_ARGUMENT / malformed_protobuf: field numbers 0 or from 2^29 on. */
export function tagAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let shift = 0; shift < varintBytesMax * 7; shift += 7, at++) {
    const byte = bytes[at];
    const bits = byte & 0x7f;
    if (shift <= 28) value |= bits << shift;
    if (shift >= 28 && (shift === 28 ? bits > 15 : bits > 0)) throw malformedProtobuf('field number of 2^29 or more', at);
    if (byte < 0x80) {
      if (value >>> 3 === 0) throw malformedProtobuf('field number 0', at);
      return value;
    }
  }
  throw malformedProtobuf('tag longer than 10 bytes', at);
}

/** The low 32 bits of the varint at `at`, which is known to end, as an int32. */
export function varint32At(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let shift = 0; ; shift += 7, at++) {
    const byte = bytes[at];
    if (shift < 32) value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

/** The varint at `at`, which is known to end, as a bool: whether any of its bits is set. */
export function isTrueAt(bytes: Uint8Array, at: number): boolean {
  while (bytes[at] === 0x80) at++;
  return bytes[at] !== 0;
}

/** Writes the varint at `at`, which is known to end, as two words: words[target] low, words[target + 1] high; gives where it ends. */
export function varint64At(bytes: Uint8Array, at: number, words: Uint32Array, target: number): number {
  let low = 0;
  let high = 0;
  for (let shift = 0; ; shift += 7, at++) {
    const byte = bytes[at];
    const bits = byte & 0x7f;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) {
      low |= bits << 28;
      high = bits >>> 4;
    } else if (shift < 64) high |= bits << (shift - 32);
    if (byte < 0x80) break;
  }
  words[target] = low;
  words[target + 1] = high;
  return at + 1;
}

/** Where the bytes of the length-delimited value at `at` begin; its length is known to be right. */
export function startAt(bytes: Uint8Array, at: number): number {
  while (bytes[at] >= 0x80) at++;
  return at + 1;
}

/** Undoes the zigzag of sint32. */
export function unzigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1);
}
