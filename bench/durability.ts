import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { packageFile } from '../src/base/package-paths.ts';
import { realSeam } from '../src/base/seam.ts';
import { CaptureReader } from '../src/otap/capture-file.ts';
import { CountingSink } from '../src/pipeline/counting-sink.ts';
import { Journal } from '../src/pipeline/journal/journal.ts';
import { Processor } from '../src/pipeline/processor.ts';
import { TallyObserver } from '../src/pipeline/tally.ts';
import { openPolicies } from '../src/policies.ts';
import { nodeDisk } from '../src/storage/node-disk.ts';
import { ensureCapture } from './generate.ts';

/**
 * What each durability mode costs: spans of 1,000 a batch through a live processor, eight batches under way (as on one OTAP stream), on the disk of
 * `--directory` (the system's temporary directory by default). *Intake* is until the last batch is acknowledged, *all* until its windows are decided and what is kept is
 * with a sink that only counts. Then a start on what a killed process leaves. Modes take turns, so that the machine's other work falls on all alike; the best of the rounds counts.
 *
 *     node bench/durability.ts [--items 200000] [--rounds 3] [--batch 1000] [--under-way 8] [--directory DIR]
 */
export interface DurabilityOptions {
  /** A capture of spans. */
  readonly input: string;
  readonly items: number;
  readonly rounds: number;
  readonly batchRows: number;
  readonly underWay: number;
  readonly directory: string;
}

const modes = ['none', 'async', 'fsync'] as const;
type Mode = (typeof modes)[number];

/** Seconds, of the clock and of all threads; of the intake alone, and until all is handed on. */
interface Cost {
  readonly intake: number;
  readonly intakeCpu: number;
  readonly all: number;
  readonly allCpu: number;
}

interface Start {
  readonly seconds: number;
  readonly logBytes: number;
  /** What windows held in memory before the process ended. */
  readonly heldBytes: number;
}

function readMessages({ input, batchRows, items }: DurabilityOptions): Uint8Array[] {
  const reader = new CaptureReader(input);
  const read: Uint8Array[] = [];
  for (let bytes = reader.next(); bytes !== null && read.length * batchRows < items; bytes = reader.next()) read.push(bytes.slice());
  reader.close();
  return read;
}

/** Compiled once, by whoever asks first. */
let opened: ReturnType<typeof openPolicies> | null = null;

function policies(): ReturnType<typeof openPolicies> {
  opened ??= openPolicies([{ name: 'tenth', text: readFileSync(packageFile('bench/policies/tenth.sql'), 'utf8') }]);
  return opened;
}

async function open(mode: Mode, directory: string, windowMs: number): Promise<{ readonly processor: Processor; readonly journal: Journal | null }> {
  const seam = realSeam();
  const journal = mode === 'none' ? null : new Journal({
    disk: nodeDisk, directory, mode, syncIntervalMs: 200, limitBytes: 2 ** 34, segmentBytes: 2 ** 26, onError: 'refuse', onCorrupt: 'refuse', horizonMs: 600_000, seam,
    observer: { state: (failure) => { if (failure !== null) throw failure; }, damaged: () => undefined, unreadable: (message) => { throw new Error(message); }, recovered: () => undefined },
  });
  const processor = await Processor.open({
    seam, time: 'arrival', ...await policies(), sinks: [new CountingSink(null)], observer: new TallyObserver(), journal,
    windows: { tracesLengthMs: windowMs, tracesWaitMs: windowMs, logsLengthMs: windowMs }, limits: { deadlineMs: 600_000, rowsMax: 100_000_000 }, fallback: { n: 2n ** 56n },
    memoryLimitBytes: 2 ** 32, decisionsMax: 2_000_000, batchRowsMax: 8192, decodeLimits: {}, extraKeys: [],
  });
  return { processor, journal };
}

async function take({ processor }: { readonly processor: Processor }, messages: readonly Uint8Array[], underWay: number): Promise<void> {
  const stream = processor.intake.open('traces');
  const waiting = new Set<Promise<unknown>>();
  for (const bytes of messages) {
    const answer = stream.accept({ bytes, compressed: null, encoding: 'identity' }).then(({ ack }) => {
      if (ack.status !== 'OK') throw new Error(ack.message);
    }).finally(() => waiting.delete(answer));
    waiting.add(answer);
    if (waiting.size >= underWay) await Promise.race(waiting);
    await processor.advance(BigInt(Date.now()) * 1_000_000n);
  }
  await Promise.all(waiting);
}

