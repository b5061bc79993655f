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
import { otapMessage, otlpMessage } from './items.ts';
import { fallback, type PolicySet } from './policies.ts';
import type { Scenario } from './scenario.ts';
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
  readonly #complain: Complain;

  constructor(complain: Complain) {
    super();
    this.#complain = complain;
  }

  override engineError(...told: Parameters<TallyObserver['engineError']>): void {
    super.engineError(...told);
    this.engineErrors++;
  }

  override unreadable(...[signal, rows, error]: Parameters<TallyObserver['unreadable']>): void {
    super.unreadable(signal, rows, error);
    if (!isDeliveredAlready(error)) this.#complain(`${rows} rows of ${signal} cannot be read: ${String(error)}`);
  }
}

/** After a crash rows whose delivery was not marked in time may have been cleared away; whether anything is lost is judged by what left. */
function isDeliveredAlready(error: unknown): boolean {
  return String(error).includes('not in the journal any more');
}

/** One life of the processor, and the streams that its senders have opened. */
export class SimProcess {
  readonly processor: Processor;
  readonly tally: Watching;
  readonly #streams = new Map<SampledSignal, OpenStream>();

  private constructor(processor: Processor, tally: Watching) {
    this.processor = processor;
    this.tally = tally;
  }

  get engineErrors(): number {
    return this.tally.engineErrors;
  }

  /** Opens the processor and recovers what the disk has. Rejects where the disk fails. */
  static async start(scenario: Scenario, clock: SimClock, policies: PolicySet, sink: SimSink, disk: FakeDisk | null, complain: Complain): Promise<SimProcess> {
    const { lengthMs, waitMs, horizonMs, pastHorizon, waitAfterRootMs, spansMax, softLimit } = scenario;
    const unlessDead: Complain = (complaint) => {
      if (disk?.isDead !== true) complain(complaint);
    };
    const tally = new Watching(unlessDead);
    const hasEarly = waitAfterRootMs !== null || spansMax !== null;
    const processor = await Processor.open({
      ...policies.open, seam: clock, time: 'arrival', observer: tally, sinks: [sink], fallback: { n: probabilityOf(fallback) },
      windows: {
        tracesLengthMs: lengthMs, tracesWaitMs: waitMs, logsLengthMs: lengthMs,
        ...(hasEarly ? { early: { waitAfterRootMs, limits: spansMax === null ? null : { spansMax, bytesMax: 1e9 } } } : {}),
      },
      limits: { deadlineMs: 1e9, rowsMax: 1e6 }, memoryLimitBytes: scenario.memoryLimitBytes, ...(softLimit === null ? {} : { softLimit }), decisionsMax: 10_000, horizonMs,
      pastHorizon: { by: pastHorizon, n: probabilityOf(fallback) }, batchRowsMax: 8192, decodeLimits: {}, extraKeys: [],
      journal: disk === null ? null : journalOn(disk, clock, horizonMs, unlessDead),
    });
    await processor.recover().catch((error: unknown) => {
      processor.close();
      throw error;
    });
    return new SimProcess(processor, tally);
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

function journalOn(disk: FakeDisk, seam: SimClock, horizonMs: number, complain: Complain): Journal {
  return new Journal({
    disk, directory: '/data', mode: 'fsync', syncIntervalMs: 100, limitBytes: 2 ** 30, segmentBytes: 20_000, onError: 'refuse', onCorrupt: 'skip', horizonMs, seam,
    observer: {
      state: (_failure: CodedError | null) => undefined,
      // What power loss left in pieces was never synced, so never acknowledged; whether anything that was is lost, is judged by what left.
      damaged: ({ segment, at, isTail }) => void (isTail || disk.hadPowerLoss || complain(`segment ${segment} is damaged at ${at}`)),
      unreadable: (message) => void (disk.hadPowerLoss || complain(`batches cannot be read back: ${message}`)),
      recovered: () => undefined,
    },
  });
}
