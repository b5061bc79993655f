import { afterEach, describe, expect, test } from 'vitest';
import { deferred } from '../../../src/base/deferred.ts';
import type { Seam } from '../../../src/base/seam.ts';
import type { JournalOptions } from '../../../src/pipeline/journal/journal.ts';
import { recordKinds } from '../../../src/pipeline/journal/records.ts';
import type { ProcessorOptions } from '../../../src/pipeline/processor.ts';
import { type OpenPolicies, openPolicies } from '../../../src/policies.ts';
import { readSegment } from '../../../src/storage/log-format.ts';
import { replaceSegment, retryAfterMs, segmentOf } from '../../../src/storage/record-log.ts';
import { CollectingSink } from '../../sql/store/support.ts';
import { type DurableFlow, startProcess, untilAborted } from '../../support/durable-flow.ts';
import { DurableWorld } from '../../support/durable-world.ts';
import { type GivenSpan, itemsSeen, randomTrace, shareOf, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';

const chance = mulberry(11);
const traces = Array.from({ length: 200 }, () => randomTrace(chance));
const traceOf = (index: number): string => traces[index];
const spansOf = (from: number, count = 10): GivenSpan[] => Array.from({ length: count }, (_, i) => ({ trace: traceOf(from + i), name: 'a', startMs: 1000 }));

class World extends DurableWorld {
  sink = new CollectingSink();

  async start(policies: OpenPolicies, journaling: Partial<JournalOptions> = {}, options: Partial<ProcessorOptions> = {}, afterFailure: (() => Promise<void>) | null = null): Promise<DurableFlow> {
    const sleepMs: Seam['sleepMs'] = (ms, signal) => (ms === retryAfterMs && afterFailure !== null ? afterFailure() : untilAborted(ms, signal));
    this.flow = await startProcess(this.disk, this.sink, this.atMs, { ...policies, ...options }, journaling, sleepMs);
    return this.flow;
  }

  /** Status of each message, each 10 spans, on a stream of its own. */
  async send(...lists: readonly (readonly GivenSpan[])[]): Promise<string[]> {
    const stream = this.running.processor.intake.open('traces');
    const answers: string[] = [];
    for (const bytes of spansMessages(lists)) answers.push((await stream.accept({ bytes, compressed: null, encoding: 'identity' })).ack.status);
    return answers;
  }

  override kill(): void {
    super.kill();
    this.sink = new CollectingSink();
  }

  get sent(): string[] {
    return itemsSeen('traces', this.sink.messages('traces')).map(({ trace }) => trace).sort();
  }

  /** Number and kinds of the records of each segment. */
  async segments(): Promise<{ readonly number: number; readonly kinds: number[] }[]> {
    const numbers = (await this.disk.list('/data')).flatMap((name) => segmentOf(name) ?? []).sort((a, b) => a - b);
    return Promise.all(numbers.map(async (number) => ({ number, kinds: [...readSegment(await this.disk.read(pathOf(number)))].flatMap((entry) => ('body' in entry ? [entry.kind] : [])) })));
  }
}

const compile = (text: string): Promise<OpenPolicies> => openPolicies([{ name: 'p', text }]);
const pathOf = (segment: number): string => `/data/${String(segment).padStart(10, '0')}.log`;
const sortedTraces = (...spans: readonly GivenSpan[][]): string[] => spans.flat().map(({ trace }) => trace).sort();
const keepAll = 'SELECT trace_id, 1.0 AS probability FROM traces';
let world = new World();
afterEach(() => {
  world.flow?.processor.close();
  world = new World();
});

describe('a restart', () => {
  test('goes on with open windows, from OTAP and from OTLP, and with what it remembers of decided ones', async () => {
    const half = await compile('SELECT trace_id, 0.5 AS probability FROM traces');
    await world.start(half);
    expect(await world.send(spansOf(0), spansOf(10))).toEqual(['OK', 'OK']);
    await world.later(25_000);
    const first = world.sent;
    expect(first).toEqual(sortedTraces(spansOf(0), spansOf(10)).filter((trace) => shareOf(trace) <= 0.5));
    expect(await world.send(spansOf(20))).toEqual(['OK']);
    const request = { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: traceOf(30), spanId: '01'.repeat(8), name: 'a' }] }] }] };
    expect((await world.running.processor.intake.openOtlp('traces').accept({ bytes: otlpBytes('traces', request), compressed: null, encoding: 'identity' })).status).toBe('OK');
    world.kill();
    const { said } = await world.start(half);
    expect(said.recovered).toMatchObject([{ batches: 4, items: 31, windowsDecided: 1, windowsSentAgain: 0, batchesLost: 0 }]);
    expect(world.sent, 'what was delivered is not sent again').toEqual([]);
    expect(await world.send(spansOf(0)), 'late spans follow').toEqual(['OK']);
    await world.later(25_000);
    expect(world.sent).toEqual(sortedTraces(spansOf(20), spansOf(30, 1), spansOf(0)).filter((trace) => shareOf(trace) <= 0.5));
  });

  // Guarantees: a decided window whose delivery is not on record is sent again as it was decided, whatever the policies are now. Control: without the decision it is not.
  test('sends what was decided as it was decided, though the policies are others now', async () => {
    const [few, all] = [await compile('SELECT trace_id, 0.3 AS probability FROM traces'), await compile(keepAll)];
    const expected = sortedTraces(spansOf(0, 40)).filter((trace) => shareOf(trace) <= 0.3);
    for (const hasDecision of [true, false]) {
      world = new World();
      Object.assign(world.sink, { settled: () => new Promise<void>(() => {}) });
      await world.start(few);
      await world.send(spansOf(0, 40));
      await world.later(25_000);
      expect(world.sent).toEqual(expected);
      world.kill();
      if (!hasDecision) await withoutKinds(world, recordKinds.decided);
      const { said } = await world.start(all);
      await world.later(25_000);
      expect(said.recovered[0]?.windowsSentAgain).toBe(hasDecision ? 1 : 0);
      if (hasDecision) expect(world.sent).toEqual(expected);
      else expect(world.sent).toEqual(sortedTraces(spansOf(0, 40)));
    }
  });

  test('finds nothing but decisions of what is delivered, until the horizon', async () => {
    const policies = await compile(keepAll);
    await world.start(policies, { segmentBytes: 1000, horizonMs: 200_000 });
    for (let i = 0; i < 6; i++) {
      await world.send(spansOf(i * 10));
      await world.later(5000);
    }
    for (let i = 0; i < 10; i++) await world.later(5000);
    const kinds = (await world.segments()).slice(0, -1).flatMap((segment) => segment.kinds);
    expect(kinds).not.toContain(recordKinds.batch);
    expect(kinds).toContain(recordKinds.decided);
    world.kill();
    const { said } = await world.start(policies, { segmentBytes: 1000, horizonMs: 200_000 });
    expect(said.recovered).toMatchObject([{ windowsSentAgain: 0, batchesLost: 0 }]);
    for (let i = 0; i < 30; i++) await world.later(10_000);
    expect(world.sent).toEqual([]);
    const late = (await world.segments()).flatMap((segment) => segment.kinds).filter((kind) => kind === recordKinds.decided);
    expect(late.length).toBeLessThan(3);
  });

  test('with other lengths of windows says what to do', async () => {
    const policies = await compile(keepAll);
    await world.start(policies);
    await world.send(spansOf(0));
    world.kill();
    const windows = { tracesLengthMs: 5000, tracesWaitMs: 10_000, logsLengthMs: 10_000 };
    await expect(world.start(policies, {}, { windows })).rejects.toMatchObject({ reason: 'windows_changed', message: expect.stringContaining('windows.traces.length is 5000 ms') });
  });
});

