import { join } from 'node:path/posix';
import { CodedError } from '../base/errors.ts';
import type { Disk, DiskReading } from './disk.ts';
import { recordBody } from './log-format.ts';
import { type RecordPlace, segmentName } from './record-log.ts';

/**
 * The bodies of records of one segment, `places` ascending, by one reading from the first to the last of them; where that fails, record by record. A record
 * that cannot be read, or whose checksum does not hold, is a CodedError DATA_LOSS `record_unreadable` in its place. Bodies are views of what was read.
 */
export async function readRecords(disk: Disk, directory: string, places: readonly RecordPlace[]): Promise<(Uint8Array | CodedError)[]> {
  const path = join(directory, segmentName(places[0].segment));
  const file = await disk.open(path).catch((error: unknown) => unreadable(path, places[0], error));
  if (file instanceof CodedError) return places.map(() => file);
  try {
    const bodies = await readStretch(file, path, places);
    return places.length === 1 || bodies.every((body) => body instanceof Uint8Array) ? bodies : await readEach(file, path, places);
  } finally {
    await file.close().catch(() => undefined);
  }
}

async function readEach(file: DiskReading, path: string, places: readonly RecordPlace[]): Promise<(Uint8Array | CodedError)[]> {
  const bodies: (Uint8Array | CodedError)[] = [];
  for (const place of places) bodies.push(...await readStretch(file, path, [place]));
  return bodies;
}

async function readStretch(file: DiskReading, path: string, places: readonly RecordPlace[]): Promise<(Uint8Array | CodedError)[]> {
  const [first, last] = [places[0], places[places.length - 1]];
  const bytes = new Uint8Array(last.at + last.bytes - first.at);
  try {
    const count = await file.read(bytes, first.at);
    return places.map((place) => recordBody(bytes.subarray(place.at - first.at, Math.min(place.at - first.at + place.bytes, count))) ?? unreadable(path, place, 'its checksum does not hold'));
  } catch (error) {
    return places.map((place) => unreadable(path, place, error));
  }
}

function unreadable(path: string, { at, bytes }: RecordPlace, cause: unknown): CodedError {
  return new CodedError('DATA_LOSS', 'record_unreadable', `${path}: ${bytes} bytes at ${at} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}
