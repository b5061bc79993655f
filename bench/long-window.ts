import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageFile } from '../src/base/package-paths.ts';
import { realSeam, type Seam } from '../src/base/seam.ts';
import { CaptureReader } from '../src/otap/capture-file.ts';
import type { CodedError } from '../src/base/errors.ts';
import { CountingSink } from '../src/pipeline/counting-sink.ts';
import { JournalBodies } from '../src/pipeline/journal/journal-bodies.ts';
import { Journal } from '../src/pipeline/journal/journal.ts';
import { Processor } from '../src/pipeline/processor.ts';
import { RetainedFiles } from '../src/pipeline/retained-files.ts';
import type { RetainedStore } from '../src/pipeline/retained-store.ts';
import { TallyObserver } from '../src/pipeline/tally.ts';
import { openPolicies } from '../src/policies.ts';
import { nodeDisk } from '../src/storage/node-disk.ts';
import { ensureCapture } from './generate.ts';
import { machineText, peakRssBytes } from './meter.ts';

/**
 * Holds `--minutes` of traces at `--rate` spans a second, by default with memory.retain: disk and memory.spill_dir, then `--more` minutes, in which windows close while as
 * much is held, then the end. Its clock goes by the spans that came, as fast as they can be taken. Prints what the process takes as it fills, and its peak; `--write` adds
 * that to RESULTS.md. The traffic is a file of 1.7 GB in node_modules/.cache, made where it is not there.
 *
 *     node --initial-old-space-size=256 bench/long-window.ts [--minutes 30] [--rate 20000] [--memory 768] [--retain disk] [--durability none] [--length 60] [--more 3] [--write]
 */
export interface LongWindow {
  /** Capture file of traces. */
  readonly input: string;
  /** Spans of `input` that are taken, and how many share a second of arrival. */
  readonly items: number;
  readonly itemsPerSecond: number;
  readonly lengthMs: number;
  readonly waitMs: number;
  readonly memoryLimitBytes: number;
  readonly retain: 'memory' | 'disk';
  /** Other than none: the journal's segments are where batches wait. */
  readonly durability: 'none' | 'async' | 'fsync';
  /** Where files may be. */
  readonly directory: string;
  readonly onSample: (sample: HeldSample) => void;
}

/** What the process takes at one moment, bytes, and what it knows of it. */
export interface HeldSample {
  readonly taken: number;
  readonly held: number;
  readonly rss: number;
  readonly heap: number;
  readonly buffers: number;
  readonly duckdb: number;
  readonly spilled: number;
  readonly disk: number;
  readonly seconds: number;
  /** By the processor's own account. */
  readonly parts: string;
}

export interface LongWindowResult {
  readonly observer: WindowsTally;
  readonly sentItems: number;
  readonly diskFailures: readonly string[];
  readonly cpuMicros: number;
}

class WindowsTally extends TallyObserver {
  closedBeforeDue = 0;

  override closedEarly(...told: Parameters<TallyObserver['closedEarly']>): void {
    super.closedEarly(...told);
    this.closedBeforeDue++;
  }
}

const startUnixNano = 1_790_000_040_000_000_000n;
const samplesWanted = 20;

/** Takes the file in, decides all of it, and says what came of it; throws where a batch is refused for good. */
export async function holdLong(options: LongWindow): Promise<LongWindowResult> {
  const { items, itemsPerSecond, onSample } = options;
  const [observer, sink, diskFailures] = [new WindowsTally(), new CountingSink(null), new Array<string>()];
  const { traces } = observer.bySignal;
  const seam = { ...realSeam(), nowUnixNano: () => startUnixNano + BigInt(Math.floor((traces.items / itemsPerSecond) * 1e9)) };
  const onState = (failure: CodedError | null): void => void diskFailures.push(failure?.reason ?? 'works');
  const disk = await openDisk(options, seam, onState);
  const processor = await openProcessor(options, seam, { observer, sink, disk });
  await processor.recover();
  const [startMs, cpu] = [performance.now(), process.cpuUsage()];
  const sample = async (): Promise<void> => onSample(await sampleOf(processor, disk.stored, traces.items, (performance.now() - startMs) / 1000));
  const every = Math.ceil(items / samplesWanted);
  let next = every;
  await feed(options.input, processor, seam, async () => {
    if (traces.items >= next) {
      await sample();
      next += every;
    }
    return traces.items < items;
  });
  await processor.drain();
  await sample();
  const { user, system } = process.cpuUsage(cpu);
  processor.close();
  await disk.close();
  return { observer, sentItems: sink.rows, diskFailures, cpuMicros: (user + system) / traces.items };
}

