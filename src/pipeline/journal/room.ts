import { CodedError } from '../../base/errors.ts';
import { retryAfterMs } from '../../storage/record-log.ts';
import { overLimit } from '../storage-limit.ts';
import type { JournalOptions } from './options.ts';

/** Of the file system so much is left to decisions and marks, at most, and of `storage.limit` this part. */
const reserve = { bytesMax: 64 << 20, part: 1 / 16 };
/** How often it is looked what the file system has left, ms. */
const lookEveryMs = 1000;

/**
 * Whether batches may go into the log: by `storage.limit`, and by what the file system has left. The last of that is for decisions and marks, which make room: if
 * batches filled the disk, nothing could leave any more.
 */
export class LogRoom {
  readonly #options: JournalOptions;
  readonly #byteLength: () => number;
  #isScarce = false;
  #wasFull = false;
  #lookedMs = -Infinity;

  /** `byteLength`: bytes of the log. */
  constructor(options: JournalOptions, byteLength: () => number) {
    this.#options = options;
    this.#byteLength = byteLength;
  }

  /** Looks what the file system has left, now and then. Never rejects: where it does not say, the next write will. */
  async look(): Promise<void> {
    const { disk, directory, limitBytes, seam } = this.#options;
    if (seam.monotonicMs() - this.#lookedMs < lookEveryMs) return;
    this.#lookedMs = seam.monotonicMs();
    const freeBytes = await disk.freeBytes(directory).catch(() => Infinity);
    this.#isScarce = freeBytes < Math.min(reserve.bytesMax, limitBytes * reserve.part);
  }

  /** Why a batch of so many bytes cannot go into the log; null where it can. */
  refusal(bytes: number): CodedError | null {
    const { directory, limitBytes } = this.#options;
    if (this.#byteLength() + bytes > limitBytes) return overLimit('the log', limitBytes);
    if (!this.#isScarce) return null;
    return new CodedError('RESOURCE_EXHAUSTED', 'storage_full', `the file system of ${directory} is nearly full, and its last part is for decisions: free some, or lower storage.limit`, { retryAfterMs });
  }

  /** The same, told to the observer when it changes. */
  isFull(bytes: number): boolean {
    const refusal = this.refusal(bytes);
    if ((refusal !== null) !== this.#wasFull) this.#options.observer.state(refusal);
    this.#wasFull = refusal !== null;
    return refusal !== null;
  }
}
