import { afterEach, expect, test, vi } from 'vitest';
import { Journal } from '../../../src/pipeline/journal/journal.ts';
import { recordKinds } from '../../../src/pipeline/journal/records.ts';
import { type OpenPolicies, openPolicies } from '../../../src/policies.ts';
import { probabilityOf } from '../../../src/sampling/probability.ts';
import { readSegment } from '../../../src/storage/log-format.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { type DurableFlow, startProcess } from '../../support/durable-flow.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { itemsSeen, randomTrace, shareOf, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';

/**
 * Scenario: stress relief sheds the first span of a trace; its batch is cleared out of the log, since nothing waits for it; the process dies, and
 * more spans of the trace come to the next one.
 * Guarantees: none of the trace leaves, as without the crash.
 * Control: where what was shed is not logged by itself, the rest of the trace is kept.
 */
const chance = mulberry(5);
const traces = Array.from({ length: 40 }, () => randomTrace(chance));
const others = Array.from({ length: 20 }, () => randomTrace(chance));
const limit = 0.3;

afterEach(() => vi.restoreAllMocks());

async function send({ processor }: DurableFlow, given: readonly string[]): Promise<void> {
  const [bytes] = spansMessages([given.map((trace) => ({ trace, startMs: 0 }))]);
  expect((await processor.intake.open('traces').accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
}

async function pass({ processor, seam }: DurableFlow): Promise<void> {
  seam.advanceMs(5000);
  await processor.advance(seam.nowUnixNano());
  await new Promise((resolve) => setImmediate(resolve));
}

const stepsBefore = 12;

/** Traces of which something left the second process, but for others, and the kinds of records in the oldest segment that it found. */
async function keptAfterCrash(policies: OpenPolicies): Promise<{ readonly kept: ReadonlySet<string>; readonly kinds: readonly number[] }> {
  const disk = new FakeDisk(1);
  const first = await startProcess(disk, new CollectingSink(), 0, policies, { segmentBytes: 500 });
  first.processor.limitInput(probabilityOf(limit));
  await send(first, traces);
  first.processor.limitInput(probabilityOf(1));
  for (let step = 0; step < stepsBefore; step++) {
    await send(first, others.slice(step, step + 1));
    await pass(first);
  }
  first.processor.close();
  const left = disk.restart('kill');
  const oldest = (await left.list('/data')).sort()[0];
  const kinds = [...readSegment(await left.read(`/data/${oldest}`))].flatMap((entry) => ('body' in entry ? [entry.kind] : []));
  const sink = new CollectingSink();
  const second = await startProcess(left, sink, stepsBefore * 5000, policies, { segmentBytes: 500 });
  await send(second, traces);
  await second.processor.drain();
  second.processor.close();
  return { kept: new Set(itemsSeen('traces', sink.messages('traces')).map(({ key }) => key.split(' ')[0]).filter((trace) => traces.includes(trace))), kinds };
}

function keepAll(): Promise<OpenPolicies> {
  return openPolicies([{ name: 'all', text: 'SELECT trace_id, 1.0 AS probability FROM traces' }]);
}

const shed = traces.filter((trace) => shareOf(trace) > limit);

test('what was shed stays dropped though its batch is gone', async () => {
  const { kept, kinds } = await keptAfterCrash(await keepAll());
  expect(kinds).not.toContain(recordKinds.batch);
  expect(kinds).toContain(recordKinds.shed);
  expect(kept).toEqual(new Set(traces.filter((trace) => !shed.includes(trace))));
});

test('control: kept where it is not logged', async () => {
  vi.spyOn(Journal.prototype, 'decidedAtArrival').mockImplementation(() => undefined);
  const { kept } = await keptAfterCrash(await keepAll());
  expect(shed.length).toBeGreaterThan(20);
  expect(kept.size).toBe(traces.length);
});
