import { join } from 'node:path/posix';
import { deferred, type Deferred } from '../base/deferred.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import { type Disk, type DiskFile, errorCode } from './disk.ts';
import { encodeRecord, type LogRecord, segmentHeader, segmentHeaderBytes } from './log-format.ts';
import { replaceFile, writeAll } from './replace-file.ts';

/** When a record counts as durable: when it is synced, or when it is written, with the sync at most an interval behind, or none at all (nobody reads it after a crash). */
export type SyncMode = 'fsync' | 'async' | 'never';

/** Where a record stands. */
export interface RecordPlace {
  readonly segment: number;
  /** Of its first byte in the segment's file. */
  readonly at: number;
  /** Of all of it, its header too. */
  readonly bytes: number;
}

export interface RecordLogOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly mode: SyncMode;
  /** With `async`: longest time (ms) that what was written is not synced, as long as `syncOverdue` is called. */
  readonly syncIntervalMs: number;
  /** Number of the first segment; those before are there already. */
  readonly firstSegment: number;
  readonly seam: Seam;
  /** Told when writing fails, and (null) when it works again. */
  readonly onState: (failure: CodedError | null) => void;
}

/** After a failure nobody writes for so long; then the next record tries a new segment. */
export const retryAfterMs = 5000;

/** The segment that is being written. */
interface OpenSegment {
  readonly segment: number;
  readonly file: DiskFile;
  bytes: number;
}

/** Records that go to the disk together. */
interface Group {
  readonly segment: number;
  readonly records: Uint8Array[];
  readonly durable: Deferred<void>;
}

/**
 * An append-only log in segment files (log-format.ts), named by number: `0000000001.log`. Records that are appended within one turn of the event loop, and
 * all that come while others are written, share one write and one sync. A segment in which a write or a sync failed takes no more: what of it is on
 * the disk is unknown. The records that waited for it are rejected, and the next that is appended after `retryAfterMs` starts a new segment.
 */
export class RecordLog {
  readonly #options: RecordLogOptions;
  #segment: number;
  #group: Group | null = null;
  #groupsWaiting = 0;
  #running: Promise<void> = Promise.resolve();
  #file: OpenSegment | null = null;
  #appendedBytes = segmentHeaderBytes;
  #last: RecordPlace = { segment: 0, at: 0, bytes: 0 };
  #unsyncedSinceMs: number | null = null;
  #failure: CodedError | null = null;
  #failedMs = 0;
  /** Segments up to this one take no more. */
  #spoiled = 0;

  constructor(options: RecordLogOptions) {
    this.#options = options;
    this.#segment = options.firstSegment;
  }

  /** The segment that the next record goes to. */
  get segment(): number {
    return this.#segment;
  }

  /** Bytes of that segment, with those that wait to be written. */
  get segmentBytes(): number {
    return this.#appendedBytes;
  }

  /** Where the record stands, or will, that was appended last. */
  get last(): RecordPlace {
    return this.#last;
  }

  /** Why nothing can be written now; null where something can, or is to be tried again. */
  get failure(): CodedError | null {
    return this.#failure !== null && this.#options.seam.monotonicMs() - this.#failedMs < retryAfterMs ? this.#failure : null;
  }

  /** From here on records go to the next segment. */
  roll(): void {
    this.#segment++;
    this.#appendedBytes = segmentHeaderBytes;
    this.#group = null;
  }

  /**
   * Resolves when the record is durable, as the mode says. Rejects with a CodedError: RESOURCE_EXHAUSTED `storage_full`, `storage_read_only`
   * or `storage_failed`; then it may be in the log all the same.
   */
  append(kind: number, parts: readonly Uint8Array[]): Promise<void> {
    const failure = this.failure;
    if (failure !== null) return Promise.reject(failure);
    const record = encodeRecord(kind, parts);
    this.#group ??= this.#newGroup();
    this.#group.records.push(record);
    this.#last = { segment: this.#segment, at: this.#appendedBytes, bytes: record.length };
    this.#appendedBytes += record.length;
    return this.#group.durable.promise;
  }

