import { CodedError } from '../../base/errors.ts';
import { malformedProtobuf } from '../../otap/proto/wire-reader.ts';
import { checkText } from './check-values.ts';
import { keyTag, valueTag } from './key-value.ts';
import { depthMax } from './limits.ts';
import { isMemberTag, pastValue } from './member.ts';
import { pastVarint, startAt, tagAt } from './varint.ts';

/*
 * Values as a whole, with all that later fields replace: what is copied on is read by others too, who may read all of it. Messages of common.proto.
 * All throw INVALID_ARGUMENT: malformed_protobuf, invalid_utf8, nested_too_deep.
 */

const elementTag = 0x0a;
/** KeyValue.key_strindex, a varint that profiles alone use: read by others, skipped here. */
const strindex = 3;

/** Field numbers of AnyValue. */
const fields = { STRING: 1, ARRAY: 5, KVLIST: 6 } as const;

/** The KeyValue bytes[start, end) within `depth` arrays and maps. */
export function checkKeyValue(bytes: Uint8Array, view: DataView, start: number, end: number, depth: number): void {
  for (let at = start; at < end; ) {
    const tag = tagAt(bytes, at);
    const value = pastVarint(bytes, at, end);
    at = pastValue(bytes, value, end, tag & 7);
    if (!(at <= end)) throw malformedProtobuf(`KeyValue: field ${tag >>> 3} ends behind its message`, value);
    if (tag === keyTag) checkText(bytes, view, startAt(bytes, value), at);
    else if (tag === valueTag) checkAnyValue(bytes, view, startAt(bytes, value), at, depth);
    else if (tag >>> 3 <= 2 || (tag >>> 3 === strindex && (tag & 7) !== 0)) throw malformedProtobuf(`KeyValue: field ${tag >>> 3} has wire type ${tag & 7}`, value);
  }
}

/** The AnyValue bytes[start, end) within `depth` arrays and maps. */
export function checkAnyValue(bytes: Uint8Array, view: DataView, start: number, end: number, depth: number): void {
  for (let at = start; at < end; ) {
    const tag = tagAt(bytes, at);
    const value = pastVarint(bytes, at, end);
    const field = tag >>> 3;
    if (!isMemberTag(tag)) throw malformedProtobuf(`AnyValue: field ${field} has wire type ${tag & 7}`, value);
    at = pastValue(bytes, value, end, tag & 7);
    if (!(at <= end)) throw malformedProtobuf(`AnyValue: field ${field} ends behind its message`, value);
    if (field === fields.STRING) checkText(bytes, view, startAt(bytes, value), at);
    else if (field === fields.ARRAY || field === fields.KVLIST) checkList(bytes, view, startAt(bytes, value), at, field === fields.KVLIST, depth);
  }
}

/** The ArrayValue, or where `isMap` the KeyValueList, bytes[start, end), itself within `depth` others. */
function checkList(bytes: Uint8Array, view: DataView, start: number, end: number, isMap: boolean, depth: number): void {
  if (depth >= depthMax) throw nestedTooDeep();
  for (let at = start; at < end; ) {
    const tag = tagAt(bytes, at);
    const value = pastVarint(bytes, at, end);
    at = pastValue(bytes, value, end, tag & 7);
    if (!(at <= end)) throw malformedProtobuf(`list: field ${tag >>> 3} ends behind its message`, value);
    if (tag === elementTag) {
      if (isMap) checkKeyValue(bytes, view, startAt(bytes, value), at, depth + 1);
      else checkAnyValue(bytes, view, startAt(bytes, value), at, depth + 1);
    } else if (tag >>> 3 === 1) throw malformedProtobuf(`list: field 1 has wire type ${tag & 7}`, value);
  }
}

/** Arrays and maps within more than `depthMax` others. */
export function nestedTooDeep(): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'nested_too_deep', `value nested deeper than ${depthMax}`);
}
