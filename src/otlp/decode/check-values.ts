import { isUtf8 } from 'node:buffer';
import { CodedError } from '../../base/errors.ts';
import { invalidId } from './errors.ts';
import { lengthAt, startAt } from './varint.ts';
import type { MessageShape } from '../message-shape.ts';
import { checkAnyValue } from './check-any-value.ts';
import type { MessageRows, RequestBytes } from './walk.ts';

/** Checks texts, ids and values of messages. Throws INVALID_ARGUMENT: invalid_utf8, invalid_id, and as `checkAnyValue`. */
export function checkRows({ request: { bytes, view }, positions, count, seen, shape: { slotCount, textSlots, idSlots, valueSlots } }: MessageRows): void {
  for (const slot of textSlots) {
    if ((seen & (1 << slot)) === 0) continue;
    for (let row = 0, from = slot; row < count; row++, from += slotCount) {
      const at = positions[from];
      if (at !== 0) checkTextAt(bytes, view, at);
    }
  }
  for (const [name, slot, width] of idSlots) {
    if ((seen & (1 << slot)) === 0) continue;
    for (let row = 0, from = slot; row < count; row++, from += slotCount) {
      const at = positions[from];
      if (at !== 0 && bytes[at] !== width && bytes[at] !== 0) checkIdAt(bytes, at, name, width);
    }
  }
  for (const slot of valueSlots) {
    if ((seen & (1 << slot)) === 0) continue;
    for (let row = 0, from = slot; row < count; row++, from += slotCount) {
      const at = positions[from];
      if (at !== 0) checkValueAt(bytes, view, at);
    }
  }
}

/** Checks the value at `at` that a later one of its slot replaces: whoever reads the bytes after us may look at it. Throws as `checkRows`. */
export function checkReplaced({ bytes, view, isChecked }: RequestBytes, { textSlots, idSlots, valueSlots }: MessageShape, slot: number, at: number): void {
  if (!isChecked) return;
  if (textSlots.includes(slot)) checkTextAt(bytes, view, at);
  for (const [name, idSlot, width] of idSlots) if (idSlot === slot) checkIdAt(bytes, at, name, width);
  if (valueSlots.includes(slot)) checkValueAt(bytes, view, at);
}

function checkIdAt(bytes: Uint8Array, at: number, name: string, width: 8 | 16): void {
  const length = lengthAt(bytes, at);
  if (length !== width && length !== 0) throw invalidId(name, length, width);
}

function checkValueAt(bytes: Uint8Array, view: DataView, at: number): void {
  const start = startAt(bytes, at);
  checkAnyValue(bytes, view, start, start + lengthAt(bytes, at), 0);
}

/** Checks the text whose length is at `at`, both known to lie within the bytes. Throws INVALID_ARGUMENT / invalid_utf8. */
function checkTextAt(bytes: Uint8Array, view: DataView, at: number): void {
  const first = bytes[at];
  if (first < 0x80) checkText(bytes, view, at + 1, at + 1 + first);
  else {
    const start = startAt(bytes, at);
    checkText(bytes, view, start, start + lengthAt(bytes, at));
  }
}

/** Checks that bytes[start, end) are UTF-8. Throws INVALID_ARGUMENT / invalid_utf8. */
export function checkText(bytes: Uint8Array, view: DataView, start: number, end: number): void {
  if (!isAscii(bytes, view, start, end) && !isUtf8(bytes.subarray(start, end))) throw invalidUtf8(end - start);
}

/** Whether bytes[start, end) are ASCII, as most texts are; four at a time. */
export function isAscii(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
  let high = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) high |= view.getUint32(at, true);
  high &= 0x80808080;
  for (; at < end; at++) high |= bytes[at] & 0x80;
  return high === 0;
}

/** A text that is no UTF-8. */
export function invalidUtf8(length: number): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'invalid_utf8', `text of ${length} bytes is not UTF-8`);
}
