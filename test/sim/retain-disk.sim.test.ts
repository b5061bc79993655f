import { beforeAll, describe, expect, test, vi } from 'vitest';
import { seededSeam } from '../../src/base/seam.ts';
import { JournalBodies } from '../../src/pipeline/journal/journal-bodies.ts';
import { Journal } from '../../src/pipeline/journal/journal.ts';
import { Processor } from '../../src/pipeline/processor.ts';
import { RetainedFiles } from '../../src/pipeline/retained-files.ts';
import type { RetainedStore } from '../../src/pipeline/retained-store.ts';
import { TallyObserver } from '../../src/pipeline/tally.ts';
import { type OpenPolicies, openPolicies } from '../../src/policies.ts';
import { retryAfterMs } from '../../src/storage/record-log.ts';
import { Session } from '../../src/store/duckdb.ts';
import { CollectingSink } from '../sql/store/support.ts';
import { nOne, startUnixNano } from '../support/durable-flow.ts';
import { type DiskFaults, FakeDisk } from '../support/fake-disk.ts';
import { type GivenRecord, type GivenSpan, itemsSeen, randomTrace, recordsMessages, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: spans and records of some hundred traces over a minute, late ones and such that come while their window is decided among them, in windows that wait on a
 * disk which writes short, fails to write, fills up and empties again; some windows are decided by the fallback.
 * Guarantees: the same items leave with the same thresholds and counts as from memory, whatever fails in writing; memory is let go of, and so is the disk. Where reading fails, what is lost
 * is counted, and all else leaves as it was.
 * Control: a disk whose batches are given back in another order makes other items leave.
 */

const steps = 16;

/** Times are those of arrival: a step is three seconds. */
function given(seed: number): { readonly spans: GivenSpan[][]; readonly records: GivenRecord[][] } {
  const chance = mulberry(seed);
  const spans: GivenSpan[][] = Array.from({ length: steps }, () => []);
  const records: GivenRecord[][] = Array.from({ length: steps }, () => []);
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < 8; i++) {
      const trace = randomTrace(chance);
      for (let part = 0; part < 4; part++) {
        const at = Math.min(steps - 1, step + (part === 0 ? 0 : Math.floor(chance() * 12)));
        spans[at].push({ trace, name: part === 0 ? ['a', 'b', 'c'][i % 3] : 'child', startMs: step * 1000 + i * 10 + part });
      }
      records[step].push({ trace, timeMs: step * 1000 + i, body: `r${i}` });
    }
  }
  return { spans, records };
}

let policies: OpenPolicies;
let failing: OpenPolicies;
beforeAll(async () => {
  const logs = { name: 'logs', text: "SELECT id, CASE WHEN body = 'r1' THEN 1.0 ELSE 0.4 END AS probability FROM logs" };
  policies = await openPolicies([{ name: 'sample', text: 'SELECT unnest(bottom_k(item, 5), recursive := true) FROM traces GROUP BY root_name' }, logs]);
  failing = await openPolicies([{ name: 'fails', text: 'SELECT trace_id, 1.0 + span_count AS probability FROM traces' }, logs]);
});

interface Left {
  readonly items: string[];
  readonly tally: TallyObserver;
  readonly heldBytesMax: number;
  readonly heldBytesLeft: number;
}

interface Plan {
  readonly seed: number;
  readonly store: RetainedStore | null;
  readonly journal?: Journal;
  readonly open?: OpenPolicies;
  /** Before each step. */
  readonly onStep?: (step: number) => void;
}

