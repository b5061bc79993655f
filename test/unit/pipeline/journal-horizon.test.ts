import { afterEach, describe, expect, test } from 'vitest';
import type { JournalOptions } from '../../../src/pipeline/journal/journal.ts';
import { recordKinds } from '../../../src/pipeline/journal/records.ts';
import { openPolicies } from '../../../src/policies.ts';
import { readSegment } from '../../../src/storage/log-format.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { type DurableFlow, startProcess } from '../../support/durable-flow.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { itemsSeen, randomTrace, shareOf, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';

/**
 * Scenario: windows of 10 s and a horizon of 30 s; a late batch follows a decision, and is not delivered until long after the decision's horizon, when the process is killed.
 * Guarantees: the decision is there as long as a batch that followed it, whatever the policies are then; and goes with it, also where too little comes to fill a segment.
 */

const horizonMs = 30_000;
const chance = mulberry(17);
const traces = Array.from({ length: 40 }, () => randomTrace(chance));
const spans = traces.map((trace) => ({ trace, name: 'a', startMs: 1000 }));
const keptByHalf = traces.filter((trace) => shareOf(trace) <= 0.5).sort();

let flow: DurableFlow | null = null;
afterEach(() => {
  flow?.processor.close();
  flow = null;
});

async function start(disk: FakeDisk, sink: CollectingSink, atMs: number, probability: number, journaling: Partial<JournalOptions>): Promise<void> {
  const policies = await openPolicies([{ name: 'p', text: `SELECT trace_id, ${probability} AS probability FROM traces` }]);
  flow = await startProcess(disk, sink, atMs, { ...policies, horizonMs }, { horizonMs, ...journaling });
}

function running(): DurableFlow {
  if (flow === null) throw new Error('no process runs');
  return flow;
}

async function send(): Promise<string> {
  const [bytes] = spansMessages([spans]);
  return (await running().processor.intake.open('traces').accept({ bytes, compressed: null, encoding: 'identity' })).ack.status;
}

/** Time goes on in steps of 5 s. */
async function later(ms: number): Promise<void> {
  const { seam, processor } = running();
  for (let left = ms; left > 0; left -= 5000) {
    seam.advanceMs(Math.min(left, 5000));
    await processor.advance(seam.nowUnixNano());
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Kinds of all records of the log. */
async function kindsIn(disk: FakeDisk): Promise<number[]> {
  const names = (await disk.list('/data')).filter((name) => name.endsWith('.log'));
  const segments = await Promise.all(names.map((name) => disk.read(`/data/${name}`)));
  return segments.flatMap((bytes) => [...readSegment(bytes)].flatMap((entry) => ('body' in entry ? [entry.kind] : [])));
}

const sentOf = (sink: CollectingSink): string[] => itemsSeen('traces', sink.messages('traces')).map(({ trace }) => trace).sort();

describe('a decision in the log', () => {
  test('stays past its horizon as long as a batch that followed it', async () => {
    const [disk, first, second] = [new FakeDisk(1), new CollectingSink(), new CollectingSink()];
    await start(disk, first, 0, 0.5, { segmentBytes: 1 });
    expect(await send()).toBe('OK');
    await later(25_000);
    expect(sentOf(first)).toEqual(keptByHalf);
    Object.assign(first, { settled: () => new Promise<void>(() => {}) });
    expect(await send(), 'late, and never delivered').toBe('OK');
    await later(60_000);
    running().processor.close();
    await start(disk.restart('kill'), second, 85_000, 1, { segmentBytes: 1 });
    await later(60_000);
    expect(sentOf(second), 'late spans as they were decided, and nothing anew').toEqual(keptByHalf);
    expect(running().said.recovered).toMatchObject([{ batches: 1, batchesLost: 0 }]);
  });

  test.each([1, 2 ** 20])('goes when it is past its horizon and so is all that followed it; segments of %i bytes', async (segmentBytes) => {
    const disk = new FakeDisk(1);
    await start(disk, new CollectingSink(), 0, 0.5, { segmentBytes });
    expect(await send()).toBe('OK');
    await later(25_000);
    expect(await send(), 'late').toBe('OK');
    await later(20_000);
    expect(await kindsIn(disk)).toContain(recordKinds.decided);
    await later(60_000);
    const kinds = await kindsIn(disk);
    expect(kinds).not.toContain(recordKinds.decided);
    expect(kinds).not.toContain(recordKinds.batch);
  });

  test('makes room at storage.limit, which the log reaches before its segment is full', async () => {
    const disk = new FakeDisk(1);
    await start(disk, new CollectingSink(), 0, 0.5, { segmentBytes: 2 ** 20, limitBytes: 30_000 });
    const answers: string[] = [];
    for (let i = 0; i < 60; i++) answers.push(await send());
    expect(answers[0]).toBe('OK');
    expect(answers.at(-1), 'the log is full').toBe('RESOURCE_EXHAUSTED');
    await later(25_000 + horizonMs);
    expect(await send()).toBe('OK');
  });
});

describe('what counts for storage.limit', () => {
  test('is all that lies on the disk, also segments that a failing disk ended', async () => {
    const disk = new FakeDisk(1);
    await start(disk, new CollectingSink(), 0, 0.5, { segmentBytes: 2 ** 20 });
    expect(await send()).toBe('OK');
    disk.faults.syncError = 1;
    expect(await send()).toBe('RESOURCE_EXHAUSTED');
    disk.faults.syncError = 0;
    await later(5000);
    expect(await send()).toBe('OK');
    expect(disk.usedBytes).toBeGreaterThan(0);
    expect(running().journal.byteLength).toBeGreaterThanOrEqual(disk.usedBytes);
  });
});
