import { isUtf8 } from 'node:buffer';
import { CodedError } from '../../base/errors.ts';

/** `bytes` as a Buffer over the same memory: its toString is the fastest reader of short texts that Node has. */
export function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The text in `buffer[start, end)`. Throws INVALID_ARGUMENT / invalid_utf8. */
export function readText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString('utf8', start, end);
  if (text.includes('\ufffd') && !isUtf8(buffer.subarray(start, end))) {
    throw new CodedError('INVALID_ARGUMENT', 'invalid_utf8', `text of ${end - start} bytes is not UTF-8`);
  }
  return text;
}
