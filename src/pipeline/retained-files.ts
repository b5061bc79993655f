import { join } from 'node:path/posix';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import { type Disk, errorCode } from '../storage/disk.ts';
import { readRecords } from '../storage/read-records.ts';
import { RecordLog, type RecordPlace, segmentName, segmentOf } from '../storage/record-log.ts';
import type { HeldBatch } from '../store/held-batch.ts';
import type { StoredBodies } from '../store/stored-bodies.ts';
import type { RetainedStore } from './retained-store.ts';
import { overLimit } from './storage-limit.ts';

/** The one kind of record: a serialised batch (store/retained-batch.ts). */
const batchKind = 2;
const what = 'what windows hold on the disk';
/** A file takes this part of the limit at most, so that there is room again when the first windows are decided, not only when all are. */
const segmentPart = 1 / 8;
/** Bytes that wait to be written, beyond which whoever brings batches waits too. */
const unwrittenBytesMax = 16 * 2 ** 20;

export interface RetainedFilesOptions {
  readonly disk: Disk;
  /** Of these files alone. */
  readonly directory: string;
  /** Bytes of all files: beyond, batches are refused or stay in memory. */
  readonly limitBytes: number;
  /** Bytes after which a file is followed by the next. */
  readonly segmentBytes: number;
  readonly onError: 'refuse' | 'memory';
  readonly seam: Seam;
  /** Told when batches cannot be written, and (null) when they can again. */
  readonly onState: (failure: CodedError | null) => void;
}

/**
 * Serialised batches in segment files (storage/log-format.ts), as long as somebody holds them: a file goes when nobody holds a batch in it. They are of use to this
 * process alone, so nothing is synced, and what an earlier one left is removed at the start. What cannot be written stays in memory, so nothing is lost.
 */
export class RetainedFiles implements RetainedStore, StoredBodies {
  readonly #options: RetainedFilesOptions;
  readonly #log: RecordLog;
  readonly #segments = new Map<number, { bytes: number; held: number }>();
  readonly #removing = new Set<Promise<void>>();
  #unwrittenBytes = 0;
  #wasOverLimit = false;

  private constructor(options: RetainedFilesOptions) {
    const { disk, directory, seam, onState } = options;
    this.#options = options;
    this.#log = new RecordLog({ disk, directory, mode: 'never', syncIntervalMs: Infinity, firstSegment: 1, seam, onState });
  }

  /** Throws what the disk throws. */
  static async open(options: RetainedFilesOptions): Promise<RetainedFiles> {
    const { disk, directory } = options;
    await disk.makeDirectory(directory);
    for (const name of await disk.list(directory)) if (segmentOf(name) !== null) await disk.remove(join(directory, name));
    return new RetainedFiles(options);
  }

  /** Bytes of all files, with what waits to be written. */
  get byteLength(): number {
    let bytes = 0;
    for (const segment of this.#segments.values()) bytes += segment.bytes;
    return bytes;
  }

  /** Why nothing can be written now; null where something can. */
  get failure(): CodedError | null {
    return this.#log.failure;
  }

  /** Throws RESOURCE_EXHAUSTED `storage_limit`, or what writing failed with. */
  admit(bytes: number): void {
    if (this.#options.onError === 'memory') return;
    const { failure } = this;
    if (failure !== null) throw failure;
    if (this.byteLength + bytes > this.#options.limitBytes) throw overLimit(what, this.#options.limitBytes);
  }

  async take(held: HeldBatch): Promise<void> {
    const { bytes } = held;
    if (bytes === null || !held.isHeld || this.failure !== null || this.#isOverLimit(bytes.length)) return;
    const { segmentBytes, limitBytes } = this.#options;
    if (this.#log.segmentBytes > Math.min(segmentBytes, limitBytes * segmentPart)) this.#log.roll();
    const written = this.#log.append(batchKind, [bytes]);
    const place = this.#log.last;
    this.#use(place);
    const release = (): void => this.#release(place);
    const stored = written.then(() => held.store({ place, bodies: this, release }), release).finally(() => { this.#unwrittenBytes -= place.bytes; });
    if (this.#unwrittenBytes > unwrittenBytesMax) await stored;
  }

  read(places: readonly RecordPlace[]): Promise<(Uint8Array | CodedError)[]> {
    return readRecords(this.#options.disk, this.#options.directory, places);
  }

  /** Removes the files, which nobody may read any more. Never rejects. */
  async close(): Promise<void> {
    await this.#log.close();
    for (const segment of [...this.#segments.keys()]) this.#remove(segment);
    await Promise.all(this.#removing);
  }

  #use({ segment, bytes }: RecordPlace): void {
    const use = this.#segments.get(segment) ?? { bytes: 0, held: 0 };
    use.bytes += bytes;
    use.held++;
    this.#unwrittenBytes += bytes;
    this.#segments.set(segment, use);
  }

  /** All that is in a file was written, or has failed, when nobody holds a batch in it. */
  #release({ segment }: RecordPlace): void {
    const use = this.#segments.get(segment);
    if (use === undefined || --use.held > 0) return;
    if (segment === this.#log.segment) this.#log.roll();
    this.#remove(segment);
  }

  /** A file that failed before anything was in it is not there. */
  #remove(segment: number): void {
    const { disk, directory, onState } = this.#options;
    const path = join(directory, segmentName(segment));
    this.#segments.delete(segment);
    const removing = disk.remove(path).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') onState(new CodedError('UNAVAILABLE', 'storage_failed', `${path} cannot be removed: ${messageOf(error)}`, { cause: error }));
    }).finally(() => this.#removing.delete(removing));
    this.#removing.add(removing);
  }

  #isOverLimit(bytes: number): boolean {
    const { limitBytes, onState } = this.#options;
    const isOver = this.byteLength + bytes > limitBytes;
    if (isOver !== this.#wasOverLimit) onState(isOver ? overLimit(what, limitBytes) : null);
    this.#wasOverLimit = isOver;
    return isOver;
  }
}
