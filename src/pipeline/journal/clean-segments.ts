import { join } from 'node:path/posix';
import type { Disk } from '../../storage/disk.ts';
import { readSegment } from '../../storage/log-format.ts';
import { type RecordLog, replaceSegment, segmentName } from '../../storage/record-log.ts';
import { strippedDecided } from './decided-record.ts';
import type { JournalOptions } from './options.ts';
import { recordKinds } from './records.ts';
import type { JournalSegments, LowestOpen } from './segments.ts';

/** Leaves of a segment only what late spans need of its decisions; without any it is removed. Returns the bytes that are left. */
async function stripSegment(disk: Disk, directory: string, segment: number): Promise<number> {
  if (!(await disk.list(directory)).includes(segmentName(segment))) return 0;
  const entries = [...readSegment(await disk.read(join(directory, segmentName(segment))))];
  const decisions = entries.flatMap((entry) => {
    if (!('body' in entry)) return [];
    if (entry.kind === recordKinds.shed || entry.kind === recordKinds.past) return [entry];
    return entry.kind === recordKinds.decided || entry.kind === recordKinds.early ? [{ kind: entry.kind, body: strippedDecided(entry.body) }] : [];
  });
  if (decisions.length > 0) return replaceSegment(disk, directory, segment, decisions);
  await removeSegment(disk, directory, segment);
  return 0;
}

/** Removes a segment for good, where it is there, so that no crash brings it back after those that follow it are gone. */
async function removeSegment(disk: Disk, directory: string, segment: number): Promise<void> {
  if (!(await disk.list(directory)).includes(segmentName(segment))) return;
  await disk.remove(join(directory, segmentName(segment)));
  await disk.syncDirectory(directory);
}

/** Part of the horizon after which the current segment is followed by the next, though it is not full: as long as its batches are there, so are the decisions of a horizon before them. */
const rollsAfter = 1 / 4;
/** It is not followed more often than that, ms. */
const rollsAfterMs = 1000;

/**
 * Strips one segment that nothing needs the batches of any more, and removes one whose decisions no batch can follow any more. A current segment that has grown old is followed by
 * the next, so that its turn comes. `lowest`: by signal, the first window that is not delivered.
 */
export async function cleanUp({ disk, directory, seam, horizonMs }: JournalOptions, segments: JournalSegments, log: RecordLog, lowest: LowestOpen): Promise<void> {
  const deliverable = segments.deliverable(log.segment, lowest);
  if (deliverable !== null) {
    await log.sync();
    if (log.failure !== null) return;
    const bytes = await stripSegment(disk, directory, deliverable);
    if (bytes === 0) segments.forget(deliverable);
    else segments.stripped(deliverable, bytes);
  }
  if (!Number.isFinite(horizonMs)) return;
  const outlived = segments.outlived(seam.nowUnixNano(), nanoOf(horizonMs));
  if (outlived !== null) {
    await removeSegment(disk, directory, outlived);
    segments.forget(outlived);
  }
  if (segments.isFromBefore(log.segment, seam.nowUnixNano() - nanoOf(Math.max(horizonMs * rollsAfter, rollsAfterMs)))) log.roll();
}

function nanoOf(ms: number): bigint {
  return BigInt(Math.round(ms * 1e6));
}
