import { present } from '../../base/assert.ts';
import { CodedError } from '../../base/errors.ts';
import { TWO_56 } from '../../sampling/word56.ts';
import { RecordLog, type RecordPlace } from '../../storage/record-log.ts';
import type { HeldBatch } from '../../store/held-batch.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import type { KeepReasons } from '../keep-reasons.ts';
import { type DecidedAtArrival, encodeAtArrival } from './at-arrival.ts';
import { cleanUp } from './clean-segments.ts';
import { type DecidedWindow, encodeDecided } from './decided-record.ts';
import { DecisionLog } from './decisions.ts';
import type { JournalOptions, JournalWindows, LoggedBatch, StreamPlace } from './options.ts';
import type { Marks } from './read-segments.ts';
import { encodeEarly, encodeNumber, encodeStart, encodeWindow, recordKinds, sequenceBytes, type WindowName } from './records.ts';
import { LogRoom } from './room.ts';
import { JournalSegments, type LowestOpen } from './segments.ts';

export type { JournalObserver, JournalOptions, JournalWindows, RecoveryCounts, StreamPlace } from './options.ts';

/**
 * The write-ahead log of the windows: batches before they are acknowledged, decisions before their export, and what of them is delivered
 * (records.ts). Reading it in order repeats what the windows did. A segment whose windows are all delivered is stripped of all but its decisions, and
 * removed when those are forgotten. While it is recovered (`recovering`), what is told was read from the log, and is not written again.
 */
export class Journal {
  readonly options: JournalOptions;
  readonly segments = new JournalSegments();
  #log: RecordLog | null = null;
  #windows: JournalWindows | null = null;
  /** The segment that is being read back; null when the journal is written. */
  #reading: number | null = 0;
  #marks: Marks | null = null;
  #started = 0;
  #cleaning = false;
  #isClosed = false;
  /** Marks that could not be written. */
  readonly #unmarked: (() => void)[] = [];
  #limitedTo = TWO_56;
  readonly #room: LogRoom;
  readonly #decisions: DecisionLog;
  readonly #logged = new WeakMap<HeldBatch, LoggedBatch>();
  readonly #undelivered: { readonly [signal in SampledSignal]: Set<number> } = { traces: new Set(), logs: new Set() };

  constructor(options: JournalOptions) {
    this.options = options;
    this.#room = new LogRoom(options, () => this.byteLength);
    this.#decisions = new DecisionLog(options);
  }

  /** What is written goes to segment `first` and those that follow. `marks`: what is known to be delivered of what will be read. */
  open(first: number, windows: JournalWindows, marks: Marks): void {
    const { disk, directory, mode, syncIntervalMs, seam, observer } = this.options;
    this.#windows = windows;
    this.#marks = marks;
    this.#log = new RecordLog({ disk, directory, mode, syncIntervalMs, firstSegment: first, seam, onState: (failure) => observer.state(failure) });
  }

  /** What is told from here on stands in this segment of the log. */
  recovering(segment: number): void {
    this.#reading = segment;
    this.segments.start(segment);
  }

