import { CodedError } from '../base/errors.ts';
import { hashKeyOfSeed, realSeam, type Seam } from '../base/seam.ts';
import type { OtapBatch } from '../otap/batch.ts';
import { OtapStreamDecoder } from '../otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../otap/encode/stream-encoder.ts';
import { OutputBatchBuilder, rootRowsMax } from '../otap/take/builder.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { Combine } from '../pipeline/combining.ts';
import type { OtapIntakeStream } from '../pipeline/intake-port.ts';
import { Processor } from '../pipeline/processor.ts';
import type { BatchSink } from '../pipeline/sink.ts';
import type { StampCounts } from '../pipeline/stamp-rows.ts';
import { TallyObserver } from '../pipeline/tally.ts';
import type { WindowDecision } from '../pipeline/trace-windows.ts';
import type { OpenPolicies } from '../policies.ts';
import { probabilityOf } from '../sampling/probability.ts';
import type { WithoutThreshold } from '../store/retained-batch.ts';
import type { SampledSignal } from '../store/slot-plan.ts';

/** How windows are cut and what stands for chance. */
export interface RunSettings {
  readonly windowMs: number;
  readonly decisionWaitMs: number;
  readonly inputWithoutThreshold: WithoutThreshold;
  /** Probability of the items of a window whose policy failed. */
  readonly fallback: number;
  readonly deadlineMs: number;
  readonly combine: Combine;
  /** Whether kept items name the policies that kept them (`sampling.policy`). */
  readonly namesPolicies: boolean;
  /** Keys the hash of items without randomness; null for the documented key. */
  readonly seed: number | null;
}

/** Hears what a run does. */
export interface RunListener {
  /** Kept items as they leave, decoded from what was encoded; `bytes` is what the message takes. */
  kept(batch: OtapBatch, bytes: number): void;
  /** A window is decided; called after its items were handed to `kept`. */
  decided?(signal: SampledSignal, decision: WindowDecision): void;
}

const encoding = { bodyCompression: 'zstd', zstdLevel: 1 } as const;

/**
 * The whole pipeline in this process, by the items' own time: policies, windows, decisions, stamps and encoding are those that
 * `thresher run` has.
 */
export class PipelineRun {
  readonly tally: TallyObserver;
  readonly #processor: Processor;
  readonly #settings: RunSettings;
  readonly #streams = new Map<SampledSignal, InputStream>();

  private constructor(processor: Processor, settings: RunSettings, tally: TallyObserver) {
    this.#processor = processor;
    this.#settings = settings;
    this.tally = tally;
  }

  static async open(compiled: OpenPolicies, settings: RunSettings, listener: RunListener, seam: Seam = seamOf(settings)): Promise<PipelineRun> {
    const tally = new ToldTally(listener);
    const processor = await Processor.open({
      seam, time: 'event',
      windows: { tracesLengthMs: settings.windowMs, tracesWaitMs: settings.decisionWaitMs, logsLengthMs: settings.windowMs },
      policies: compiled.policies, setupSql: compiled.setupSql,
      limits: { deadlineMs: settings.deadlineMs, rowsMax: 100_000_000 },
      fallback: { n: probabilityOf(settings.fallback) },
      combine: settings.combine, hasPolicyAttribute: settings.namesPolicies,
      memoryLimitBytes: 2 ** 32, decisionsMax: 1_000_000, batchRowsMax: 8192, decodeLimits: {},
      sinks: [new DecodingSink(listener)], extraKeys: [], observer: tally,
    });
    return new PipelineRun(processor, settings, tally);
  }

  /** Encodes a batch and hands it in; windows that are due by its time are decided. Throws CodedError when it is refused. */
  async give(batch: OtapBatch): Promise<void> {
    const signal = sampled(batch);
    const stream = this.#stream(signal);
    for (let from = 0; from < batch.rowCount; from += rootRowsMax) {
      const rows = Uint32Array.from({ length: Math.min(rootRowsMax, batch.rowCount - from) }, (_, index) => from + index);
      stream.builder.append(batch, rows, null);
      await this.giveMessage(signal, stream.encoder.encode(stream.next++, stream.builder.finish()));
    }
  }

  /** Hands in a message of a recorded stream as it is. */
  async giveMessage(signal: SampledSignal, bytes: Uint8Array): Promise<void> {
    const { ack } = await this.#stream(signal).intake.accept({ bytes, compressed: null, encoding: 'identity' });
    if (ack.status !== 'OK') throw new CodedError(ack.status, 'input_refused', ack.message);
    await this.#processor.advance(0n);
  }

  /** Decides everything that is open. More may be given afterwards, of later times. */
  async drain(): Promise<void> {
    await this.#processor.drain();
  }

  close(): void {
    for (const { intake } of this.#streams.values()) intake.close();
    this.#processor.close();
  }

  #stream(signal: SampledSignal): InputStream {
    const known = this.#streams.get(signal);
    if (known !== undefined) return known;
    const intake = this.#processor.intake.open(signal, { withoutThreshold: this.#settings.inputWithoutThreshold });
    const stream = { intake, encoder: new OtapStreamEncoder(signal, encoding), builder: new OutputBatchBuilder(signal), next: 0n };
    this.#streams.set(signal, stream);
    return stream;
  }
}

interface InputStream {
  readonly intake: OtapIntakeStream;
  readonly encoder: OtapStreamEncoder;
  readonly builder: OutputBatchBuilder;
  next: bigint;
}

/** The clock of this process, and the hash key of the settings. */
export function seamOf({ seed }: Pick<RunSettings, 'seed'>): Seam {
  return realSeam({ ...(seed === null ? {} : { hashKey: hashKeyOfSeed(seed) }), firstBatchOrdinal: 0 });
}

function sampled(batch: OtapBatch): SampledSignal {
  if (batch.signal === 'metrics') throw new CodedError('INVALID_ARGUMENT', 'not_sampled', 'metrics are passed on as they are: no policy decides on them');
  return batch.signal;
}

class ToldTally extends TallyObserver {
  readonly #listener: RunListener;

  constructor(listener: RunListener) {
    super();
    this.#listener = listener;
  }

  override decided(signal: SampledSignal, decision: WindowDecision, counts: StampCounts): void {
    super.decided(signal, decision, counts);
    this.#listener.decided?.(signal, decision);
  }
}

/** Encodes what is kept, and decodes it again: what tests and reports see is what a receiver would. */
class DecodingSink implements BatchSink {
  readonly name = 'authoring';
  readonly queuedBytes = 0;
  readonly #listener: RunListener;
  readonly #streams = new Map<string, { readonly encoder: OtapStreamEncoder; readonly decoder: OtapStreamDecoder }>();
  #next = 0n;

  constructor(listener: RunListener) {
    this.#listener = listener;
  }

  push(batch: OutputBatch): Promise<void> {
    const stream = this.#streams.get(batch.signal) ?? { encoder: new OtapStreamEncoder(batch.signal, encoding), decoder: new OtapStreamDecoder(batch.signal) };
    this.#streams.set(batch.signal, stream);
    const bytes = stream.encoder.encode(this.#next++, batch);
    this.#listener.kept(stream.decoder.decode(bytes), bytes.length);
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }
}
