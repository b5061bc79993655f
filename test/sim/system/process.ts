import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import type { CodedError } from '../../../src/base/errors.ts';
import type { BatchAck, OtapIntakeStream } from '../../../src/pipeline/intake-port.ts';
import { Journal } from '../../../src/pipeline/journal/journal.ts';
import { Processor } from '../../../src/pipeline/processor.ts';
import { TallyObserver } from '../../../src/pipeline/tally.ts';
import { probabilityOf } from '../../../src/sampling/probability.ts';
import type { SampledSignal } from '../../../src/store/slot-plan.ts';
import type { FakeDisk } from '../../support/fake-disk.ts';
import type { SimSink } from './backend.ts';
import type { SimClock } from './clock.ts';
import { JournalBodies } from '../../../src/pipeline/journal/journal-bodies.ts';
import { otapMessage, otlpMessage } from './items.ts';
import { fallback, type PolicySet } from './policies.ts';
import { isWithin, type Scenario } from './scenario.ts';
import type { SimBatch } from './world.ts';

/** What a run finds to be wrong, in words. */
export type Complain = (complaint: string) => void;

interface OpenStream {
  readonly stream: OtapIntakeStream;
  readonly encoder: OtapStreamEncoder;
  sent: number;
}

const plain = { compressed: null, encoding: 'identity' } as const;
const batchesOfStream = 7;

/** Told of what must not happen; what does by design is counted. */
class Watching extends TallyObserver {
  engineErrors = 0;
  /** Complaints of decided rows whose batches the log does not have. */
  readonly missing: string[] = [];
  readonly #complain: Complain;
  readonly #isDead: () => boolean;

  constructor(complain: Complain, isDead: () => boolean) {
    super();
    this.#complain = complain;
    this.#isDead = isDead;
  }

  override engineError(...told: Parameters<TallyObserver['engineError']>): void {
    super.engineError(...told);
    if (!this.#isDead()) this.engineErrors++;
  }

  override unreadable(...[signal, rows, error]: Parameters<TallyObserver['unreadable']>): void {
    super.unreadable(signal, rows, error);
    const complaint = `${rows} rows of ${signal} cannot be read: ${String(error)}`;
    if (complaint.includes('not in the journal')) this.missing.push(complaint);
    else this.#complain(complaint);
  }
}

/** Where a process sends: what it keeps, and what it drops, if anywhere. */
export interface SimSinks {
  readonly kept: SimSink;
  readonly dropped: SimSink | null;
}

/** What stress relief is set to: a late main thread brings it about within seconds. */
export const reliefProbabilityMin = 0.25;
const reliefOptions = { probabilityMin: reliefProbabilityMin, windowLoad: 0.8, loopDelayMs: 100, memory: 0.9, recoveryMs: 5000 };

/** One life of the processor, and the streams that its senders have opened. */
export class SimProcess {
  readonly processor: Processor;
  readonly tally: Watching;
  readonly #journal: Journal | null;
  readonly #streams = new Map<SampledSignal, OpenStream>();

  private constructor(processor: Processor, tally: Watching, journal: Journal | null) {
    this.processor = processor;
    this.#journal = journal;
    this.tally = tally;
  }

  get engineErrors(): number {
    return this.tally.engineErrors;
  }