/** What passed since it was made: seconds, and CPU seconds. */
function stopwatch(): () => readonly [seconds: number, cpuSeconds: number] {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return [(performance.now() - start) / 1000, (user + system) / 1e6];
  };
}

async function costOf(mode: Mode, { directory: parent, underWay }: DurabilityOptions, messages: readonly Uint8Array[]): Promise<Cost> {
  const directory = mkdtempSync(join(parent, 'thresher-durability-'));
  const flow = await open(mode, directory, 2000);
  await flow.processor.recover();
  const passed = stopwatch();
  await take(flow, messages, underWay);
  const [intake, intakeCpu] = passed();
  await flow.processor.drain();
  const [all, allCpu] = passed();
  await flow.journal?.close();
  flow.processor.close();
  rmSync(directory, { recursive: true });
  return { intake, intakeCpu, all, allCpu };
}

/** A start after a kill with all windows open. */
async function startOf({ directory: parent, underWay }: DurabilityOptions, messages: readonly Uint8Array[]): Promise<Start> {
  const directory = mkdtempSync(join(parent, 'thresher-recovery-'));
  const before = await open('fsync', directory, 3_600_000);
  await before.processor.recover();
  await take(before, messages, underWay);
  const { memory } = before.processor;
  const heldBytes = memory.heldBy('retained') + memory.heldBy('tables');
  const after = await open('fsync', directory, 3_600_000);
  const recovered = await after.processor.recover();
  for (const flow of [before, after]) {
    await flow.journal?.close();
    flow.processor.close();
  }
  rmSync(directory, { recursive: true });
  return { seconds: (recovered?.ms ?? 0) / 1000, logBytes: recovered?.bytes ?? 0, heldBytes };
}

function rowOf(mode: Mode, costs: readonly Cost[], none: readonly Cost[], items: number): string {
  const best = (of: (cost: Cost) => number, among: readonly Cost[]): number => Math.min(...among.map(of));
  const cells = [(cost: Cost) => cost.intake, (cost: Cost) => cost.intakeCpu, (cost: Cost) => cost.all, (cost: Cost) => cost.allCpu]
    .map((of) => `${(best(of, costs) / items * 1e6).toFixed(2)} | ${(best(of, costs) / best(of, none)).toFixed(2)}`);
  return `| ${mode} | ${cells.join(' | ')} |`;
}

/** The table of the modes, and what a start costs. */
export async function durabilityTable(options: DurabilityOptions): Promise<string> {
  const messages = readMessages(options);
  const costs: { readonly [mode in Mode]: Cost[] } = { none: [], async: [], fsync: [] };
  for (let round = 0; round < options.rounds; round++) for (const mode of modes) costs[mode].push(await costOf(mode, options, messages));
  const { seconds, logBytes, heldBytes } = await startOf(options, messages);
  const perSpan = (value: number): string => (value / options.items).toFixed(0);
  return [
    `| durability, ${options.batchRows} spans a batch | intake, us a span | / none | CPU | / none | all, us a span | / none | CPU | / none |`,
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...modes.map((mode) => rowOf(mode, costs[mode], costs.none, options.items)),
    '',
    `A start on what a killed process leaves: ${(seconds / options.items * 1e6).toFixed(2)} s a million spans. A span that waits takes ${perSpan(heldBytes)} bytes of memory (retained and tables), and ${perSpan(logBytes)} on the disk.`,
  ].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: { items: { type: 'string', default: '200000' }, rounds: { type: 'string', default: '3' }, batch: { type: 'string', default: '1000' }, directory: { type: 'string', default: tmpdir() }, 'under-way': { type: 'string', default: '8' } },
  });
  const [items, batchRows] = [Number(values.items), Number(values.batch)];
  const input = ensureCapture({ signal: 'traces', batchRows, items, itemsPerSecond: 10_000 });
  console.log(await durabilityTable({ input, items, rounds: Number(values.rounds), batchRows, underWay: Number(values['under-way']), directory: values.directory }));
}