interface OpenDisk {
  readonly journal: Journal | null;
  readonly retained: RetainedStore | null;
  readonly stored: { readonly byteLength: number } | null;
  close(): Promise<void>;
}

async function openDisk({ retain, durability, directory, lengthMs, waitMs }: LongWindow, seam: Seam, onState: (failure: CodedError | null) => void): Promise<OpenDisk> {
  const limits = { disk: nodeDisk, limitBytes: 2 ** 35, segmentBytes: 2 ** 26, onError: 'refuse', seam } as const;
  if (durability !== 'none') {
    const journal = new Journal({
      ...limits, directory: join(directory, 'log'), mode: durability, syncIntervalMs: 200, onCorrupt: 'refuse', horizonMs: lengthMs + waitMs,
      observer: { state: onState, damaged: () => undefined, unreadable: (message) => { throw new Error(message); }, recovered: () => undefined },
    });
    return { journal, retained: retain === 'disk' ? new JournalBodies(journal) : null, stored: journal, close: () => journal.close() };
  }
  if (retain === 'memory') return { journal: null, retained: null, stored: null, close: async () => {} };
  const files = await RetainedFiles.open({ ...limits, directory: join(directory, 'retained'), onState });
  return { journal: null, retained: files, stored: files, close: () => files.close() };
}

async function openProcessor(
  { lengthMs, waitMs, memoryLimitBytes, directory }: LongWindow, seam: Seam, { observer, sink, disk }: { readonly observer: TallyObserver; readonly sink: CountingSink; readonly disk: OpenDisk },
): Promise<Processor> {
  const compiled = await openPolicies([{ name: 'tenth', text: readFileSync(packageFile('bench/policies/tenth.sql'), 'utf8') }]);
  return Processor.open({
    ...compiled, seam, time: 'arrival', sinks: [sink], observer, retained: disk.retained, journal: disk.journal, limits: { deadlineMs: 600_000, rowsMax: 100_000_000 }, fallback: { n: 2n ** 56n },
    windows: { tracesLengthMs: lengthMs, tracesWaitMs: waitMs, logsLengthMs: lengthMs }, memoryLimitBytes, softLimit: 0.8, spill: { directory: join(directory, 'spilled'), bytesMax: 2 ** 33 },
    decisionsMax: 1_250_000, horizonMs: lengthMs + waitMs, batchRowsMax: 8192, decodeLimits: {}, extraKeys: [],
  });
}

/** Until the file ends, or `onBatch` says that it is enough. */
async function feed(input: string, processor: Processor, seam: Seam, onBatch: () => Promise<boolean>): Promise<void> {
  const reader = new CaptureReader(input);
  const stream = processor.intake.open('traces');
  for (let [bytes, goesOn] = [reader.next(), true]; bytes !== null && goesOn; bytes = reader.next()) {
    const { ack } = await stream.accept({ bytes, compressed: null, encoding: 'identity' });
    if (ack.status !== 'OK') throw new Error(`a batch was refused: ${ack.status} ${ack.message}`);
    await processor.advance(seam.nowUnixNano());
    goesOn = await onBatch();
  }
  stream.close();
  reader.close();
}