async function withoutKinds({ disk }: World, without: number): Promise<void> {
  for (const name of await disk.list('/data')) {
    const number = segmentOf(name) ?? 0;
    const records = [...readSegment(await disk.read(pathOf(number)))].flatMap((entry) => ('body' in entry && entry.kind !== without && entry.kind !== recordKinds.closed ? [entry] : []));
    await replaceSegment(disk, '/data', number, records);
  }
}

describe('a disk that cannot be written', () => {
  test.each([['storage_full', { capacityBytes: 0 }], ['storage_read_only', { isReadOnly: true }], ['storage_failed', { syncError: 1 }]] as const)('%s: senders are told to come again, what is there goes on', async (reason, fault) => {
    await world.start(await compile(keepAll));
    expect(await world.send(spansOf(0))).toEqual(['OK']);
    Object.assign(world.disk.faults, fault);
    expect(await world.send(spansOf(10), spansOf(20))).toEqual(['RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED']);
    expect(world.running.said.states).toEqual([reason]);
    Object.assign(world.disk.faults, { capacityBytes: Infinity, isReadOnly: false, syncError: 0 });
    await world.later(retryAfterMs);
    expect(await world.send(spansOf(10))).toEqual(['OK']);
    expect(world.running.said.states).toEqual([reason, null]);
    await world.later(30_000);
    expect(new Set(world.sent)).toEqual(new Set(sortedTraces(spansOf(0), spansOf(10))));
  });

  // Control: with on_error memory it leaves at once, and is counted.
  test.each(['refuse', 'memory'] as const)('a decision that cannot be logged: %s', async (onError) => {
    const policies = await compile(keepAll);
    const [waits, time] = [deferred<void>(), deferred<void>()];
    await world.start(policies, { onError }, {}, () => {
      waits.resolve();
      return time.promise;
    });
    await world.send(spansOf(0));
    world.disk.faults.writeError = 1;
    const decided = world.later(30_000);
    await (onError === 'memory' ? decided : waits.promise);
    expect(world.sent).toEqual(onError === 'memory' ? sortedTraces(spansOf(0)) : []);
    expect(world.running.said.unlogged).toBe(onError === 'memory' ? 1 : 0);
    if (onError === 'memory') return;
    expect(await world.send(spansOf(10)), 'nothing overtakes it').toEqual(['RESOURCE_EXHAUSTED']);
    world.disk.faults.writeError = 0;
    world.running.seam.advanceMs(retryAfterMs);
    time.resolve();
    await decided;
    expect(world.sent).toEqual(sortedTraces(spansOf(0)));
    expect((await world.segments()).flatMap(({ kinds }) => kinds)).toContain(recordKinds.decided);
    expect(await world.send(spansOf(10))).toEqual(['OK']);
  });

  test('a decision that was logged later is remembered as long as others, once its segment is cleared away', async () => {
    const [waits, time] = [deferred<void>(), deferred<void>()];
    await world.start(await compile(keepAll), { segmentBytes: 1000 }, {}, () => {
      waits.resolve();
      return time.promise;
    });
    await world.send(spansOf(0));
    const { journal } = world.running;
    const append = journal.decided.bind(journal);
    journal.decided = (...decision) => {
      journal.decided = append;
      world.disk.faults.writeError = 1;
      return append(...decision);
    };
    const decided = world.later(30_000);
    await waits.promise;
    world.disk.faults.writeError = 0;
    world.running.seam.advanceMs(retryAfterMs);
    time.resolve();
    await decided;
    await world.send(spansOf(10));
    await world.send(spansOf(20));
    for (let i = 0; i < 10; i++) await world.later(5000);
    const segments = (await world.segments()).map(({ kinds }) => kinds);
    expect(segments[0], 'cleared away but for it').toEqual([recordKinds.decided]);
    expect(segments.flat().filter((kind) => kind === recordKinds.decided).length).toBe(2);
  });

  test('the last of a file system is for decisions: batches are refused before it is full, and windows leave, which makes room', async () => {
    await world.start(await compile(keepAll), { limitBytes: 2 ** 20 });
    await world.send(spansOf(0));
    world.disk.faults.capacityBytes = world.disk.usedBytes + 2 ** 16 - 1;
    await world.running.journal.tick();
    expect(await world.send(spansOf(10))).toEqual(['RESOURCE_EXHAUSTED']);
    await world.later(30_000);
    expect(world.sent).toEqual(sortedTraces(spansOf(0)));
    expect((await world.segments()).flatMap(({ kinds }) => kinds)).toContain(recordKinds.exported);
    world.disk.faults.capacityBytes = Infinity;
    await world.later(30_000);
    expect(await world.send(spansOf(10))).toEqual(['OK']);
  });

  test('with on_error memory data is taken on, and what the log has survives', async () => {
    const policies = await compile(keepAll);
    await world.start(policies, { onError: 'memory' });
    await world.send(spansOf(0));
    world.disk.faults.isReadOnly = true;
    expect(await world.send(spansOf(10), spansOf(20))).toEqual(['OK', 'OK']);
    expect(world.running.said.states[0]).toBe('storage_read_only');
    world.disk.faults.isReadOnly = false;
    await world.later(retryAfterMs);
    expect(await world.send(spansOf(30))).toEqual(['OK']);
    world.kill();
    await world.start(policies);
    await world.later(30_000);
    expect(world.sent).toEqual(sortedTraces(spansOf(0), spansOf(30)));
  });

  test('storage.limit refuses, or takes into memory, and says which', async () => {
    const policies = await compile(keepAll);
    await world.start(policies, { limitBytes: 6000 });
    const answers = await world.send(...Array.from({ length: 12 }, (_, i) => spansOf(i * 10)));
    expect(answers.slice(0, 2)).toEqual(['OK', 'OK']);
    expect(answers.at(-1)).toBe('RESOURCE_EXHAUSTED');
    world.flow?.processor.close();
    world = new World();
    await world.start(policies, { limitBytes: 6000, onError: 'memory' });
    expect(new Set(await world.send(...Array.from({ length: 12 }, (_, i) => spansOf(i * 10))))).toEqual(new Set(['OK']));
    expect(world.running.said.states).toEqual(['storage_limit']);
  });
});