async function run({ seed, store, journal, open = policies, onStep = () => undefined }: Plan): Promise<Left> {
  const seam = { ...seededSeam(7, startUnixNano), hashKey: new Uint8Array(16) };
  const [sink, tally] = [new CollectingSink(), new TallyObserver()];
  const processor = await Processor.open({
    ...open, seam, time: 'arrival', windows: { tracesLengthMs: 10_000, tracesWaitMs: 10_000, logsLengthMs: 10_000 }, limits: { deadlineMs: 60_000, rowsMax: 1e7 },
    fallback: { n: nOne / 4n }, memoryLimitBytes: 2 ** 30, decisionsMax: 100_000, batchRowsMax: 8192, decodeLimits: {}, sinks: [sink], extraKeys: [], observer: tally, retained: store, journal: journal ?? null,
  });
  await processor.recover();
  const { spans, records } = given(seed);
  const streams = { traces: processor.intake.open('traces'), logs: processor.intake.open('logs') };
  const messages = { traces: spansMessages(spans), logs: recordsMessages(records) };
  let heldBytesMax = 0;
  for (let step = 0; step < steps; step++) {
    onStep(step);
    for (const signal of ['traces', 'logs'] as const) {
      const { ack } = await streams[signal].accept({ bytes: messages[signal][step], compressed: null, encoding: 'identity' });
      expect(ack.status).toBe('OK');
    }
    for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    heldBytesMax = Math.max(heldBytesMax, processor.memory.heldBy('retained'));
    seam.advanceMs(3000);
    await processor.advance(seam.nowUnixNano());
  }
  await processor.drain();
  const items = (['traces', 'logs'] as const).flatMap((signal) => itemsSeen(signal, sink.messages(signal)).map(({ key, threshold, count }) => `${signal} ${key} ${threshold} ${count}`)).sort();
  await journal?.close();
  const heldBytesLeft = processor.memory.heldBy('retained');
  processor.close();
  return { items, tally, heldBytesMax, heldBytesLeft };
}

/** Whatever failed is tried again a moment later. */
async function filesOn(disk: FakeDisk): Promise<RetainedFiles> {
  let nowMs = 0;
  const seam = { ...seededSeam(3), monotonicMs: () => (nowMs += retryAfterMs / 2) };
  return RetainedFiles.open({ disk, directory: '/data/retained', limitBytes: 1e9, segmentBytes: 2000, onError: 'memory', seam, onState: () => undefined });
}

/** The log of durability, as a place for batches: what it cannot write stays in memory. */
function journalOn(disk: FakeDisk): Journal {
  let nowMs = 0;
  const seam = { ...seededSeam(3), monotonicMs: () => (nowMs += retryAfterMs / 2) };
  return new Journal({
    disk, directory: '/data', mode: 'fsync', syncIntervalMs: 100, limitBytes: 1e9, segmentBytes: 2000, onError: 'memory', onCorrupt: 'refuse', horizonMs: 600_000, seam,
    observer: { state: () => undefined, damaged: () => undefined, unreadable: () => undefined, recovered: () => undefined },
  });
}

const unreadable = ({ bySignal: { traces, logs } }: TallyObserver): number => traces.unreadable + logs.unreadable;