async function sampleOf(processor: Processor, stored: OpenDisk['stored'], taken: number, seconds: number): Promise<HeldSample> {
  const { bytes, spilledBytes } = await processor.duckdbMemory();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const parts = (['retained', 'tables', 'open_traces', 'decisions', 'streams'] as const).map((part) => `${part} ${mib(processor.memory.heldBy(part))}`).join(', ');
  return { taken, held: processor.held('traces').items, rss, heap: heapUsed, buffers: arrayBuffers, duckdb: bytes, spilled: spilledBytes, disk: stored?.byteLength ?? 0, seconds, parts };
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function rowText({ taken, held, seconds, rss, heap, buffers, duckdb, spilled, disk }: HeldSample): string {
  return `| ${(taken / 1e6).toFixed(1)} | ${(held / 1e6).toFixed(1)} | ${[rss, heap, buffers, duckdb, spilled, disk].map(mib).join(' | ')} | ${seconds.toFixed(0)} |`;
}

function resultText(samples: readonly HeldSample[], { observer, sentItems, diskFailures, cpuMicros }: LongWindowResult): string {
  const { traces } = observer.bySignal;
  const count = (value: number): string => Math.round(value).toLocaleString('en-US');
  return [
    '| spans taken, millions | held, millions | RSS | V8 heap | array buffers | DuckDB | spilled | batches on disk | seconds |', '| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |', ...samples.map(rowText), '',
    `Peak RSS ${mib(peakRssBytes())} MiB; ${cpuMicros.toFixed(2)} us of CPU a span. ${count(traces.items)} spans taken, ${count(traces.decided + traces.lateKept + traces.lateDropped)} decided in ${traces.windows} windows `
      + `(${observer.closedBeforeDue} closed early), ${count(traces.kept)} kept, ${count(sentItems)} sent, which stand for ${count(traces.estimate)}; ${traces.unreadable} unreadable, `
      + `${traces.policyFailures} failures of policies, ${diskFailures.length} of the disk${observer.firstError === null ? '' : `; ${observer.firstError}`}.`,
  ].join('\n');
}

function durabilityOf(text: string): LongWindow['durability'] {
  return text === 'async' || text === 'fsync' ? text : 'none';
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' }, rate: { type: 'string', default: '20000' }, memory: { type: 'string', default: '768' }, retain: { type: 'string', default: 'disk' },
      durability: { type: 'string', default: 'none' }, length: { type: 'string', default: '60' }, more: { type: 'string', default: '3' }, directory: { type: 'string', default: tmpdir() }, write: { type: 'boolean', default: false },
    },
  });
  const [itemsPerSecond, lengthMs] = [Number(values.rate), Number(values.length) * 1000];
  const items = Math.round(itemsPerSecond * 60 * (Number(values.minutes) + Number(values.more)));
  const input = ensureCapture({ signal: 'traces', batchRows: 1000, items, itemsPerSecond });
  const directory = mkdtempSync(join(values.directory, 'thresher-long-'));
  const samples: HeldSample[] = [];
  const onSample = (sample: HeldSample): void => {
    samples.push(sample);
    process.stderr.write(`${rowText(sample)} ${sample.parts}\n`);
  };
  try {
    const result = await holdLong({
      input, items, itemsPerSecond, lengthMs, waitMs: Number(values.minutes) * 60_000 - lengthMs, memoryLimitBytes: Number(values.memory) * 2 ** 20,
      retain: values.retain === 'memory' ? 'memory' : 'disk', durability: durabilityOf(values.durability), directory, onSample,
    });
    const head = `## ${new Date().toISOString().slice(0, 16).replace('T', ' ')}, ${values.minutes} minutes of traces at ${values.rate} spans a second\n\n`
      + `${machineText()}; memory.limit ${values.memory} MiB, retain: ${values.retain}, durability: ${values.durability}, slots of ${values.length} s. MiB.`;
    const text = `${head}\n\n${resultText(samples, result)}\n`;
    process.stdout.write(text);
    if (values.write) appendFileSync(packageFile('bench/RESULTS.md'), `\n${text}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
