import { digitValues, hexValues, noDigit } from './characters.ts';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const base64Values: Readonly<Uint8Array> = digitValues(`${letters}+/`, `${letters}-_`);
const equals = 0x3d;

/** Writes the hexadecimal digits text[start, end), an even number of them, as bytes to target[at ...]; false where one is no digit. */
export function decodeHex(text: Uint8Array, start: number, end: number, target: Uint8Array, at: number): boolean {
  for (let from = start, to = at; from < end; from += 2, to++) {
    const high = hexValues[text[from]];
    const low = hexValues[text[from + 1]];
    if (high === noDigit || low === noDigit) return false;
    target[to] = (high << 4) | low;
  }
  return true;
}

/** Where base64 text[start, end) ends without its padding; -1 where the padding is wrong. There need be none (proto3's JSON). */
export function base64End(text: Uint8Array, start: number, end: number): number {
  let last = end;
  while (last > start && end - last < 2 && text[last - 1] === equals) last--;
  if (last !== end && (end - start) % 4 !== 0) return -1;
  return (last - start) % 4 === 1 ? -1 : last;
}

/**
 * Writes base64 text[start, end) without padding, in the standard or the URL's alphabet (RFC 4648), to target[at ...]; gives where it ends there, -1
 * where a character is in neither.
 */
export function decodeBase64(text: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  let to = at;
  let bits = 0;
  let count = 0;
  for (let from = start; from < end; from++) {
    const value = base64Values[text[from]];
    if (value === noDigit) return -1;
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      target[to++] = bits >>> count;
    }
  }
  return to;
}
