import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageFile } from '../src/base/package-paths.ts';
import { realSeam } from '../src/base/seam.ts';
import { CaptureReader } from '../src/otap/capture-file.ts';
import { CountingSink } from '../src/pipeline/counting-sink.ts';
import { Processor } from '../src/pipeline/processor.ts';
import { RetainedFiles } from '../src/pipeline/retained-files.ts';
import type { RetainedStore } from '../src/pipeline/retained-store.ts';
import { TallyObserver } from '../src/pipeline/tally.ts';
import { openPolicies } from '../src/policies.ts';
import { nodeDisk } from '../src/storage/node-disk.ts';
import { ensureCapture } from './generate.ts';
import { machineText, peakRssBytes } from './meter.ts';

/**
 * Holds `--minutes` of traces at `--rate` spans a second with memory.retain: disk and memory.spill_dir, then some more, so that windows close while as much is
 * held, then the end. Its clock runs by the spans that came, as fast as they can be taken. Prints what the process takes as it fills, and its peak.
 *
 *     node --initial-old-space-size=256 bench/long-window.ts [--minutes 30] [--rate 20000] [--memory 1024] [--retain disk] [--length 60] [--more 3] [--write]
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' }, rate: { type: 'string', default: '20000' }, memory: { type: 'string', default: '1024' }, share: { type: 'string', default: '0.5' },
    retain: { type: 'string', default: 'disk' }, length: { type: 'string', default: '60' }, more: { type: 'string', default: '3' }, batch: { type: 'string', default: '1000' },
    directory: { type: 'string', default: tmpdir() }, write: { type: 'boolean', default: false },
  },
});
const rate = Number(values.rate);
const lengthMs = Number(values.length) * 1000;
const waitMs = Number(values.minutes) * 60_000 - lengthMs;
const fullItems = rate * Number(values.minutes) * 60;
const items = fullItems + rate * Number(values.more) * 60;
const startNano = 1_790_000_040_000_000_000n;

/** What the process takes at one moment, and what it knows of it. Bytes. */
interface Sample {
  readonly items: number;
  readonly held: number;
  readonly rss: number;
  readonly heap: number;
  readonly buffers: number;
  readonly accounted: string;
  readonly duckdb: number;
  readonly spilled: number;
  readonly disk: number;
  readonly seconds: number;
}

class Watching extends TallyObserver {
  closedBefore = 0;

  override closedEarly(...told: Parameters<TallyObserver['closedEarly']>): void {
    super.closedEarly(...told);
    this.closedBefore++;
  }
}

