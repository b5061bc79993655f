import { malformedProtobuf } from '../../otap/proto/wire-reader.ts';
import { pastValue } from './member.ts';
import { lengthAt, pastVarint, tagAt } from './varint.ts';

/** Tags of KeyValue: key = 1, value = 2, both length-delimited. */
export const keyTag = 0x0a;
export const valueTag = 0x12;

/** Where the parts of a KeyValue lie: the key's bytes, and its value's length; value 0 for none. */
export interface KeyValue {
  keyStart: number;
  keyEnd: number;
  value: number;
}

/**
 * Where the value's tag is in a KeyValue bytes[start, end) that is a key and a value and nothing else, both shorter than 128 bytes, as nearly all
 * are; 0 for any other.
 */
export function plainValueTag(bytes: Uint8Array, start: number, end: number): number {
  const value = start + 2 + bytes[start + 1];
  return bytes[start] === keyTag && value + 1 < end && bytes[value] === valueTag && value + 2 + bytes[value + 1] === end && bytes[value + 1] < 0x80 && bytes[start + 1] < 0x80
    ? value : 0;
}

/** Reads the KeyValue bytes[start, end); of a field that comes twice the last counts. Throws INVALID_ARGUMENT / malformed_protobuf. */
export function readKeyValue(bytes: Uint8Array, start: number, end: number, parts: KeyValue): void {
  parts.keyStart = parts.keyEnd = start;
  parts.value = 0;
  for (let at = start; at < end; ) {
    let tag = bytes[at];
    let value = at + 1;
    if (tag !== keyTag && tag !== valueTag) {
      tag = tagAt(bytes, at);
      value = pastVarint(bytes, at, end);
      if (tag !== keyTag && tag !== valueTag) {
        at = pastUnknown(bytes, tag, value, end);
        continue;
      }
    }
    let length = bytes[value];
    let from = value + 1;
    if (!(length < 0x80)) {
      from = pastVarint(bytes, value, end);
      length = lengthAt(bytes, value);
    }
    at = from + length;
    if (!(at <= end)) throw malformedProtobuf(`KeyValue: field ${tag >>> 3} ends behind its message`, value);
    if (tag === valueTag) parts.value = value;
    else {
      parts.keyStart = from;
      parts.keyEnd = at;
    }
  }
}

/** Where a field ends that nobody knows; its value is at `at`. Keys and values in another wire type are refused. */
function pastUnknown(bytes: Uint8Array, tag: number, at: number, end: number): number {
  const field = tag >>> 3;
  if (field === 1 || field === 2) throw malformedProtobuf(`KeyValue: field ${field} has wire type ${tag & 7}`, at);
  const past = pastValue(bytes, at, end, tag & 7);
  if (!(past <= end)) throw malformedProtobuf(`KeyValue: field ${field} ends behind its message`, at);
  return past;
}
