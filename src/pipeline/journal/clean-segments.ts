import { join } from 'node:path/posix';
import type { Disk } from '../../storage/disk.ts';
import { readSegment } from '../../storage/log-format.ts';
import { replaceSegment, segmentName } from '../../storage/record-log.ts';
import { strippedDecided } from './decided-record.ts';
import { recordKinds } from './records.ts';

/** Leaves of a segment only what late spans need of its decisions; without any it is removed. Returns the bytes that are left. */
export async function stripSegment(disk: Disk, directory: string, segment: number): Promise<number> {
  if (!(await disk.list(directory)).includes(segmentName(segment))) return 0;
  const entries = [...readSegment(await disk.read(join(directory, segmentName(segment))))];
  const decisions = entries.flatMap((entry) => ('body' in entry && (entry.kind === recordKinds.decided || entry.kind === recordKinds.early) ? [{ kind: entry.kind, body: strippedDecided(entry.body) }] : []));
  if (decisions.length > 0) return replaceSegment(disk, directory, segment, decisions);
  await removeSegment(disk, directory, segment);
  return 0;
}

/** Removes a segment for good, where it is there, so that no crash brings it back after those that follow it are gone. */
export async function removeSegment(disk: Disk, directory: string, segment: number): Promise<void> {
  if (!(await disk.list(directory)).includes(segmentName(segment))) return;
  await disk.remove(join(directory, segmentName(segment)));
  await disk.syncDirectory(directory);
}