  /** All is read back: from here on what is told is written. */
  recovered(): void {
    this.#reading = null;
    this.#marks = null;
    if (this.#started === this.#writer.segment) this.#writer.roll();
  }

  get isRecovering(): boolean {
    return this.#reading !== null;
  }

  /** The segment that the next record goes to. */
  get segment(): number {
    return this.#reading ?? this.#writer.segment;
  }

  /** Bytes of all segments. */
  get byteLength(): number {
    return this.segments.byteLength;
  }

  /** Whether a window, or what was decided before it, is known to be delivered while it is read back. */
  wasExported(window: Pick<DecidedWindow, 'signal' | 'slot' | 'atUnixNano' | 'early'>): boolean {
    return this.#marks?.isExported(window) === true || (window.early !== undefined && this.#marks?.isEarlySent(window) === true);
  }

  /** Why new data is held in memory alone, or refused; null where it is not. */
  get failure(): CodedError | null {
    return this.#log?.failure ?? null;
  }

  /** Before a batch of about `bytes` is taken. Throws RESOURCE_EXHAUSTED where it has to be refused: `storage_limit`, `storage_full`, or what the log failed with. */
  admit(bytes: number): void {
    if (this.options.onError === 'memory' || this.isRecovering) return;
    const refusal = this.failure ?? this.#decisions.failure ?? this.#room.refusal(bytes);
    if (refusal !== null) throw refusal;
  }

  /** A new segment where the current one is full: between two batches, since a stream's records need its state in their segment. */
  rollWhenFull(): void {
    if (this.#writer.segmentBytes > this.options.segmentBytes) this.#writer.roll();
  }

  /** A stream's state as of before its next batch, where `place` says that its segment has none. */
  streamState(place: StreamPlace, retained: Uint8Array): void {
    this.#append(recordKinds.batch, [sequenceBytes(0), retained]);
    place.segment = this.segment;
    place.count = 1;
  }

  /** A batch, before it goes into windows; `place` is that of its stream, null where it needs none; `read`: where it stood that is read back. */
  batch(held: HeldBatch, arrivalUnixNano: bigint, place: StreamPlace | null, read: RecordPlace | null = null): void {
    if (!this.isRecovering && this.#room.isFull(held.serialisedBytes)) {
      if (place !== null) place.segment = -1;
      return;
    }
    const sequence = place === null ? 0 : place.count++;
    const segment = this.segment;
    const durable = this.isRecovering ? done : this.#append(recordKinds.batch, [sequenceBytes(sequence), present(held.bytes, 'a batch in memory')]);
    const logged: LoggedBatch = { segment, place: read ?? this.#writer.last, durable, lateLots: 0 };
    durable.catch(() => { logged.place = null; });
    this.#logged.set(held, logged);
    this.segments.arrived(segment, arrivalUnixNano);
  }

  /** A batch's rows are in windows up to this one; `lateLots`: so many lots of them go out by themselves, each of which `lateLot` is asked for. */
  taken(held: HeldBatch, lastWindow: WindowName, lateLots: number): void {
    const logged = this.#logged.get(held);
    if (logged === undefined) return;
    this.segments.uses(logged.segment, lastWindow);
    logged.lateLots = lateLots;
    if (lateLots > 0) this.segments.pend(logged.segment, 1);
    if (this.isRecovering) return;
    logged.durable = Promise.all([logged.durable, this.#append(recordKinds.taken, [encodeNumber(held.ordinal)])]).then(() => undefined);
    // The log may fail before the batch is settled.
    logged.durable.catch(() => undefined);
  }

  /** Traces of a batch that is about to be taken are decided, and in no window that would say so once the batch is gone. */
  decidedAtArrival(traces: DecidedAtArrival): void {
    this.segments.decided(this.segment, traces.atUnixNano);
    if (!this.isRecovering) void this.#append(...encodeAtArrival(traces));
  }

  /** A batch is in windows, or was refused: resolves when it is durable. Rejects, with what the log failed with, where data is to be refused then. */
  async settled(held: HeldBatch): Promise<void> {
    const logged = this.#logged.get(held);
    if (logged === undefined) return;
    this.segments.pend(logged.segment, -1);
    if (this.options.onError === 'refuse') await logged.durable;
    else await logged.durable.catch(() => undefined);
  }

  /** Resolves when all decisions so far are durable and so is the batch, or cannot be: what follows decisions leaves then. */
  async followable(held: HeldBatch): Promise<void> {
    await Promise.all([this.#decisions.durable, this.#logged.get(held)?.durable.catch(() => undefined)]);
  }

  /** Where a batch stands in the log that is settled; null where it does not. */
  placeOf(held: HeldBatch): RecordPlace | null {
    return this.#logged.get(held)?.place ?? null;
  }

  /** For each lot of a batch's late rows: to be called when it is delivered, or given up; null where that is on record. What it holds is not the batch. */
  lateLot(held: HeldBatch): (() => void) | null {
    const { ordinal } = held;
    const logged = this.#logged.get(held);
    if (this.#marks?.isLateSent(ordinal) !== true) return () => this.#lateSent(logged, ordinal);
    this.#lateSent(logged, null);
    return null;
  }

  /** `ordinal`: the batch that is to be marked; null where it is. */
  #lateSent(logged: LoggedBatch | undefined, ordinal: number | null): void {
    if (logged === undefined || --logged.lateLots > 0) return;
    const forget = (): void => this.segments.pend(logged.segment, -1);
    if (ordinal === null) forget();
    else this.#mark(recordKinds.lateSent, encodeNumber(ordinal), forget);
  }

  /** From here on rows are taken with a probability of at most this N. */
  limited(n: bigint): void {
    if (n === this.#limitedTo) return;
    this.#limitedTo = n;
    if (!this.isRecovering) void this.#append(recordKinds.limited, [encodeNumber(n)]);
  }

  /** The rows of a window are fixed. */
  closed(window: WindowName): void {
    if (!this.isRecovering) void this.#append(recordKinds.closed, [encodeWindow(window)]);
  }

  /** Resolves with its segment when the decision is durable; with null where it cannot be and leaves all the same (`on_error: memory`). */
  async decided(window: DecidedWindow, reasons: KeepReasons | null): Promise<number | null> {
    if (window.early === undefined) this.#undelivered[window.signal].add(window.slot);
    if (this.isRecovering) return this.#decidedIn(window);
    const [kind, parts] = [window.early === undefined ? recordKinds.decided : recordKinds.early, encodeDecided(window, reasons)];
    return this.#decisions.append(async () => {
      const segment = this.#decidedIn(window);
      await this.#append(kind, parts);
      return segment;
    });
  }

  /** The segment that the next record goes to is kept for as long as this decision is remembered. */
  #decidedIn({ atUnixNano }: DecidedWindow): number {
    this.segments.decided(this.segment, atUnixNano);
    return this.segment;
  }

  /** All that was kept of a window is delivered, or given up. */
  exported(window: WindowName): void {
    this.#mark(recordKinds.exported, encodeWindow(window), () => this.#undelivered[window.signal].delete(window.slot));
  }

  /** The same of traces that were decided before their window, at `atUnixNano`: their batches are held until that is delivered. */
  earlySent(early: WindowName & { readonly atUnixNano: bigint }): void {
    this.#mark(recordKinds.earlySent, encodeEarly(early), () => undefined);
  }

  /** Syncs what is overdue, and strips or removes one segment that nothing needs any more. Called often; never rejects. */
  async tick(): Promise<void> {
    if (this.isRecovering || this.#isClosed || this.#cleaning) return;
    this.#cleaning = true;
    try {
      await this.#room.look();
      for (const again of this.#unmarked.splice(0)) again();
      await this.#writer.syncOverdue();
      await cleanUp(this.options, this.segments, this.#writer, this.#lowest());
    } catch (error) {
      this.options.observer.state(error instanceof CodedError ? error : new CodedError('UNAVAILABLE', 'storage_failed', `a segment of the log cannot be removed: ${String(error)}`, { cause: error }));
    } finally {
      this.#cleaning = false;
    }
  }

  /** Decisions that cannot be written are waited for no longer: what they are on is left to the next start. */
  leaveUndecided(): void {
    this.#decisions.stop();
  }

  /** Writes all that was told, clears away what is delivered, and takes no more. Never rejects. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (this.#log !== null && !this.isRecovering && this.#log.failure === null) {
      this.#log.roll();
      await this.#log.sync();
      for (let left = this.segments.count; left > 0; left--) await this.tick();
    }
    this.#isClosed = true;
    this.leaveUndecided();
    await this.#log?.close();
  }

  get #writer(): RecordLog {
    if (this.#log === null) throw new Error('invariant broken: the journal is recovered before it is written');
    return this.#log;
  }

  /** What is delivered is forgotten once that is on record: a segment must not go before. Tried again where it could not be written. */
  #mark(kind: number, body: Uint8Array, forget: () => void): void {
    if (!this.#isClosed) this.#append(kind, [body]).then(forget, () => this.#unmarked.push(() => this.#mark(kind, body, forget)));
  }

  /** Never leaves a rejection unhandled: whoever wants to know awaits it. */
  #append(kind: number, parts: readonly Uint8Array[]): Promise<void> {
    const log = this.#writer;
    if (log.segment !== this.#started) {
      this.#started = log.segment;
      this.segments.start(log.segment);
      const windows = this.#windowsNow();
      log.append(recordKinds.start, [encodeStart({ lengthMs: windows.lengthMs, firstOpen: windows.firstOpen(), nMax: String(windows.nMax()) })]).catch(() => undefined);
    }
    const appended = log.append(kind, parts);
    appended.catch(() => undefined);
    this.segments.resize(log.segment, log.segmentBytes);
    return appended;
  }

  #windowsNow(): JournalWindows {
    if (this.#windows === null) throw new Error('invariant broken: the journal is written before it knows the windows');
    return this.#windows;
  }

  /** By signal, the first window that is not delivered. */
  #lowest(): LowestOpen {
    const lowest = this.#windowsNow().lowest();
    const of = (signal: SampledSignal): number => Math.min(lowest[signal], ...this.#undelivered[signal]);
    return { traces: of('traces'), logs: of('logs') };
  }
}

const done = Promise.resolve();
