import type { CodedError } from '../../base/errors.ts';
import type { Seam } from '../../base/seam.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import type { Disk } from '../../storage/disk.ts';
import type { RecordPlace, SyncMode } from '../../storage/record-log.ts';
import type { LowestOpen } from './segments.ts';

export interface JournalOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly mode: SyncMode;
  readonly syncIntervalMs: number;
  /** Bytes of all segments: beyond, no more batches are taken. */
  readonly limitBytes: number;
  /** Bytes after which a segment is followed by the next. */
  readonly segmentBytes: number;
  /** What becomes of new data when the log cannot be written: it is refused, or taken into memory alone. */
  readonly onError: 'refuse' | 'memory';
  /** A damaged record: the process does not start, or the record is left out. */
  readonly onCorrupt: 'refuse' | 'skip';
  /** How long decisions are remembered, ms. */
  readonly horizonMs: number;
  readonly seam: Seam;
  readonly observer: JournalObserver;
}

/** Told what the journal does; counts and logs, and nothing else. */
export interface JournalObserver {
  /** Writing fails; null: it works again. */
  state(failure: CodedError | null): void;
  /** A decision leaves that is not in the log. */
  unlogged?(): void;
  damaged(damage: { readonly segment: string; readonly at: number; readonly bytes: number; readonly isTail: boolean }): void;
  /** The first of the batches that could not be read back. */
  unreadable(message: string): void;
  recovered(counts: RecoveryCounts): void;
}

/** What a start found in the log. */
export interface RecoveryCounts {
  readonly segments: number;
  readonly bytes: number;
  readonly batches: number;
  readonly items: number;
  /** Windows that were decided before, and those of them whose export was not acknowledged. */
  readonly windowsDecided: number;
  readonly windowsSentAgain: number;
  /** Batches that could not be read. */
  readonly batchesLost: number;
  readonly ms: number;
}

/** What the journal asks of the windows. */
export interface JournalWindows {
  /** By signal the lowest slot that exists, or the first that may come. */
  lowest(): LowestOpen;
  /** By signal the first slot that takes rows. */
  firstOpen(): LowestOpen;
  /** N of the greatest probability that rows are taken with. */
  nMax(): bigint;
  readonly lengthMs: { readonly [signal in SampledSignal]: number };
}

/** Where a stream stands in the log: the segment that has its state, and how many of its records follow there. */
export interface StreamPlace {
  segment: number;
  count: number;
}

/** A batch on its way: the segment that it lies in, and what says that it is durable. */
export interface LoggedBatch {
  readonly segment: number;
  /** Null where it cannot be read there. */
  place: RecordPlace | null;
  durable: Promise<void>;
  /** Lots of rows that go out by themselves, and are not delivered. */
  lateLots: number;
}