async function run(): Promise<void> {
  const input = ensureCapture({ signal: 'traces', batchRows: Number(values.batch), items, itemsPerSecond: rate });
  const directory = mkdtempSync(join(values.directory, 'thresher-long-'));
  try {
    await measure(input, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(input: string, directory: string): Promise<void> {
  let taken = 0;
  const seam = { ...realSeam(), nowUnixNano: () => startNano + BigInt(Math.floor((taken / rate) * 1e9)) };
  const observer = new Watching();
  const sink = new CountingSink(null);
  const failures: string[] = [];
  const files = values.retain === 'disk' ? await RetainedFiles.open({
    disk: nodeDisk, directory: join(directory, 'retained'), limitBytes: 2 ** 35, segmentBytes: 2 ** 26, onError: 'refuse', seam,
    onState: (failure) => failures.push(failure?.reason ?? 'works'),
  }) : null;
  const store: RetainedStore | null = files;
  const compiled = await openPolicies([{ name: 'tenth', text: readFileSync(packageFile('bench/policies/tenth.sql'), 'utf8') }]);
  const processor = await Processor.open({
    ...compiled, seam, time: 'arrival', sinks: [sink], observer, retained: store, limits: { deadlineMs: 600_000, rowsMax: 100_000_000 }, fallback: { n: 2n ** 56n },
    windows: { tracesLengthMs: lengthMs, tracesWaitMs: waitMs, logsLengthMs: lengthMs }, memoryLimitBytes: Number(values.memory) * 2 ** 20, duckdbShare: Number(values.share), softLimit: 0.9,
    spill: { directory: join(directory, 'spilled'), bytesMax: 2 ** 33 }, decisionsMax: 1_250_000, horizonMs: lengthMs + waitMs, batchRowsMax: 8192, decodeLimits: {}, extraKeys: [],
  });
  const start = performance.now();
  const samples: Sample[] = [];
  const reader = new CaptureReader(input);
  const stream = processor.intake.open('traces');
  const take = async (): Promise<void> => {
    const { bytes, spilledBytes } = await processor.duckdbMemory();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const { memory } = processor;
    const accounted = (['retained', 'tables', 'open_traces', 'decisions', 'streams'] as const).map((part) => `${part} ${mib(memory.heldBy(part))}`).join(', ');
    samples.push({ items: taken, held: processor.held('traces').items, rss, heap: heapUsed, buffers: arrayBuffers, accounted, duckdb: bytes, spilled: spilledBytes, disk: files?.byteLength ?? 0, seconds: (performance.now() - start) / 1000 });
    const last = samples[samples.length - 1];
    process.stderr.write(`${row(last)} full ${memory.fullness.toFixed(2)} ${last.accounted}\n`);
  };
  const every = Math.ceil(items / 20);
  for (let bytes = reader.next(), next = every; bytes !== null; bytes = reader.next()) {
    for (;;) {
      const { ack } = await stream.accept({ bytes, compressed: null, encoding: 'identity' });
      if (ack.status === 'OK') break;
      process.stderr.write(`${ack.status} ${ack.message}\n`);
      if (ack.status !== 'RESOURCE_EXHAUSTED') throw new Error(ack.message);
      await processor.advance(seam.nowUnixNano());
      await seam.sleepMs(100);
    }
    taken = observer.bySignal.traces.items;
    await processor.advance(seam.nowUnixNano());
    if (taken < next) continue;
    await take();
    next += every;
  }
  await processor.drain();
  await take();
  reader.close();
  processor.close();
  await files?.close();
  report(samples, observer, sink.rows, failures);
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function row(sample: Sample): string {
  return `| ${(sample.items / 1e6).toFixed(1)} | ${(sample.held / 1e6).toFixed(1)} | ${[sample.rss, sample.heap, sample.buffers, sample.duckdb, sample.spilled, sample.disk].map(mib).join(' | ')} | ${sample.seconds.toFixed(0)} |`;
}

function report(samples: readonly Sample[], observer: Watching, sent: number, failures: readonly string[]): void {
  const { traces } = observer.bySignal;
  const lines = [
    `## ${new Date().toISOString().slice(0, 16).replace('T', ' ')}, a window of ${values.minutes} minutes at ${rate} spans a second`, '',
    `${machineText()}; memory.limit ${values.memory} MiB, retain ${values.retain}, slots of ${values.length} s; MiB.`, '',
    '| spans, millions | held, millions | RSS | V8 heap | array buffers | DuckDB | spilled | batches on disk | seconds |', '|---|---|---|---|---|---|---|---|---|', ...samples.map(row), '',
    `Peak RSS ${mib(peakRssBytes())} MiB. ${traces.items} spans taken, ${traces.decided + traces.lateKept + traces.lateDropped} decided in ${traces.windows} windows (${observer.closedBefore} closed early), ${traces.kept} kept, ${sent} sent, `
      + `which stand for ${Math.round(traces.estimate)}; ${traces.unreadable} unreadable, ${traces.policyFailures} failures of policies, ${failures.length} of the disk${observer.firstError === null ? '' : `; ${observer.firstError}`}.`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (values.write) appendFileSync(packageFile('bench/RESULTS.md'), `\n${lines.join('\n')}\n`);
}

await run();