describe('batches that wait on the disk', () => {
  test('leave as from memory, whatever fails in writing them', { timeout: 60_000 }, async () => {
    for (const [seed, faults] of [[1, { shortWrite: 0.3 }], [2, { shortWrite: 0.2, writeError: 0.2 }], [3, { capacityBytes: 2500 }]] as const satisfies [number, Partial<DiskFaults>][]) {
      const inMemory = await run({ seed, store: null });
      const disk = new FakeDisk(seed, faults);
      const files = await filesOn(disk);
      const onDisk = await run({ seed, store: files, onStep: (step) => { if (step === 10) disk.faults.capacityBytes = Infinity; } });
      expect(inMemory.items.length).toBeGreaterThan(60);
      expect(onDisk.items).toEqual(inMemory.items);
      expect(unreadable(onDisk.tally)).toBe(0);
      expect(onDisk.heldBytesLeft).toBe(0);
      if (seed === 1) expect(onDisk.heldBytesMax).toBeLessThan(inMemory.heldBytesMax * 0.8);
      else expect(disk.injected.writeError + disk.injected.full).toBeGreaterThan(0);
      await files.close();
      expect(await disk.list('/data/retained')).toEqual([]);
    }
  });

  test('in the log of durability, too', { timeout: 60_000 }, async () => {
    for (const [seed, faults] of [[7, { shortWrite: 0.3 }], [8, { writeError: 0.2, syncError: 0.1 }]] as const satisfies [number, Partial<DiskFaults>][]) {
      const inMemory = await run({ seed, store: null });
      const disk = new FakeDisk(seed, faults);
      const journal = journalOn(disk);
      const bodies = new JournalBodies(journal);
      let reads = 0;
      const read = bodies.read.bind(bodies);
      bodies.read = (places) => {
        reads += places.length;
        return read(places);
      };
      const onDisk = await run({ seed, store: bodies, journal });
      expect(reads).toBeGreaterThan(seed === 7 ? 20 : 3);
      expect(onDisk.items).toEqual(inMemory.items);
      expect(unreadable(onDisk.tally)).toBe(0);
      if (seed === 8) expect(disk.injected.writeError + disk.injected.syncError).toBeGreaterThan(3);
    }
  });

  test('a policy that fails: the fallback decides alike', { timeout: 30_000 }, async () => {
    const inMemory = await run({ seed: 4, store: null, open: failing });
    const onDisk = await run({ seed: 4, store: await filesOn(new FakeDisk(4)), open: failing });
    expect(inMemory.tally.bySignal.traces.policyFailures).toBeGreaterThan(3);
    expect(onDisk.items).toEqual(inMemory.items);
  });

  test('DuckDB itself fails on some windows: the batches are read for the fallback, and leave alike', { timeout: 30_000 }, async () => {
    const { run: query } = Session.prototype;
    let failures = 0;
    const failingEvery = (count: number): void => {
      let windows = 0;
      vi.spyOn(Session.prototype, 'run').mockImplementation(async function run(this: Session, sql: string) {
        if (!/^CREATE TABLE w\d+_traces AS/.test(sql) || ++windows % count !== 0) return query.call(this, sql);
        failures++;
        throw new Error('Out of Memory Error');
      });
    };
    try {
      failingEvery(2);
      const inMemory = await run({ seed: 6, store: null });
      failingEvery(2);
      const onDisk = await run({ seed: 6, store: await filesOn(new FakeDisk(6)) });
      expect(failures).toBeGreaterThan(3);
      expect(onDisk.items).toEqual(inMemory.items);
    } finally {
      vi.restoreAllMocks();
    }
  });

  test('where reading fails its items are lost and counted; all else leaves as it was', { timeout: 30_000 }, async () => {
    const inMemory = await run({ seed: 5, store: null });
    const disk = new FakeDisk(5, { readError: 0.3 });
    const onDisk = await run({ seed: 5, store: await filesOn(disk) });
    const all = new Set(inMemory.items);
    expect(onDisk.items.filter((item) => !all.has(item))).toEqual([]);
    expect(unreadable(onDisk.tally)).toBeGreaterThan(0);
    expect(unreadable(onDisk.tally)).toBe(inMemory.items.length - onDisk.items.length);
    expect(onDisk.items.length).toBeGreaterThan(0);
    expect(onDisk.heldBytesLeft).toBe(0);
  });

  test('control: batches that are mistaken for each other are noticed', { timeout: 30_000 }, async () => {
    const inMemory = await run({ seed: 1, store: null });
    const files = await filesOn(new FakeDisk(1));
    let last: Uint8Array | null = null;
    const read = files.read.bind(files);
    files.read = async (places) => (await read(places)).map((body) => {
      const given = last ?? body;
      if (body instanceof Uint8Array) last = body;
      return given;
    });
    const onDisk = await run({ seed: 1, store: files });
    expect(onDisk.items).not.toEqual(inMemory.items);
  });
});