  /** Opens the processor and recovers what the disk has. Rejects where the disk fails. */
  static async start(scenario: Scenario, clock: SimClock, policies: PolicySet, { kept, dropped }: SimSinks, disk: FakeDisk | null, complain: Complain): Promise<SimProcess> {
    const { lengthMs, waitMs, horizonMs, pastHorizon, waitAfterRootMs, spansMax, isAtOnce, sessions, softLimit, relief } = scenario;
    const unlessDead: Complain = (complaint) => {
      if (disk?.isDead !== true) complain(complaint);
    };
    const tally = new Watching(unlessDead, () => disk?.isDead === true);
    const hasEarly = waitAfterRootMs !== null || spansMax !== null || isAtOnce || sessions !== null;
    const journal = disk === null ? null : journalOn(disk, clock, scenario, unlessDead);
    const route = { kept: [kept], dropped: dropped === null ? [] : [dropped] };
    const processor = await Processor.open({
      ...policies.open, seam: clock, time: 'arrival', observer: tally, sinks: [...route.kept, ...route.dropped], routes: { traces: route, logs: route, metrics: route }, fallback: { n: probabilityOf(fallback) },
      windows: {
        tracesLengthMs: lengthMs, tracesWaitMs: sessions?.maxMs ?? waitMs, logsLengthMs: lengthMs,
        ...(hasEarly ? { early: { waitAfterRootMs, isAtOnce, sessions: sessions === null ? null : { gapMs: sessions.gapMs, waitMs }, limits: spansMax === null ? null : { spansMax, bytesMax: 1e9 } } } : {}),
      },
      limits: { deadlineMs: 1e9, rowsMax: 1e6 }, memoryLimitBytes: scenario.memoryLimitBytes, ...(softLimit === null ? {} : { softLimit }), decisionsMax: 10_000, horizonMs,
      pastHorizon: { by: pastHorizon, n: probabilityOf(fallback) }, batchRowsMax: 8192, decodeLimits: {}, extraKeys: [],
      ...(relief === null ? {} : { stress: { ...reliefOptions, takeLoopDelayMs: () => (isWithin(relief, clock.nowMs) ? 250 : 0) } }),
      journal, retained: journal !== null && scenario.retainsOnDisk ? new JournalBodies(journal) : null,
    });
    await processor.recover().catch((error: unknown) => {
      processor.close();
      throw error;
    });
    return new SimProcess(processor, tally, journal);
  }

  /** Nothing is tried again. */
  die(): void {
    this.#journal?.leaveUndecided();
  }

  /** What a process does at every tick, also while windows wait. */
  async tick(): Promise<void> {
    this.processor.stress?.update();
    await this.#journal?.tick();
  }

  /** Brings a batch to the intake. Does not reject. */
  async accept({ signal, protocol, items }: SimBatch): Promise<BatchAck> {
    if (protocol === 'otlp') return this.processor.intake.openOtlp(signal).accept({ bytes: otlpMessage(signal, items), ...plain });
    const open = this.#streams.get(signal) ?? { stream: this.processor.intake.open(signal), encoder: new OtapStreamEncoder(signal, { bodyCompression: 'none', zstdLevel: 1 }), sent: 0 };
    this.#streams.set(signal, open);
    const message = otapMessage(open.encoder, BigInt(open.sent++), signal, items);
    if (open.sent === batchesOfStream) this.#streams.delete(signal);
    const answer = await open.stream.accept({ bytes: message, ...plain });
    if (open.sent === batchesOfStream) open.stream.close();
    if (answer.streamBroken) this.#streams.delete(signal);
    return answer.ack;
  }
}

/** With `async`: how long what was written may not be synced. */
export const syncIntervalMs = 100;

function journalOn(disk: FakeDisk, seam: SimClock, { horizonMs, sync }: Scenario, complain: Complain): Journal {
  return new Journal({
    disk, directory: '/data', mode: sync, syncIntervalMs, limitBytes: 2 ** 30, segmentBytes: 20_000, onError: 'refuse', onCorrupt: 'skip', horizonMs, seam,
    observer: {
      state: (_failure: CodedError | null) => undefined,
      // What power loss left in pieces was never synced, so never acknowledged; whether anything that was is lost, is judged by what left.
      damaged: ({ segment, at, isTail }) => void (isTail || disk.hadPowerLoss || complain(`segment ${segment} is damaged at ${at}`)),
      unreadable: (message) => void (disk.hadPowerLoss || complain(`batches cannot be read back: ${message}`)),
      recovered: () => undefined,
    },
  });
}
