import { afterEach, describe, expect, test, vi } from 'vitest';
import { Journal } from '../../../src/pipeline/journal/journal.ts';
import { recordKinds } from '../../../src/pipeline/journal/records.ts';
import { openPolicies } from '../../../src/policies.ts';
import { probabilityOf } from '../../../src/sampling/probability.ts';
import { readSegment } from '../../../src/storage/log-format.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { type DurableFlow, startProcess } from '../../support/durable-flow.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { itemsSeen, randomTrace, type SeenItem, shareOf, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';

/**
 * Scenario: spans past the horizon decide their traces as they come; their batch is cleared out of the log, since nothing waits for it; the process dies, and
 * more spans of the traces come to the next one, which began within the horizon.
 * Guarantees: they follow those decisions, as without the crash: none of a dropped trace leaves, and what leaves of a kept one has its threshold.
 * Control: where these decisions are not logged by themselves, the policies decide the rest of the traces.
 */
const chance = mulberry(6);
const traces = Array.from({ length: 40 }, () => randomTrace(chance));
const others = Array.from({ length: 20 }, () => randomTrace(chance));
const horizonMs = 300_000;
const epochMs = 1.7e12;
const old = epochMs - 2 * horizonMs;
const fallback = 0.3;
const within = traces.filter((trace) => shareOf(trace) <= fallback);
const stepsBefore = 12;

type By = 'drop' | 'fallback';

afterEach(() => vi.restoreAllMocks());

async function send({ processor }: DurableFlow, given: readonly string[], startMs: number): Promise<void> {
  const [bytes] = spansMessages([given.map((trace) => ({ trace, startMs }))]);
  expect((await processor.intake.open('traces').accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
}

async function pass({ processor, seam }: DurableFlow): Promise<void> {
  seam.advanceMs(5000);
  await processor.advance(seam.nowUnixNano());
  await new Promise((resolve) => setImmediate(resolve));
}

/** What left of the traces before and after the crash, and the kinds of records in the oldest segment that the second process found. */
async function aroundCrash(by: By): Promise<{ readonly before: readonly SeenItem[]; readonly after: readonly SeenItem[]; readonly kinds: readonly number[] }> {
  const policies = await openPolicies([{ name: 'all', text: 'SELECT trace_id, 1.0 AS probability FROM traces' }]);
  const options = { ...policies, horizonMs, pastHorizon: { by, n: probabilityOf(fallback) } };
  const disk = new FakeDisk(1);
  const sinks = [new CollectingSink(), new CollectingSink()] as const;
  const seen = (sink: CollectingSink): SeenItem[] => itemsSeen('traces', sink.messages('traces')).filter(({ trace }) => traces.includes(trace));
  const first = await startProcess(disk, sinks[0], 0, options, { segmentBytes: 500, horizonMs });
  await send(first, traces, old);
  for (let step = 0; step < stepsBefore; step++) {
    await send(first, others.slice(step, step + 1), epochMs);
    await pass(first);
  }
  first.processor.close();
  const left = disk.restart('kill');
  const oldest = (await left.list('/data')).filter((name) => name.endsWith('.log')).sort()[0];
  const kinds = [...readSegment(await left.read(`/data/${oldest}`))].flatMap((entry) => ('body' in entry ? [entry.kind] : []));
  const second = await startProcess(left, sinks[1], stepsBefore * 5000, options, { segmentBytes: 500, horizonMs });
  await send(second, traces, epochMs);
  await second.processor.drain();
  second.processor.close();
  return { before: seen(sinks[0]), after: seen(sinks[1]), kinds };
}

const tracesOf = (items: readonly SeenItem[]): ReadonlySet<string> => new Set(items.map(({ trace }) => trace));
const thresholdsOf = (items: readonly SeenItem[]): ReadonlySet<string | null> => new Set(items.map(({ threshold }) => threshold));

describe.each([['drop', []], ['fallback', within]] as const)('past horizon: %s', (by, kept) => {
  test('what was decided for its age stays so though its batch is gone', async () => {
    const { before, after, kinds } = await aroundCrash(by);
    expect(kinds).not.toContain(recordKinds.batch);
    expect(kinds).toContain(recordKinds.past);
    expect(tracesOf(before)).toEqual(new Set(kept));
    expect(tracesOf(after)).toEqual(new Set(kept));
    expect(thresholdsOf(after)).toEqual(thresholdsOf(before));
  });

  test('control: decided anew where it is not logged', async () => {
    vi.spyOn(Journal.prototype, 'decidedAtArrival').mockImplementation(() => undefined);
    const { before, after } = await aroundCrash(by);
    expect(tracesOf(before)).toEqual(new Set(kept));
    expect(tracesOf(after)).toEqual(new Set(traces));
    expect(thresholdsOf(after)).toEqual(new Set(['0']));
  });
});

test('there are traces within the fallback, and others', () => {
  expect(within.length).toBeGreaterThan(5);
  expect(within.length).toBeLessThan(traces.length - 5);
});
