import * as char from './characters.ts';

/** Characters of a path, and of one key in it: keys are the sender's. */
const pathLengthMax = 200;
const keyLengthMax = 40;

/**
 * Where byte `offset` of a JSON text is: `resourceSpans[0].scopeSpans[1].spans[7].kind`, '' for the outermost value. What is before it is well-formed.
 * Reads all of that once more, so that the reader need not keep track.
 */
export function pathAt(bytes: Uint8Array, offset: number): string {
  /** Around the offset, from the outside: the key in an object, the index in an array. */
  const around: (string | number)[] = [];
  let depth = 0;
  for (let at = 0; at < offset; at++) {
    const byte = bytes[at];
    if (byte === char.quote) {
      const end = pastString(bytes, at, offset);
      if (end < offset && depth > 0 && around[depth - 1] === '') around[depth - 1] = keyText(bytes, at + 1, end);
      at = end;
    } else if (byte === char.openBrace) around[depth++] = '';
    else if (byte === char.openBracket) around[depth++] = 0;
    else if (byte === char.closeBrace || byte === char.closeBracket) depth--;
    else if (byte === char.comma) {
      const last = around[depth - 1];
      around[depth - 1] = typeof last === 'number' ? last + 1 : '';
    }
  }
  let path = '';
  for (let level = 0; level < depth && path.length <= pathLengthMax; level++) {
    const part = around[level];
    path += typeof part === 'number' ? `[${part}]` : part === '' ? '' : `${path === '' ? '' : '.'}${part}`;
  }
  return path.length > pathLengthMax ? `${path.slice(0, pathLengthMax)}...` : path;
}

/** Where the string whose opening quote is at `at` has its closing one; at most `offset`. */
function pastString(bytes: Uint8Array, at: number, offset: number): number {
  let index = at + 1;
  while (index < offset && bytes[index] !== char.quote) index += bytes[index] === char.backslash ? 2 : 1;
  return Math.min(index, offset);
}

/** A key in printable ASCII. */
function keyText(bytes: Uint8Array, start: number, end: number): string {
  const text = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + keyLengthMax))).replace(/[^ -~]/g, '?');
  if (text === '') return '?';
  return end - start > keyLengthMax ? `${text}...` : text;
}
