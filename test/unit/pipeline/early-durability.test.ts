import { afterEach, describe, expect, test, vi } from 'vitest';
import { recordKinds } from '../../../src/pipeline/journal/records.ts';
import type { ProcessorOptions } from '../../../src/pipeline/processor.ts';
import { type OpenPolicies, openPolicies } from '../../../src/policies.ts';
import { readSegment } from '../../../src/storage/log-format.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { startProcess } from '../../support/durable-flow.ts';
import { DurableWorld } from '../../support/durable-world.ts';
import { type SentSpan, sentSpans } from '../../support/partial-marks.ts';
import { type SpanSpec, spanMessages, spansOf } from './synthetic.ts';

const lengths = { tracesLengthMs: 10_000, tracesWaitMs: 30_000, logsLengthMs: 10_000 };
const early: Partial<ProcessorOptions> = { windows: { ...lengths, early: { waitAfterRootMs: 2000, limits: { spansMax: 3, bytesMax: Infinity } } } };
const keep = (p: number): Promise<OpenPolicies> => openPolicies([{ name: 'p', text: `SELECT trace_id, ${p} AS probability FROM traces` }]);
const root = (trace: number, name: string): SpanSpec => ({ trace, name, startMs: 1.7e12 });
const child = (trace: number, name: string): SpanSpec => ({ ...root(trace, name), isChild: true });

class World extends DurableWorld {
  sink = new CollectingSink();

  async start(policies: OpenPolicies, options: Partial<ProcessorOptions> = early): Promise<void> {
    this.flow = await startProcess(this.disk, this.sink, this.atMs, { ...policies, ...options }, { segmentBytes: 300 });
  }

  async send(...spans: readonly SpanSpec[]): Promise<void> {
    const [bytes] = spanMessages([spans]);
    expect((await this.running.processor.intake.open('traces').accept({ bytes, compressed: null, encoding: 'identity' })).ack.status).toBe('OK');
  }

  override kill(): void {
    super.kill();
    this.sink = new CollectingSink();
  }

  /** Names and counts of what left. */
  get sent(): string[] {
    return spansOf(this.sink.messages('traces')).map(({ name, count }) => `${name} x${count}`).sort();
  }

  get sentSpans(): SentSpan[] {
    return sentSpans(this.sink.messages('traces'));
  }

  async kinds(): Promise<number[]> {
    const segments = await Promise.all((await this.disk.list('/data')).map((name) => this.disk.read(`/data/${name}`)));
    return segments.flatMap((bytes) => [...readSegment(bytes)].flatMap((entry) => ('body' in entry ? [entry.kind] : [])));
  }
}

let world = new World();
afterEach(() => {
  world.flow?.processor.close();
  world = new World();
});

/** Trace 1 is decided early, with its root; trace 2 waits. */
async function decideFirst(): Promise<void> {
  await world.start(await keep(0.5));
  await world.send(root(1, 'a'), child(1, 'b'), child(2, 'c'));
  await world.later(10_000);
  await world.later(2000);
  expect(world.sent).toEqual(['a x2', 'b x2']);
}

describe('a restart after an early decision', () => {
  test('keeps it, sends nothing twice that was delivered, and decides the rest by the policies of now', async () => {
    await decideFirst();
    world.kill();
    await world.start(await keep(0.25));
    expect(world.sent).toEqual([]);
    await world.send(child(1, 'late'), child(2, 'd'));
    await world.later(3000);
    expect(world.sent).toEqual(['late x2']);
    await world.later(30_000);
    expect(world.sent).toEqual(['c x4', 'd x4', 'late x2']);
  });

  test('sends again what is not known to be delivered, also where the window is decided by then, and where early decisions are off now', async () => {
    for (const isDecided of [false, true]) {
      world = new World();
      Object.assign(world.sink, { settled: () => new Promise<void>(() => {}) });
      await decideFirst();
      if (isDecided) await world.later(30_000);
      world.kill();
      await world.start(await keep(0.25), { windows: lengths });
      await world.later(isDecided ? 1000 : 31_000);
      await vi.waitFor(() => expect(world.sent).toEqual(isDecided ? ['a x2', 'b x2', 'c x2'] : ['a x2', 'b x2', 'c x4']));
      expect(world.running.tally.firstError).toBeNull();
      world.flow?.processor.close();
    }
  });

  test('remembers it until the horizon, with why it was on part of the evidence, when all is delivered', async () => {
    await world.start(await keep(0.5));
    await world.send(child(1, 'a'), child(1, 'b'), child(1, 'c'), child(1, 'd'));
    await world.later(1000);
    expect(world.sent).toHaveLength(4);
    for (let i = 0; i < 8; i++) {
      await world.send(child(3 + i, 'other'));
      await world.later(10_000);
    }
    for (let i = 0; i < 10; i++) await world.later(5000);
    const kinds = await world.kinds();
    expect(kinds).toContain(recordKinds.early);
    world.kill();
    await world.start(await keep(0.25));
    await world.send(child(1, 'late'));
    await world.later(1000);
    expect(world.sentSpans).toMatchObject([{ count: 2, partial: 'trace_size' }]);
  });

  test('goes on with sessions: what has ended keeps its decision, what grows is waited for', async () => {
    const sessions: Partial<ProcessorOptions> = { windows: { ...lengths, tracesWaitMs: 60_000, early: { waitAfterRootMs: null, limits: null, sessions: { gapMs: 8000, waitMs: 10_000 } } } };
    await world.start(await keep(0.5), sessions);
    await world.send(root(1, 'a'), root(2, 'b'));
    await world.later(1000);
    await world.later(14_000);
    await world.send(child(2, 'c'));
    for (let i = 0; i < 5; i++) await world.later(1000);
    expect(world.sent).toEqual(['a x2']);
    world.kill();
    await world.start(await keep(0.25), sessions);
    await world.later(1000);
    await world.send(child(1, 'late'), child(2, 'd'));
    for (let i = 0; i < 7; i++) await world.later(1000);
    expect(world.sent).toEqual(['late x2']);
    for (let i = 0; i < 10; i++) await world.later(1000);
    expect(world.sent).toEqual(['b x4', 'c x4', 'd x4', 'late x2']);
    expect([world.running.processor.held('traces').items, world.running.tally.sessionsCutTraces]).toEqual([0, 0]);
  });

  test('gives sinks of what is dropped only what was dropped', async () => {
    const dropped = new CollectingSink();
    const traces = { kept: [world.sink], dropped: [dropped] };
    const routes = { traces, logs: { kept: [], dropped: [] }, metrics: { kept: [], dropped: [] } };
    const some = await openPolicies([{ name: 'p', text: "SELECT trace_id, 1.0 AS probability FROM traces WHERE root_name = 'a'" }]);
    await world.start(some, { ...early, sinks: [world.sink, dropped], routes });
    await world.send(root(1, 'a'), child(1, 'b'), child(2, 'c'));
    await world.later(10_000);
    await world.later(2000);
    expect(world.sent).toEqual(['a x1', 'b x1']);
    world.kill();
    await world.start(some, { ...early, sinks: [world.sink, dropped], routes: { ...routes, traces: { kept: [world.sink], dropped: [dropped] } } });
    await world.later(31_000);
    expect(world.sent).toEqual([]);
    expect(spansOf(dropped.messages('traces')).map(({ name }) => name)).toEqual(['c']);
  });
});
