import { realSeam, type Seam } from '../../../src/base/seam.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import type { BatchAnswer } from '../../../src/pipeline/intake-port.ts';
import { Processor, type ProcessorOptions } from '../../../src/pipeline/processor.ts';
import type { BatchSink } from '../../../src/pipeline/sink.ts';
import { TallyObserver } from '../../../src/pipeline/tally.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';

/** Compiles policies that call no sampling function. */
export async function compile(...texts: readonly string[]): Promise<CompiledPolicy[]> {
  const compiler = await PolicyCompiler.create([]);
  try {
    const policies: CompiledPolicy[] = [];
    for (const [index, text] of texts.entries()) policies.push(await compiler.compile(`p${index}`, text));
    return policies;
  } finally {
    compiler.close();
  }
}

/** Encodes what it gets, each signal on one OTAP stream. */
export class CollectingSink implements BatchSink {
  readonly name = 'collecting';
  readonly queuedBytes = 0;
  readonly rowCounts: number[] = [];
  readonly #messages = new Map<Signal, Uint8Array[]>();
  readonly #encoders = new Map<Signal, OtapStreamEncoder>();
  readonly #onPush: (batch: OutputBatch) => Promise<void>;

  constructor(onPush: (batch: OutputBatch) => Promise<void> = () => Promise.resolve()) {
    this.#onPush = onPush;
  }

  messages(signal: Signal): readonly Uint8Array[] {
    return this.#messages.get(signal) ?? [];
  }

  async push(batch: OutputBatch): Promise<void> {
    await this.#onPush(batch);
    this.rowCounts.push(batch.rowCount);
    const encoder = this.#encoders.get(batch.signal) ?? new OtapStreamEncoder(batch.signal, { bodyCompression: 'zstd', zstdLevel: 1 });
    this.#encoders.set(batch.signal, encoder);
    const messages = this.#messages.get(batch.signal) ?? [];
    this.#messages.set(batch.signal, messages);
    messages.push(encoder.encode(BigInt(messages.length), batch));
  }

  async drain(): Promise<void> {}
}

export const nOne = 2n ** 56n;

/** A processor over a sink that remembers, and its counts. */
export interface Flow {
  readonly processor: Processor;
  readonly sink: CollectingSink;
  readonly tally: TallyObserver;
  readonly seam: Seam;
}

/** A processor by event time with windows of 10 s and a wait of 30 s, but for `options`. */
export async function openFlow(options: Partial<ProcessorOptions> = {}, sink = new CollectingSink()): Promise<Flow> {
  const seam = options.seam ?? realSeam({ hashKey: new Uint8Array(16) });
  const tally = new TallyObserver();
  const processor = await Processor.open({
    seam, time: 'event', windows: { tracesLengthMs: 10_000, tracesWaitMs: 30_000, logsLengthMs: 10_000 }, policies: [],
    setupSql: [], limits: { deadlineMs: 60_000, rowsMax: 10_000_000 }, fallback: { n: nOne }, memoryLimitBytes: 2 ** 30, decisionsMax: 100_000, batchRowsMax: 8192, decodeLimits: {},
    sinks: [sink], extraKeys: [], observer: tally, ...options,
  });
  return { processor, sink, tally, seam };
}

/** Hands messages to one stream, letting windows close after each as a replay does. */
export async function feed({ processor }: Flow, signal: Signal, messages: Iterable<Uint8Array>): Promise<BatchAnswer[]> {
  const stream = processor.intake.open(signal);
  const answers: BatchAnswer[] = [];
  for (const bytes of messages) {
    answers.push(await stream.accept({ bytes, compressed: null, encoding: 'identity' }));
    await processor.advance(0n);
  }
  stream.close();
  return answers;
}

/** Everything through a processor and out again. */
export async function flowThrough(signal: Signal, messages: Iterable<Uint8Array>, options: Partial<ProcessorOptions>): Promise<Flow> {
  const flow = await openFlow(options);
  try {
    for (const { ack } of await feed(flow, signal, messages)) if (ack.status !== 'OK') throw new Error(`${ack.status}: ${ack.message}`);
    await flow.processor.drain();
  } finally {
    flow.processor.close();
  }
  return flow;
}