describe('a damaged record', () => {
  test.each(['skip', 'refuse'] as const)('%s: is named, with its segment and place', async (onCorrupt) => {
    const policies = await compile(keepAll);
    await world.start(policies);
    for (let i = 0; i < 4; i++) await world.send(spansOf(i * 10));
    world.kill();
    const [{ number }] = await world.segments();
    const bytes = Buffer.from(await world.disk.read(pathOf(number)));
    const second = bytes.indexOf('TREC', bytes.indexOf('TREC', bytes.indexOf('TREC') + 1) + 1);
    world.disk.corrupt(pathOf(number), second + 20);
    if (onCorrupt === 'refuse') {
      await expect(world.start(policies, { onCorrupt })).rejects.toMatchObject({ status: 'DATA_LOSS', reason: 'segment_corrupt', message: expect.stringContaining(`${pathOf(number)}: `) });
      return;
    }
    const { said } = await world.start(policies, { onCorrupt });
    expect(said.damage).toMatchObject([{ segment: pathOf(number), at: second, isTail: false }]);
    expect(said.recovered).toMatchObject([{ batches: 3, batchesLost: 1 }]);
    await world.later(30_000);
    expect(world.sent).toEqual(sortedTraces(spansOf(10), spansOf(20), spansOf(30)));
  });
});
