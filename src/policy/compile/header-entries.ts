import { Buffer } from 'node:buffer';

/** A line `-- name: value` before the SELECT. */
export interface HeaderEntry {
  readonly name: string;
  readonly value: string;
  /** Byte offset of the line. */
  readonly offset: number;
}

/** The lines `-- name: value` among the comments that a text begins with. */
export function headerEntries(text: string): readonly HeaderEntry[] {
  const entries: HeaderEntry[] = [];
  let offset = 0;
  for (const line of text.split('\n')) {
    if (line.trim() !== '' && !line.trimStart().startsWith('--')) break;
    const match = /^\s*--\s*([a-z][a-z_]*):\s+(\S.*?)\s*$/.exec(line);
    if (match !== null) entries.push({ name: match[1], value: match[2], offset });
    offset += Buffer.byteLength(line, 'utf8') + 1;
  }
  return entries;
}
