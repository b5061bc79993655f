import { checkKeyValue } from './check-any-value.ts';
import { checkText, isAscii } from './check-values.ts';
import { plainValueTag } from './key-value.ts';
import type { Ranges } from './ranges.ts';
import type { RequestBytes } from './walk.ts';

/** Tags of AnyValue's members of fixed form. */
const stringTag = 0x0a;
const boolTag = 0x10;
const doubleTag = 0x21;

/** Checks KeyValue messages: keys and values, with all that is in them. Throws INVALID_ARGUMENT: malformed_protobuf, invalid_utf8, nested_too_deep. */
export function checkAttributes({ bytes, view }: RequestBytes, { starts, ends, count }: Ranges): void {
  for (let row = 0; row < count; row++) {
    const start = starts[row];
    const end = ends[row];
    const valueTag = plainValueTag(bytes, start, end);
    if (valueTag === 0) checkKeyValue(bytes, view, start, end, 0);
    else if (bytes[valueTag + 2] === stringTag && valueTag + 4 + bytes[valueTag + 3] === end && bytes[valueTag + 3] < 0x80) {
      // Tags and lengths are ASCII here, so that one look over all of it does where the texts are.
      if (!isAscii(bytes, view, start, end)) checkKeyValue(bytes, view, start, end, 0);
    } else if (isFixedForm(bytes, valueTag + 2, end)) checkText(bytes, view, start + 2, valueTag);
    else checkKeyValue(bytes, view, start, end, 0);
  }
}

/** Whether the AnyValue bytes[at, end) is one bool of a byte or one double. */
function isFixedForm(bytes: Uint8Array, at: number, end: number): boolean {
  const tag = bytes[at];
  return (tag === doubleTag && at + 9 === end) || (tag === boolTag && at + 2 === end && bytes[at + 1] < 0x80);
}
