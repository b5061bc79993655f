import { CodedError, messageOf } from '../../base/errors.ts';
import type { Seam } from '../../base/seam.ts';
import type { DecodeLimits } from '../../otap/decode/limits.ts';
import { ArenaPool } from '../../otap/ipc/buffer-source.ts';
import type { HeldBytes } from '../../store/held-batch.ts';
import { TWO_56 } from '../../sampling/word56.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import type { KeepReasons } from '../keep-reasons.ts';
import type { RetainedStore } from '../retained-store.ts';
import type { SignalIntake } from '../signal-intake.ts';
import type { SlotRing } from '../slot-ring.ts';
import type { EarlyDecision } from '../early-windows.ts';
import type { WindowDecision } from '../window-decision.ts';
import { type DecidedAtArrival, decodeAtArrival } from './at-arrival.ts';
import { BatchReader, type ReadBatch } from './batch-reader.ts';
import { decodeDecided, type EarlyLook, type LoggedWindow, readHead } from './decided-record.ts';
import type { Journal, JournalWindows, RecoveryCounts } from './journal.ts';
import type { RecalledWindow } from './recall.ts';
import type { RecalledEarly } from './recall-early.ts';
import { findSegments, type FoundSegment, type PlacedRecord, readMarks, recordsOf } from './read-segments.ts';
import { decodeBig, decodeNumber, decodeStart, decodeWindow, recordKinds, type SegmentStart } from './records.ts';

/** What recovery needs of a signal's windows. */
export interface RecoveringLane {
  readonly ring: SlotRing;
  readonly intake: SignalIntake;
  readonly reasons: KeepReasons | null;
  /** Told of each window that is decided, before the first is read. */
  expect(window: LoggedWindow): void;
  recall(window: LoggedWindow): RecalledWindow;
  /** Remembers traces that no window decided. */
  decidedAtArrival(traces: DecidedAtArrival): void;
  /** Whether what was kept of a window, whose record is in this segment, is sent by reading it again, so that its memory can go. */
  leave(decision: WindowDecision, segment: number): boolean;
  /** Sends what was kept of a window on; resolves when the sinks have taken it. */
  handOn(decision: WindowDecision, segment: number): Promise<void>;
  /** The same of traces that were decided before their window; null for logs. */
  readonly early: RecoveringEarly | null;
}

export interface RecoveringEarly {
  recall(window: LoggedWindow & { readonly early: EarlyLook }): Promise<RecalledEarly>;
  /** As of windows, in whose order they go: when one is delivered, its batches are cleared away. */
  leave(decision: EarlyDecision, segment: number): boolean;
  handOn(decision: EarlyDecision, segment: number): Promise<void>;
  /** Told of those that were delivered. */
  sent(decision: EarlyDecision): void;
}

export interface RecoveryParts {
  readonly journal: Journal;
  readonly windows: JournalWindows;
  readonly lanes: { readonly [signal in SampledSignal]: RecoveringLane };
  readonly account: HeldBytes;
  readonly decodeLimits: Partial<DecodeLimits>;
  readonly hashSeed: number;
  readonly seam: Seam;
  /** Where batches leave memory to; null where they stay. */
  readonly retained: RetainedStore | null;
  /** Told of rows of windows that were decided before and are not there any more. */
  readonly onMissing: (signal: SampledSignal, rows: number) => void;
}

export interface Recovered extends RecoveryCounts {
  /** The greatest ordinal of a batch; -1 where there is none. */
  readonly lastOrdinal: number;
}

/**
 * Reads the journal back, in order, so that windows, remembered decisions and what waits to be delivered are as they were. Windows that were
 * decided are not decided anew; those whose delivery is not on record are handed on again. Resolves when all is read, not when it is delivered.
 * Throws CodedError DATA_LOSS `segment_corrupt`, FAILED_PRECONDITION `windows_changed`, and what the disk throws.
 */
export async function recover(parts: RecoveryParts): Promise<Recovered> {
  const { journal, windows, seam } = parts;
  const startMs = seam.monotonicMs();
  const { disk, directory } = journal.options;
  const segments = await findSegments(disk, directory);
  journal.open((segments.at(-1)?.number ?? 0) + 1, windows, await readMarks(journal.options, segments, (window) => parts.lanes[window.signal].expect(window)));
  const reading = new Reading(parts);
  for (const segment of segments) await reading.readSegment(segment);
  await reading.end();
  journal.recovered();
  return { ...reading.counts, segments: segments.length, bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0), ms: seam.monotonicMs() - startMs };
}

/** Reading in progress. */
class Reading {
  readonly #parts: RecoveryParts;
  /** Batches that are read, and of which nothing says yet that they went into windows. */
  readonly #untaken = new Map<number, ReadBatch>();
  readonly #decided = new Set<string>();
  readonly #arenas = new ArenaPool();
  readonly counts = { batches: 0, items: 0, windowsDecided: 0, windowsSentAgain: 0, batchesLost: 0, lastOrdinal: -1 };

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  async readSegment({ number, bytes }: FoundSegment): Promise<void> {
    const { journal, account, decodeLimits, hashSeed } = this.#parts;
    journal.recovering(number);
    journal.segments.resize(number, bytes);
    const reader = new BatchReader(account, decodeLimits, hashSeed);
    for await (const record of recordsOf(journal.options, number)) {
      if (record === null) continue;
      if (record.kind === recordKinds.batch) this.#readBatch(reader, record);
      else await this.#readMark(record.kind, record.body);
    }
  }

