import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { realSeam } from '../src/base/seam.ts';
import { OtapFileExporter } from '../src/exporters/otap-file.ts';
import { CaptureReader } from '../src/otap/capture-file.ts';
import type { BatchAnswer } from '../src/pipeline/intake-port.ts';
import { Processor } from '../src/pipeline/processor.ts';
import { TallyObserver } from '../src/pipeline/tally.ts';
import type { BatchSink } from '../src/pipeline/sink.ts';
import type { SampledSignal } from '../src/store/slot-plan.ts';
import { openPolicies, type OpenPolicies } from '../src/policies.ts';

export interface ReplayOptions {
  readonly signal: SampledSignal;
  readonly input: string;
  /** Path of one policy of the signal. */
  readonly policy: string;
  /** Capture file for what is kept. */
  readonly output: string;
  /** Items after which the file is left. */
  readonly itemsMax: number;
  readonly windowMs: number;
  readonly waitMs: number;
}

export interface ReplayCounts {
  readonly items: number;
  readonly kept: number;
  readonly windows: number;
}

/** A processor with event time and its sink, set up as the command `replay` does. */
export interface OpenReplay {
  readonly processor: Processor;
  readonly observer: TallyObserver;
  close(): Promise<void>;
}

export async function openReplay(options: ReplayOptions): Promise<OpenReplay> {
  const { policies, setupSql } = await compiled(options.policy);
  const seam = realSeam({ firstBatchOrdinal: 0 });
  const sink: BatchSink = new OtapFileExporter({
    name: 'otap_file', path: options.output, isSingle: true, encode: { bodyCompression: 'zstd', zstdLevel: 3 }, onExported: () => undefined,
  });
  const observer = new TallyObserver();
  const processor = await Processor.open({
    seam, time: 'event', policies, setupSql, sinks: [sink], observer,
    windows: { tracesLengthMs: options.windowMs, tracesWaitMs: options.waitMs, logsLengthMs: options.windowMs },
    limits: { deadlineMs: 600_000, rowsMax: 100_000_000 }, fallback: { n: 2n ** 56n },
    memoryLimitBytes: 2 ** 33, decisionsMax: 2_000_000, batchRowsMax: 8192, decodeLimits: {}, extraKeys: [],
  });
  const close = async (): Promise<void> => {
    await sink.drain(0);
    processor.close();
  };
  return { processor, observer, close };
}

function compiled(path: string): Promise<OpenPolicies> {
  return openPolicies([{ name: basename(path, '.sql'), text: readFileSync(path, 'utf8') }]);
}

/** Feeds the file until `itemsMax`, calling `onBatch` with the items so far after each batch; does not drain. */
export async function feedFile(options: ReplayOptions, { processor, observer }: OpenReplay, onBatch: (items: number) => void = () => undefined): Promise<void> {
  const reader = new CaptureReader(options.input);
  const stream = processor.intake.open(options.signal);
  const tally = observer.bySignal[options.signal];
  for (let bytes = reader.next(); bytes !== null && tally.items < options.itemsMax; bytes = reader.next()) {
    checkAccepted(await stream.accept({ bytes, compressed: null, encoding: 'identity' }));
    await processor.advance(0n);
    onBatch(tally.items);
  }
  stream.close();
  reader.close();
}

function checkAccepted({ ack }: BatchAnswer): void {
  if (ack.status !== 'OK') throw new Error(`a batch was refused: ${ack.status} ${ack.message}`);
}

/** The whole way of the data over the file, from opening the store to the written output. Throws where anything went wrong. */
export async function replayOnce(options: ReplayOptions): Promise<ReplayCounts> {
  const open = await openReplay(options);
  try {
    await feedFile(options, open);
    await open.processor.drain();
  } finally {
    await open.close();
  }
  const { items, kept, windows } = open.observer.bySignal[options.signal];
  if (open.observer.firstError !== null) throw new Error(open.observer.firstError);
  return { items, kept, windows };
}
