import { join } from 'node:path/posix';
import { CodedError } from '../../base/errors.ts';
import type { Disk } from '../../storage/disk.ts';
import { headerComplaint, type LogRecord, readSegment, recordHeaderBytes } from '../../storage/log-format.ts';
import { type RecordPlace, segmentOf, segmentName } from '../../storage/record-log.ts';
import { decodeDecided, type LoggedWindow } from './decided-record.ts';
import type { JournalOptions } from './journal.ts';
import { decodeNumber, encodeEarly, encodeWindow, recordKinds, type WindowName } from './records.ts';

/** A segment as it lies on the disk. */
export interface FoundSegment {
  readonly number: number;
  readonly bytes: number;
}

/** A record, and where it stands. */
export interface PlacedRecord extends LogRecord {
  readonly place: RecordPlace;
}

/** What later records say of earlier ones, and so is known before these are read. */
export interface Marks {
  isExported(window: WindowName): boolean;
  isEarlySent(early: WindowName & { readonly atUnixNano: bigint }): boolean;
  isLateSent(ordinal: number): boolean;
}

/** The segments of a directory, which is made where it is not there, in order; what a crash left half replaced is removed. */
export async function findSegments(disk: Disk, directory: string): Promise<FoundSegment[]> {
  await disk.makeDirectory(directory);
  const names = await disk.list(directory);
  for (const name of names) if (name.endsWith('.log.new')) await disk.remove(join(directory, name));
  const numbers = names.flatMap((name) => segmentOf(name) ?? []).sort((a, b) => a - b);
  return Promise.all(numbers.map(async (number) => ({ number, bytes: await disk.size(join(directory, segmentName(number))) })));
}

/** The records of a segment, and null where some are missing. Throws DATA_LOSS `segment_corrupt` where damage is to stop the start, or nothing of it can be read. */
export async function* recordsOf({ disk, directory, onCorrupt, observer }: JournalOptions, number: number): AsyncGenerator<PlacedRecord | null> {
  const segment = join(directory, segmentName(number));
  const bytes = await disk.read(segment);
  const complaint = headerComplaint(bytes);
  if (complaint !== null && onCorrupt === 'refuse') throw corrupt(`${segment}: ${complaint}`);
  if (complaint !== null) {
    observer.damaged({ segment, at: 0, bytes: bytes.length, isTail: false });
    yield null;
    return;
  }
  for (const entry of readSegment(bytes)) {
    if ('body' in entry) {
      const at = entry.body.byteOffset - bytes.byteOffset - recordHeaderBytes;
      yield { ...entry, place: { segment: number, at, bytes: recordHeaderBytes + entry.body.length } };
      continue;
    }
    if (!entry.isTail && onCorrupt === 'refuse') throw corrupt(`${segment}: ${entry.bytes} bytes at ${entry.at} are damaged`);
    observer.damaged({ segment, ...entry });
    yield null;
  }
}

/** Reads all segments for their marks; `onDecided` is told of each decided window, then of the traces of these that were decided before. */
export async function readMarks(options: JournalOptions, segments: readonly FoundSegment[], onDecided: (window: LoggedWindow) => void): Promise<Marks> {
  const exported = new Set<string>();
  const lateSent = new Set<number>();
  const early: LoggedWindow[] = [];
  const decided = new Set<string>();
  const keyOf = (body: Uint8Array): string => Buffer.from(body).toString('latin1');
  const quiet = { ...options, observer: { ...options.observer, damaged: () => {} } };
  for (const { number } of segments) {
    for await (const record of recordsOf(quiet, number)) {
      if (record === null) continue;
      if (record.kind === recordKinds.exported || record.kind === recordKinds.earlySent) exported.add(keyOf(record.body));
      else if (record.kind === recordKinds.lateSent) lateSent.add(decodeNumber(record.body));
      else if (record.kind === recordKinds.decided) {
        const window = decodeDecided(record.body, null);
        if (window.isDone) exported.add(keyOf(encodeWindow(window)));
        decided.add(keyOf(encodeWindow(window)));
        onDecided(window);
      } else if (record.kind === recordKinds.early) early.push({ ...decodeDecided(record.body, null), kept: [] });
    }
  }
  for (const window of early) if (decided.has(keyOf(encodeWindow(window)))) onDecided(window);
  return { isExported: (window) => exported.has(keyOf(encodeWindow(window))), isEarlySent: (window) => exported.has(keyOf(encodeEarly(window))), isLateSent: (ordinal) => lateSent.has(ordinal) };
}

function corrupt(what: string): CodedError {
  return new CodedError('DATA_LOSS', 'segment_corrupt', `${what}; set storage.on_corrupt: skip to start without what was there, or move the file away`);
}