  /** What was never taken was never acknowledged; what limits rows from here on is the load of this process. */
  async end(): Promise<void> {
    for (const { held } of this.#untaken.values()) await this.#parts.journal.settled(held);
    this.#untaken.clear();
    this.#limit(TWO_56);
  }

  #readBatch(reader: BatchReader, { body, place }: PlacedRecord): void {
    const { journal } = this.#parts;
    try {
      const read = reader.read(body);
      if (read === null) return;
      const { ordinal } = read.held;
      this.counts.lastOrdinal = Math.max(this.counts.lastOrdinal, ordinal);
      this.#untaken.set(ordinal, read);
      journal.batch(read.held, read.header.arrivalUnixNano, null, place);
    } catch (error) {
      this.#lost(error);
    }
  }

  async #readMark(kind: number, body: Uint8Array): Promise<void> {
    const { lanes, windows } = this.#parts;
    if (kind === recordKinds.taken) await this.#take(decodeNumber(body));
    else if (kind === recordKinds.decided) await this.#recall(body);
    else if (kind === recordKinds.early) await this.#recallEarly(body);
    else if (kind === recordKinds.shed || kind === recordKinds.past) this.#recallAtArrival(decodeAtArrival(kind, body));
    else if (kind === recordKinds.closed) {
      const { signal, slot } = decodeWindow(body);
      lanes[signal].ring.closeBefore(slot + 1);
    } else if (kind === recordKinds.start) {
      const start = decodeStart(body);
      checkLengths(start, windows);
      for (const signal of ['traces', 'logs'] as const) lanes[signal].ring.closeBefore(start.firstOpen[signal]);
      this.#limit(BigInt(start.nMax));
    } else if (kind === recordKinds.limited) this.#limit(decodeBig(body));
  }

  #recallAtArrival(traces: DecidedAtArrival): void {
    this.#parts.journal.decidedAtArrival(traces);
    this.#parts.lanes.traces.decidedAtArrival(traces);
  }

  #limit(n: bigint): void {
    for (const { ring } of Object.values(this.#parts.lanes)) ring.limitInput(n);
  }

  async #take(ordinal: number): Promise<void> {
    const { lanes, journal } = this.#parts;
    const read = this.#untaken.get(ordinal);
    if (read === undefined) {
      this.counts.batchesLost++;
      return;
    }
    this.#untaken.delete(ordinal);
    const { header, held } = read;
    const arena = this.#arenas.acquire();
    try {
      await lanes[header.signal === 'logs' ? 'logs' : 'traces'].intake.takeAgain(held.open(arena), held, header.arrivalUnixNano, arena);
      this.counts.batches++;
      this.counts.items += held.rowCount;
    } catch (error) {
      this.#lost(error);
    } finally {
      this.#arenas.release(arena);
    }
    await journal.settled(held);
    await this.#parts.retained?.take(held);
  }

  async #recall(body: Uint8Array): Promise<void> {
    const { lanes, journal, onMissing } = this.#parts;
    const lane = lanes[readHead(body).head.signal];
    const window = decodeDecided(body, lane.reasons);
    if (this.#isDecidedAlready(window)) return;
    lane.ring.closeBefore(window.slot + 1);
    const { decision, missing } = lane.recall(window);
    this.counts.windowsDecided++;
    if (window.isDone || journal.wasExported(window)) {
      journal.segments.decided(journal.segment, window.atUnixNano);
      await decision.release();
      return;
    }
    this.counts.windowsSentAgain++;
    void journal.decided({ ...window, kept: [] }, null);
    if (lane.leave(decision, journal.segment)) {
      await decision.release();
      return;
    }
    if (missing > 0) onMissing(window.signal, missing);
    void lane.handOn(decision, journal.segment).catch(() => undefined);
  }

  /** A decision that was written, though the disk said that it was not, stands twice. */
  #isDecidedAlready({ signal, slot, early, atUnixNano }: LoggedWindow): boolean {
    const key = `${signal} ${slot} ${early === undefined ? '' : atUnixNano}`;
    const isKnown = this.#decided.has(key);
    this.#decided.add(key);
    return isKnown;
  }

  async #recallEarly(body: Uint8Array): Promise<void> {
    const { lanes: { traces }, journal, onMissing } = this.#parts;
    const window = decodeDecided(body, traces.reasons);
    const { early } = window;
    if (traces.early === null || early === undefined || this.#isDecidedAlready(window)) return;
    await journal.decided({ ...window, kept: [] }, null);
    const { decision, missing } = await traces.early.recall({ ...window, early });
    if (window.isDone || journal.wasExported(window)) {
      traces.early.sent(decision);
      return;
    }
    if (traces.early.leave(decision, journal.segment)) return;
    if (missing > 0) onMissing(window.signal, missing);
    void traces.early.handOn(decision, journal.segment).catch(() => undefined);
  }

  #lost(error: unknown): void {
    this.counts.batchesLost++;
    if (this.counts.batchesLost === 1) this.#parts.journal.options.observer.unreadable(messageOf(error));
  }
}

function checkLengths({ lengthMs }: SegmentStart, windows: JournalWindows): void {
  for (const signal of ['traces', 'logs'] as const) {
    if (lengthMs[signal] === windows.lengthMs[signal]) continue;
    throw new CodedError('FAILED_PRECONDITION', 'windows_changed',
      `windows.${signal}.length is ${windows.lengthMs[signal]} ms, and windows that were cut at ${lengthMs[signal]} ms wait in storage.directory: start with the old length and storage.shutdown: drain, stop, then change it; or choose another directory`);
  }
}
