import { malformedProtobuf } from '../../otap/proto/wire-reader.ts';
import { valueTypes } from '../../otap/take/attributes.ts';
import { wires } from '../message-shape.ts';
import { lengthAt, pastVarint, tagAt } from './varint.ts';

/** OTAP's type of a value by the field number of AnyValue's oneof; 0 for numbers that are none of its members. */
export const typeOfField: Readonly<Uint8Array> = Uint8Array.of(
  0, valueTypes.STR, valueTypes.BOOL, valueTypes.INT, valueTypes.DOUBLE, valueTypes.SLICE, valueTypes.MAP, valueTypes.BYTES,
);
const wireOfField: Readonly<Uint8Array> = Uint8Array.of(
  0, wires.bytes, wires.varint, wires.varint, wires.fixed64, wires.bytes, wires.bytes, wires.bytes,
);

/** AnyValue.string_value_strindex, which profiles alone use: read by others, skipped here. */
const strindex = 8;

/** Whether a field of AnyValue is unknown or has the wire type of its number. */
export function isMemberTag(tag: number): boolean {
  const field = tag >>> 3;
  return field === strindex ? (tag & 7) === wires.varint : field >= wireOfField.length || wireOfField[field] === (tag & 7);
}

/** The last member of the oneof that an AnyValue message sets: its tag's field number and where its value begins; field 0 for none. */
export interface Member {
  field: number;
  at: number;
}

/** Finds the member that counts in the AnyValue bytes[start, end). Throws INVALID_ARGUMENT / malformed_protobuf. */
export function readMember(bytes: Uint8Array, start: number, end: number, member: Member): void {
  member.field = 0;
  member.at = start;
  for (let at = start; at < end; ) {
    const tag = tagAt(bytes, at);
    at = pastVarint(bytes, at, end);
    const field = tag >>> 3;
    const isKnown = field < typeOfField.length;
    if (isKnown && wireOfField[field] !== (tag & 7)) throw malformedProtobuf(`AnyValue: field ${field} has wire type ${tag & 7}`, at);
    const value = at;
    at = pastValue(bytes, at, end, tag & 7);
    if (!(at <= end)) throw malformedProtobuf(`AnyValue: field ${field} ends behind its message`, value);
    if (isKnown) {
      member.field = field;
      member.at = value;
    }
  }
}

/** Where a value of this wire type ends; the caller checks that that is within its message. */
export function pastValue(bytes: Uint8Array, at: number, end: number, wire: number): number {
  switch (wire) {
    case wires.varint:
      return pastVarint(bytes, at, end);
    case wires.fixed64:
      return at + 8;
    case wires.bytes:
      return pastVarint(bytes, at, end) + lengthAt(bytes, at);
    case wires.fixed32:
      return at + 4;
    default:
      throw malformedProtobuf(`wire type ${wire}`, at);
  }
}
