import type { CodedError } from '../../src/base/errors.ts';
import { type Seam, seededSeam } from '../../src/base/seam.ts';
import { JournalBodies } from '../../src/pipeline/journal/journal-bodies.ts';
import { Journal, type JournalOptions, type RecoveryCounts } from '../../src/pipeline/journal/journal.ts';
import { Processor, type ProcessorOptions } from '../../src/pipeline/processor.ts';
import type { BatchSink } from '../../src/pipeline/sink.ts';
import { TallyObserver } from '../../src/pipeline/tally.ts';
import type { Disk } from '../../src/storage/disk.ts';
import { FakeDisk } from './fake-disk.ts';

/** What a journal told. */
export interface JournalSaid {
  readonly states: (string | null)[];
  readonly damage: { readonly segment: string; readonly at: number; readonly isTail: boolean }[];
  readonly recovered: RecoveryCounts[];
  readonly unreadable: string[];
  unlogged: number;
}

export interface DurableFlow {
  readonly processor: Processor;
  readonly journal: Journal;
  readonly tally: TallyObserver;
  readonly said: JournalSaid;
  readonly seam: ReturnType<typeof seededSeam>;
}

export const startUnixNano = 1_700_000_000_000_000_000n;
export const nOne = 2n ** 56n;

/** A process over a disk (once a fake one is dead, nobody waits for it): a processor by arrival with windows of 10 s and a wait of 10 s that has recovered what the disk has. Time starts `atMs` after the start. `retain`: batches wait on the disk. */
export async function startProcess(
  disk: Disk, sink: BatchSink, atMs: number, options: Partial<ProcessorOptions>, { retain = 'memory', ...journaling }: Partial<JournalOptions> & { readonly retain?: 'memory' | 'disk' } = {}, sleepMs: Seam['sleepMs'] = (ms, signal) => (disk instanceof FakeDisk && disk.isDead ? Promise.reject(new Error('the process is dead')) : untilAborted(ms, signal)),
): Promise<DurableFlow> {
  const seam = { ...seededSeam(7, startUnixNano), hashKey: new Uint8Array(16), sleepMs };
  seam.advanceMs(atMs);
  const said: JournalSaid = { states: [], damage: [], recovered: [], unreadable: [], unlogged: 0 };
  const journal = new Journal({
    disk, directory: '/data', mode: 'fsync', syncIntervalMs: 100, limitBytes: 2 ** 30, segmentBytes: 20_000, onError: 'refuse', onCorrupt: 'skip', horizonMs: 600_000, seam,
    observer: {
      unlogged: () => void said.unlogged++,
      state: (failure: CodedError | null) => said.states.push(failure?.reason ?? null),
      damaged: (damage) => said.damage.push(damage), recovered: (counts) => said.recovered.push(counts), unreadable: (message) => said.unreadable.push(message),
    },
    ...journaling,
  });
  const tally = new TallyObserver();
  const processor = await Processor.open({
    seam, time: 'arrival', windows: { tracesLengthMs: 10_000, tracesWaitMs: 10_000, logsLengthMs: 10_000 }, policies: [], setupSql: [],
    limits: { deadlineMs: 60_000, rowsMax: 10_000_000 }, fallback: { n: nOne }, memoryLimitBytes: 2 ** 30, decisionsMax: 100_000, batchRowsMax: 8192, decodeLimits: {},
    sinks: [sink], extraKeys: [], observer: tally, journal, retained: retain === 'disk' ? new JournalBodies(journal) : null, ...options,
  });
  await processor.recover();
  return { processor, journal, tally, said, seam };
}

/** What a process does until it dies: what fails then, fails for that. */
export async function unlessDead(disk: FakeDisk, work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!disk.isDead) throw error;
  });
}

/** Time goes on by `advanceMs` alone: a deadline that nobody reaches. */
export function untilAborted(_ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    if (signal?.aborted === true) reject(signal.reason);
    else signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
