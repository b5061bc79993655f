import { expect, test } from 'vitest';
import { openPolicies } from '../../../src/policies.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { type DurableFlow, startProcess } from '../../support/durable-flow.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { type GivenSpan, itemsSeen, randomTrace, type SeenItem, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';

/*
 * Scenario: a process with durability decides a window of traces that were sampled at the head, and is killed before they are delivered; spans come late, before and after that.
 * Guarantees: the next process sends the same spans again with the same counts, though what the roots say is not read again; late spans leave with the count and the randomness of their
 * trace, and as unknown where its root said nothing.
 */
const windows = { tracesLengthMs: 10_000, tracesWaitMs: 10_000, logsLengthMs: 10_000, rootSays: { served: null } };
const chance = mulberry(5);
const traces = Array.from({ length: 400 }, () => randomTrace(chance));
const isSilent = (trace: string): boolean => traces.indexOf(trace) % 4 === 0;

function headSampled(): GivenSpan[] {
  return traces.flatMap((trace): GivenSpan[] => [
    { trace, parent: '02'.repeat(8), name: 'child', startMs: 1000 },
    { trace, startMs: 1000, ...(isSilent(trace) ? {} : { attributes: { 'jaeger.sampler.type': 'probabilistic', 'jaeger.sampler.param': 1 / 8 } }) },
  ]);
}

function late(name: string): GivenSpan[] {
  return traces.map((trace) => ({ trace, parent: '02'.repeat(8), name, startMs: 1000 }));
}

function sorted(items: readonly SeenItem[]): string[] {
  return items.map(({ trace, key, count, isUnknown, threshold }) => `${trace} ${key} ${isUnknown ? 'unknown' : count} ${threshold}`).sort();
}

/** What leaves of each trace: its count, or that it is unknown. */
function counts(items: readonly SeenItem[]): string[] {
  return [...new Set(items.map(({ trace, count, isUnknown, threshold }) => `${trace} ${isUnknown ? 'unknown' : count.toFixed(6)} ${threshold}`))].sort();
}

class Process {
  readonly sink: CollectingSink;
  readonly flow: DurableFlow;
  #seen = 0;

  constructor(flow: DurableFlow, sink: CollectingSink) {
    this.flow = flow;
    this.sink = sink;
  }

  static async start(disk: FakeDisk, atMs: number, delivers: boolean): Promise<Process> {
    const sink = Object.assign(new CollectingSink(), delivers ? {} : { settled: () => new Promise<void>(() => {}) });
    const policies = await openPolicies([{ name: 'p', text: 'SELECT trace_id, 0.05 AS probability FROM traces' }]);
    return new Process(await startProcess(disk, sink, atMs, { ...policies, windows }, {}), sink);
  }

  async send(spans: readonly GivenSpan[]): Promise<void> {
    // Each message is the first of its stream, for its encoder begins anew.
    const stream = this.flow.processor.intake.open('traces', { withoutThreshold: 'unknown' });
    for (const bytes of spansMessages([spans])) expect((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
  }

  async later(ms: number): Promise<void> {
    this.flow.seam.advanceMs(ms);
    await this.flow.processor.advance(this.flow.seam.nowUnixNano());
  }

  /** What left since this was last asked. */
  async left(): Promise<SeenItem[]> {
    await this.later(1000);
    const items = itemsSeen('traces', this.sink.messages('traces'), 'unknown');
    const fresh = items.slice(this.#seen);
    this.#seen = items.length;
    return fresh;
  }
}

test('what roots said outlives the decision, and a kill before its delivery', async () => {
  const disk = new FakeDisk(1);
  const first = await Process.start(disk, 0, false);
  await first.send(headSampled());
  await first.later(25_000);
  const sent = await first.left();
  expect(sent.filter(({ isUnknown }) => !isUnknown).length).toBeGreaterThan(40);
  expect(sent.filter(({ isUnknown }) => isUnknown).length).toBeGreaterThan(0);
  expect(sent.every(({ trace, count, isUnknown, threshold }) => threshold === null && (isSilent(trace) ? isUnknown : Math.abs(count - 20) < 1e-9))).toBe(true);
  await first.send(late('late'));
  expect(counts(await first.left())).toEqual(counts(sent));
  first.flow.processor.close();

  const second = await Process.start(disk.restart('kill'), 27_000, true);
  expect(second.flow.said.recovered).toMatchObject([{ batchesLost: 0 }]);
  await second.later(25_000);
  const again = await second.left();
  expect(sorted(again)).toEqual(expect.arrayContaining(sorted(sent)));
  expect(counts(again)).toEqual(counts(sent));
  await second.send(late('later still'));
  const after = await second.left();
  expect(after.length).toBe(new Set(sent.map(({ trace }) => trace)).size);
  expect(counts(after)).toEqual(counts(sent));
  second.flow.processor.close();
});
