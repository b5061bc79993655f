import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
 * What each durability mode costs: spans of 1,000 a batch through the intake of a live processor, windows of 2 s, eight batches under way (as on one OTAP stream), on the disk of
 * `--directory` (the system's temporary directory by default). Then a start on what a killed process leaves. Modes take turns, so that the machine's other work
 * falls on all alike; the best of the rounds counts.
 *
 *     node bench/durability.ts [--items 200000] [--rounds 3] [--batch 1000] [--under-way 8] [--directory DIR]
 */
const { values } = parseArgs({
  options: { items: { type: 'string', default: '200000' }, rounds: { type: 'string', default: '3' }, batch: { type: 'string', default: '1000' }, directory: { type: 'string', default: tmpdir() }, 'under-way': { type: 'string', default: '8' } },
});
const items = Number(values.items);
const batchRows = Number(values.batch);
const modes = ['none', 'async', 'fsync'] as const;
const underWay = Number(values['under-way']);
const compiled = await openPolicies([{ name: 'tenth', text: readFileSync(packageFile('bench/policies/tenth.sql'), 'utf8') }]);
const messages = readMessages();

interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

function readMessages(): Uint8Array[] {
  const reader = new CaptureReader(ensureCapture({ signal: 'traces', batchRows, items, itemsPerSecond: 10_000 }));
  const read: Uint8Array[] = [];
  for (let bytes = reader.next(); bytes !== null && read.length * batchRows < items; bytes = reader.next()) read.push(bytes.slice());
  reader.close();
  return read;
}

async function open(mode: (typeof modes)[number], directory: string, windowMs: number): Promise<{ readonly processor: Processor; readonly journal: Journal | null }> {
  const seam = realSeam();
  const journal = mode === 'none' ? null : new Journal({
    disk: nodeDisk, directory, mode, syncIntervalMs: 200, limitBytes: 2 ** 34, segmentBytes: 2 ** 26, onError: 'refuse', onCorrupt: 'refuse', horizonMs: 600_000, seam,
    observer: { state: (failure) => { if (failure !== null) throw failure; }, damaged: () => undefined, unreadable: (message) => { throw new Error(message); }, recovered: () => undefined },
  });
  const processor = await Processor.open({
    seam, time: 'arrival', ...compiled, sinks: [new CountingSink(null)], observer: new TallyObserver(), journal,
    windows: { tracesLengthMs: windowMs, tracesWaitMs: windowMs, logsLengthMs: windowMs }, limits: { deadlineMs: 600_000, rowsMax: 100_000_000 }, fallback: { n: 2n ** 56n },
    memoryLimitBytes: 2 ** 32, decisionsMax: 2_000_000, batchRowsMax: 8192, decodeLimits: {}, extraKeys: [],
  });
  return { processor, journal };
}

async function take({ processor }: { readonly processor: Processor }): Promise<void> {
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

async function costOf(mode: (typeof modes)[number]): Promise<Cost> {
  const directory = mkdtempSync(join(values.directory, 'thresher-durability-'));
  const flow = await open(mode, directory, 2000);
  await flow.processor.recover();
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  await take(flow);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  await flow.processor.drain();
  await flow.journal?.close();
  flow.processor.close();
  rmSync(directory, { recursive: true });
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

/** Seconds of a start after a kill with all windows open, and bytes of the log. */
async function recoveryOf(): Promise<{ readonly seconds: number; readonly bytes: number }> {
  const directory = mkdtempSync(join(values.directory, 'thresher-recovery-'));
  const before = await open('fsync', directory, 3_600_000);
  await before.processor.recover();
  await take(before);
  const after = await open('fsync', directory, 3_600_000);
  const recovered = await after.processor.recover();
  for (const flow of [before, after]) {
    await flow.journal?.close();
    flow.processor.close();
  }
  rmSync(directory, { recursive: true });
  return { seconds: (recovered?.ms ?? 0) / 1000, bytes: recovered?.bytes ?? 0 };
}

const rounds: Cost[][] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const costs: Cost[] = [];
  for (const mode of modes) costs.push(await costOf(mode));
  rounds.push(costs);
}
const best = (index: number, of: (cost: Cost) => number): number => Math.min(...rounds.map((costs) => of(costs[index])));
console.log(`| durability | us a span | against none | CPU us a span | against none |\n|---|---|---|---|---|`);
modes.forEach((mode, index) => {
  const cells = [(cost: Cost) => cost.seconds, (cost: Cost) => cost.cpuSeconds].map((of) => `${(best(index, of) / items * 1e6).toFixed(2)} | ${(best(index, of) / best(0, of)).toFixed(2)}`);
  console.log(`| ${mode} | ${cells.join(' | ')} |`);
});
const { seconds, bytes } = await recoveryOf();
console.log(`\nrecovery: ${(seconds / items * 1e6).toFixed(2)} s a million spans; ${(bytes / items).toFixed(0)} bytes of the log a span`);
