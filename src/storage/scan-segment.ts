import { join } from 'node:path/posix';
import { type Disk, type DiskReading, errorCode } from './disk.ts';
import { type LogRecord, readRecordHead, readSegment, recordBody, recordHeaderBytes, segmentHeaderBytes } from './log-format.ts';
import { segmentName } from './record-log.ts';

/** What is read of a file at once, but for a record that is larger. */
const windowBytes = 1 << 20;
/** So much of a body is there, where it is so long, when it is asked whether the record is wanted. */
const glanceBytes = 64;

/**
 * The records of a segment that `wants` says yes to, by their kind and the beginning of their body; others are not read. A segment that is not there has none.
 * Where it does not end with a record, or something in it is none, the segment is read whole, as at a start; records may be given again then. A body is to be copied before the next is asked for. Throws what the disk throws.
 */
export async function* scanSegment(disk: Disk, directory: string, segment: number, wants: (kind: number, body: Uint8Array) => boolean): AsyncGenerator<LogRecord> {
  const path = join(directory, segmentName(segment));
  const file = await disk.open(path).catch((error: unknown) => (errorCode(error) === 'ENOENT' ? null : Promise.reject(error)));
  if (file === null) return;
  const window = new Window(file);
  try {
    for (let at = segmentHeaderBytes; ; ) {
      const glance = await window.bytes(at, recordHeaderBytes + glanceBytes);
      if (glance.length === 0 && at === await disk.size(path)) return;
      if (glance.length < recordHeaderBytes) break;
      const head = readRecordHead(glance);
      if (head === null) break;
      const bytes = recordHeaderBytes + head.bodyBytes;
      if (wants(head.kind, glance.subarray(recordHeaderBytes, bytes))) {
        if (bytes > windowBytes && at + bytes > await disk.size(path)) break;
        const record = await window.bytes(at, bytes);
        const body = recordBody(record);
        if (body === null) break;
        yield { kind: head.kind, body };
      }
      at += bytes;
    }
  } finally {
    await file.close();
  }
  for (const entry of readSegment(await disk.read(path))) if ('body' in entry && wants(entry.kind, entry.body)) yield entry;
}

/** The part of a file that is in memory. */
class Window {
  readonly #file: DiskReading;
  #buffer = new Uint8Array(windowBytes);
  #at = 0;
  #count = 0;

  constructor(file: DiskReading) {
    this.#file = file;
  }

  /** So many bytes at `at`, fewer where the file ends; a view until the next call. */
  async bytes(at: number, length: number): Promise<Uint8Array> {
    if (at < this.#at || at + length > this.#at + this.#count) {
      if (length > this.#buffer.length) this.#buffer = new Uint8Array(length);
      this.#at = at;
      this.#count = await this.#file.read(this.#buffer, at);
    }
    return this.#buffer.subarray(at - this.#at, Math.min(at - this.#at + length, this.#count));
  }
}