  /** Syncs what was written longer ago than the interval. Never rejects. */
  async syncOverdue(): Promise<void> {
    const { seam, syncIntervalMs } = this.#options;
    if (this.#unsyncedSinceMs !== null && seam.monotonicMs() - this.#unsyncedSinceMs >= syncIntervalMs) await this.#inTurn(() => this.#guarded(() => this.#sync()));
  }

  /** Syncs what was written. Never rejects. */
  async sync(): Promise<void> {
    await this.#inTurn(() => this.#guarded(() => this.#sync()));
  }

  /** Writes and syncs all that was appended, and closes. Never rejects. */
  async close(): Promise<void> {
    while (this.#groupsWaiting > 0) await this.#running;
    await this.#inTurn(() => this.#guarded(() => this.#closeFile()));
  }

  #newGroup(): Group {
    const group: Group = { segment: this.#segment, records: [], durable: deferred() };
    group.durable.promise.catch(() => undefined);
    this.#groupsWaiting++;
    const turn = new Promise<void>((resolve) => setImmediate(resolve));
    void this.#inTurn(async () => {
      await turn;
      if (this.#group === group) this.#group = null;
      await this.#writeGroup(group);
      this.#groupsWaiting--;
    });
    return group;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#running = this.#running.then(work);
    return this.#running;
  }

  async #writeGroup(group: Group): Promise<void> {
    if (this.#failure !== null && group.segment <= this.#spoiled) {
      group.durable.reject(this.#failure);
      return;
    }
    try {
      await this.#write(group.segment, group.records.length === 1 ? group.records[0] : Buffer.concat(group.records));
      if (this.#options.mode === 'fsync') await this.#sync();
    } catch (error) {
      group.durable.reject(this.#fail(error, group.segment));
      return;
    }
    if (this.#failure !== null) this.#options.onState(null);
    this.#failure = null;
    group.durable.resolve();
  }

  /** What fails without a record that waits for it. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error, this.#segment);
    }
  }

  /** The segment takes no more. */
  #fail(error: unknown, segment: number): CodedError {
    const failure = codedOf(error, this.#options.directory);
    this.#failure = failure;
    this.#spoiled = Math.max(this.#spoiled, segment);
    this.#failedMs = this.#options.seam.monotonicMs();
    const file = this.#file;
    this.#file = null;
    this.#unsyncedSinceMs = null;
    if (file !== null) void abandon(file.file);
    if (segment === this.#segment) this.roll();
    this.#options.onState(failure);
    return failure;
  }

  async #write(segment: number, bytes: Uint8Array): Promise<void> {
    const file = await this.#fileOf(segment);
    if (this.#options.mode !== 'never') this.#unsyncedSinceMs ??= this.#options.seam.monotonicMs();
    await writeAll(file.file, bytes, file.bytes);
    file.bytes += bytes.length;
  }

  async #fileOf(segment: number): Promise<OpenSegment> {
    if (this.#file?.segment === segment) return this.#file;
    await this.#closeFile();
    const { disk, directory } = this.#options;
    const file = { segment, file: await disk.create(join(directory, segmentName(segment))), bytes: segmentHeaderBytes };
    this.#file = file;
    await writeAll(file.file, segmentHeader(segment), 0);
    if (this.#options.mode === 'never') return file;
    await file.file.sync();
    await disk.syncDirectory(directory);
    return file;
  }

  async #sync(): Promise<void> {
    this.#unsyncedSinceMs = null;
    await this.#file?.file.sync();
  }

  async #closeFile(): Promise<void> {
    if (this.#file === null) return;
    if (this.#unsyncedSinceMs !== null) await this.#sync();
    const { file } = this.#file;
    this.#file = null;
    await file.close();
  }
}

const digits = 10;

export function segmentName(segment: number): string {
  return `${String(segment).padStart(digits, '0')}.log`;
}

/** The number of a segment by its file's name; null for other files. */
export function segmentOf(name: string): number | null {
  return /^\d{10,}\.log$/.test(name) ? Number.parseInt(name, 10) : null;
}

/** Replaces a segment by one of other records; after a crash it is either as before or as it is now. */
export async function replaceSegment(disk: Disk, directory: string, segment: number, records: readonly LogRecord[]): Promise<number> {
  const bytes = Buffer.concat([segmentHeader(segment), ...records.map(({ kind, body }) => encodeRecord(kind, [body]))]);
  await replaceFile(disk, directory, segmentName(segment), bytes);
  return bytes.length;
}

/** Closes a file that takes no more; what was acknowledged of it with `async` may not be synced yet. Never rejects. */
async function abandon(file: DiskFile): Promise<void> {
  await file.sync().catch(() => undefined);
  await file.close().catch(() => undefined);
}

/** A failure of the disk in terms that somebody can act on; senders are to come again. */
function codedOf(error: unknown, directory: string): CodedError {
  if (error instanceof CodedError) return error;
  const code = errorCode(error);
  const [reason, what] = code === 'ENOSPC' || code === 'EDQUOT' ? ['storage_full', 'there is no room left on it: free some, or lower storage.limit']
    : code === 'EROFS' ? ['storage_read_only', 'its file system is read-only: mount it to be written, or set storage.directory']
      : ['storage_failed', messageOf(error)];
  return new CodedError('RESOURCE_EXHAUSTED', reason, `the log in ${directory} cannot be written: ${what}`, { cause: error, retryAfterMs });
}
