import * as char from './characters.ts';

const replacement = 0xfffd;

/** What stands for itself or another byte after a backslash. */
const meanings: Readonly<Uint8Array> = meaningsOf({ '"': 0x22, '\\': 0x5c, '/': 0x2f, b: 0x08, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09 });

function meaningsOf(escapes: Readonly<Record<string, number>>): Uint8Array {
  const table = new Uint8Array(256);
  for (const [letter, byte] of Object.entries(escapes)) table[letter.charCodeAt(0)] = byte;
  return table;
}

/**
 * Writes the string bytes[start, end), whose escapes are known to be right, to `target` as UTF-8 without escapes; gives its length, which is at
 * most end - start. Half a surrogate pair becomes U+FFFD, as in the Collector.
 */
export function unescape(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let to = 0;
  for (let at = start; at < end; ) {
    const byte = bytes[at];
    if (byte !== char.backslash) {
      target[to++] = byte;
      at++;
    } else if (bytes[at + 1] !== char.letterU) {
      target[to++] = meanings[bytes[at + 1]];
      at += 2;
    } else {
      let point = unitAt(bytes, at);
      at += 6;
      if (point >= 0xd800 && point < 0xe000) {
        const low = point < 0xdc00 && at + 6 <= end && bytes[at] === char.backslash && bytes[at + 1] === char.letterU ? unitAt(bytes, at) : 0;
        if (low >= 0xdc00 && low < 0xe000) {
          point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
          at += 6;
        } else point = replacement;
      }
      to = writePoint(target, to, point);
    }
  }
  return to;
}

/** The four digits of the \u escape at `at`. */
function unitAt(bytes: Uint8Array, at: number): number {
  const { hexValues } = char;
  return (hexValues[bytes[at + 2]] << 12) | (hexValues[bytes[at + 3]] << 8) | (hexValues[bytes[at + 4]] << 4) | hexValues[bytes[at + 5]];
}

/** A code point in UTF-8 (RFC 3629). */
function writePoint(target: Uint8Array, at: number, point: number): number {
  if (point < 0x80) target[at++] = point;
  else {
    if (point < 0x800) target[at++] = 0xc0 | (point >>> 6);
    else {
      if (point < 0x10000) target[at++] = 0xe0 | (point >>> 12);
      else {
        target[at++] = 0xf0 | (point >>> 18);
        target[at++] = 0x80 | ((point >>> 12) & 0x3f);
      }
      target[at++] = 0x80 | ((point >>> 6) & 0x3f);
    }
    target[at++] = 0x80 | (point & 0x3f);
  }
  return at;
}
