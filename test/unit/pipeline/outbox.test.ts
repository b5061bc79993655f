import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { JournalOptions } from '../../../src/pipeline/journal/journal.ts';
import { RestOfLot } from '../../../src/pipeline/outbox/rest-of-lot.ts';
import type { ProcessorOptions } from '../../../src/pipeline/processor.ts';
import { openPolicies } from '../../../src/policies.ts';
import { HeldBatch } from '../../../src/store/held-batch.ts';
import { type DurableFlow, startProcess } from '../../support/durable-flow.ts';
import { DurableWorld } from '../../support/durable-world.ts';
import { randomTrace, shareOf, spansMessages } from '../../support/given-messages.ts';
import { mulberry } from '../../support/mulberry.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';
import { queueTo, SlowHop } from '../../support/slow-hop.ts';

/**
 * Scenario: the real processor with a log on a fake disk, under a fake clock; sinks are real queues before next hops that are away, or slow.
 * Guarantees: what is kept for a hop that is away waits in the log and not in memory; nothing is lost, nothing comes twice without a crash, nobody else waits.
 */

const half = await openPolicies([{ name: 'half', text: 'SELECT trace_id, 0.5 AS probability FROM traces' }]);
/** Traces of more than two spans at once, others with their windows. */
const all = await openPolicies([{ name: 'all', text: 'SELECT trace_id, 1.0 AS probability FROM traces WHERE span_count > 2 UNION ALL SELECT trace_id, 1.0 AS probability FROM traces WHERE span_count < 3' }]);
const isKept = (key: string): boolean => shareOf(key.slice(0, 32)) <= 0.5;
const spanId = (index: number): string => (index + 1).toString(16).padStart(16, '0');
/** Patience with a sink is over soon, and with a disk; deadlines of policies are not. */
const soon = (ms: number, signal?: AbortSignal): Promise<void> => sleep(ms <= 5000 ? world.patienceMs : ms, undefined, signal === undefined ? {} : { signal });

class World extends DurableWorld {
  readonly chance = mulberry(23);
  readonly acknowledged: string[] = [];
  patienceMs = 5;
  /** Most that was held, but for remembered decisions, which have a bound of their own. */
  held = 0;

  async start(sinks: ProcessorOptions['sinks'], journaling: Partial<JournalOptions> = {}, options: Partial<ProcessorOptions> = {}): Promise<DurableFlow> {
    this.flow = await startProcess(this.disk, sinks[0], this.atMs, { ...half, sinks, ...options }, journaling, soon);
    return this.flow;
  }

  /** One request over OTLP or OTAP: traces of some spans each, with a text that no compression makes much smaller. */
  async send(traces: readonly string[], spansEach: number, form: 'otlp' | 'otap' = 'otlp', first = 0): Promise<string> {
    const spans = traces.flatMap((trace) => Array.from({ length: spansEach }, (_, index) => ({ trace, index: first + index })));
    const pad = (): string => randomTrace(this.chance) + randomTrace(this.chance);
    const { intake } = this.running.processor;
    const bytes = form === 'otlp'
      ? otlpBytes('traces', { resourceSpans: [{ scopeSpans: [{ spans: spans.map(({ trace, index }) => ({ traceId: trace, spanId: spanId(index), name: 'a', attributes: [{ key: 'pad', value: { stringValue: pad() } }] })) }] }] })
      : spansMessages([spans.map(({ trace }) => ({ trace, startMs: 1000, attributes: { pad: pad() } }))])[0];
    const message = { bytes, compressed: null, encoding: 'identity' };
    const { status } = form === 'otlp' ? await intake.openOtlp('traces').accept(message) : (await intake.open('traces').accept(message)).ack;
    if (status === 'OK') spans.forEach(({ trace, index }, place) => this.acknowledged.push(`${trace}/${spanId(form === 'otlp' ? index : place)}`));
    return status;
  }

  override async later(ms: number): Promise<void> {
    await super.later(ms);
    const { memory } = this.running.processor;
    this.held = Math.max(this.held, memory.heldBytes - memory.heldBy('decisions'));
  }

  fresh(count: number): string[] {
    return Array.from({ length: count }, () => randomTrace(this.chance));
  }

  missing(hop: SlowHop): number {
    return this.acknowledged.filter((key) => isKept(key) && !hop.received.has(key)).length;
  }

  wrong(hop: SlowHop): number {
    return [...hop.received.keys()].filter((key) => !isKept(key)).length;
  }
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

let world = new World();
afterEach(() => {
  vi.restoreAllMocks();
  world.flow?.processor.close();
  world = new World();
});

/** Windows of 100 spans each, about 12 kB. */
async function windows(count: number, lengthMs = 10_000): Promise<void> {
  for (let i = 0; i < count; i++) {
    await world.send(world.fresh(20), 5);
    await world.later(lengthMs);
  }
}

/** Lets the journal clear away until `isDone`; fails after a while. */
async function tidied(isDone: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !isDone(); i++) {
    await world.running.journal.tick();
    await sleep(1);
  }
  expect(isDone()).toBe(true);
}

const queueBytes = 60_000;
/** Two windows, a queue, and what an hour's windows that wait take of memory. */
const heldMax = 220_000;

describe('a next hop that is away for an hour', () => {
  test('what is kept waits on the disk, memory does not grow, and all of it comes once when the hop is back', { timeout: 60_000 }, async () => {
    const hop = new SlowHop();
    const { sink, lost } = queueTo(hop, queueBytes, 'otlp');
    await world.start([sink], {}, { windows: { tracesLengthMs: 30_000, tracesWaitMs: 10_000, logsLengthMs: 30_000 } });
    hop.leave();
    let queued = 0;
    await windows(120, 30_000);
    const waiting = (await world.disk.list('/data')).length;
    expect(world.held).toBeLessThan(heldMax);
    expect(waiting, 'segments of 20 kB').toBeGreaterThan(20);
    const watch = setInterval(() => { queued = Math.max(queued, sink.queuedBytes); }, 1);
    hop.comeBack();
    await world.running.processor.drain();
    clearInterval(watch);
    expect({ lost, missing: world.missing(hop), wrong: world.wrong(hop), duplicates: hop.duplicates, twoStates: hop.twoStates }).toEqual({ lost: [], missing: 0, wrong: 0, duplicates: 0, twoStates: 0 });
    expect(queued, 'no more goes out at a time than ever').toBeLessThanOrEqual(queueBytes);
    expect(world.running.tally.bySignal.traces.kept).toBe(hop.received.size);
    const bytes = world.disk.usedBytes;
    await tidied(() => world.disk.usedBytes < bytes / 4);
  });

  test('control: without a log windows wait in memory, which grows', { timeout: 60_000 }, async () => {
    const hop = new SlowHop();
    const { sink } = queueTo(hop, queueBytes, 'otlp');
    await world.start([sink], {}, { journal: null });
    hop.leave();
    const advance = vi.spyOn(world.running.processor, 'advance').mockImplementation(() => Promise.resolve());
    await windows(60);
    advance.mockRestore();
    void world.running.processor.advance(world.running.seam.nowUnixNano());
    await sleep(300);
    expect(world.held).toBeGreaterThan(2 * heldMax);
    hop.comeBack();
    await world.running.processor.drain();
    expect(world.missing(hop)).toBe(0);
  });

  test('crashes meanwhile: a start holds no more in memory, and sends all of it at least once, at one threshold', { timeout: 60_000 }, async () => {
    const hop = new SlowHop();
    hop.leave();
    for (let life = 0; life < 3; life++) {
      await world.start([queueTo(hop, queueBytes, life === 1 ? 'tables' : 'otlp').sink]);
      await windows(20);
      world.kill();
      await world.start([queueTo(hop, queueBytes, 'otlp').sink]);
      await world.later(0);
      expect(world.held).toBeLessThan(heldMax);
      world.kill();
    }
    hop.comeBack();
    hop.received.clear();
    await world.start([queueTo(hop, queueBytes, 'otlp').sink]);
    await world.running.processor.drain();
    expect({ missing: world.missing(hop), wrong: world.wrong(hop), twoStates: hop.twoStates }).toEqual({ missing: 0, wrong: 0, twoStates: 0 });
  });

  test('what was decided before its window waits in its order after a crash, too: nothing is cleared away under it', { timeout: 60_000 }, async () => {
    const hop = new SlowHop();
    hop.leave();
    const windowsOf = { tracesLengthMs: 10_000, tracesWaitMs: 10_000, logsLengthMs: 10_000, early: { waitAfterRootMs: null, limits: null, isAtOnce: true } };
    const start = (): Promise<DurableFlow> => world.start([queueTo(hop, 5000, 'otlp').sink], { segmentBytes: 5000 }, { ...all, windows: windowsOf });
    await start();
    for (let i = 0; i < 12; i++) {
      await world.send(world.fresh(20), 5);
      await world.send(world.fresh(60), 1);
      await world.later(5000);
      await world.later(5000);
    }
    expect(world.running.tally.bySignal.traces.earlyTraces).toBeGreaterThan(200);
    world.kill();
    // Each lot is read by itself, as large ones are, and the first waits for the queue while the rest of the log is read.
    vi.spyOn(HeldBatch.prototype, 'byteLength', 'get').mockReturnValue(16 << 20);
    world.patienceMs = 500;
    await start();
    await sleep(1000);
    hop.comeBack();
    vi.spyOn(hop, 'export').mockImplementation(async (...batch) => {
      await sleep(15);
      return SlowHop.prototype.export.apply(hop, batch);
    });
    const clearing = setInterval(() => void world.running.journal.tick(), 1);
    await world.running.processor.drain();
    clearInterval(clearing);
    await sleep(100);
    expect({ unreadable: world.running.tally.bySignal.traces.unreadable, missing: world.acknowledged.filter((key) => !hop.received.has(key)).length }).toEqual({ unreadable: 0, missing: 0 });
  });

  test('storage.limit bounds what waits: senders are refused then, told when to come again, and taken when there is room', async () => {
    const hop = new SlowHop();
    hop.leave();
    await world.start([queueTo(hop, 20_000, 'otlp').sink], { limitBytes: 200_000 });
    let refused = 0;
    for (let i = 0; i < 60 && refused < 5; i++) {
      if (await world.send(world.fresh(20), 5) === 'RESOURCE_EXHAUSTED') refused++;
      await world.later(10_000);
    }
    expect(refused).toBe(5);
    expect(world.running.journal.byteLength).toBeLessThan(260_000);
    hop.comeBack();
    await world.running.processor.drain();
    await tidied(() => world.running.journal.byteLength < 100_000);
    expect(await world.send(world.fresh(20), 5)).toBe('OK');
    await world.running.processor.drain();
    expect({ missing: world.missing(hop), duplicates: hop.duplicates }).toEqual({ missing: 0, duplicates: 0 });
  });
});

describe('a next hop beside another that is away', () => {
  test.each(['otlp', 'tables'] as const)('gets everything at once; the one that is away (%s) later, and once', { timeout: 30_000 }, async (form) => {
    const [here, away] = [new SlowHop(), new SlowHop()];
    await world.start([queueTo(here, queueBytes, form, `${form}/here`).sink, queueTo(away, queueBytes, form, `${form}/away`).sink]);
    away.leave();
    await windows(20);
    await world.later(10_000);
    await sleep(20);
    const decided = world.acknowledged.filter((_key, index) => index < 1900);
    expect(decided.filter((key) => isKept(key) && !here.received.has(key))).toEqual([]);
    expect(away.received.size).toBe(0);
    away.comeBack();
    await world.running.processor.drain();
    expect([here, away].map((hop) => [world.missing(hop), world.wrong(hop), hop.duplicates])).toEqual([[0, 0, 0], [0, 0, 0]]);
  });
});

describe('a window that is larger than a queue', () => {
  const run = async (form: 'otlp' | 'tables'): Promise<SlowHop> => {
    const hop = new SlowHop();
    await world.start([queueTo(hop, 30_000, form).sink], {}, { batchRowsMax: 40 });
    hop.leave();
    for (let i = 0; i < 4; i++) {
      await world.send(world.fresh(30), 5, 'otlp');
      await world.send(world.fresh(100), 1, 'otap');
    }
    await world.later(30_000);
    hop.comeBack();
    await world.running.processor.drain();
    return hop;
  };

  test.each(['otlp', 'tables'] as const)('its rest follows from the disk: nothing twice, in whatever form rows came (%s)', async (form) => {
    const hop = await run(form);
    expect({ missing: world.missing(hop), wrong: world.wrong(hop), duplicates: hop.duplicates }).toEqual({ missing: 0, wrong: 0, duplicates: 0 });
    expect(hop.received.size).toBeGreaterThan(300);
  });

  test('control: where nobody counts what was taken, rows come twice', async () => {
    vi.spyOn(RestOfLot.prototype, 'begin').mockImplementation(() => undefined);
    expect((await run('otlp')).duplicates).toBeGreaterThan(10);
  });
});

describe('what waits on the disk', () => {
  test('late spans wait with their windows', async () => {
    const hop = new SlowHop();
    hop.leave();
    await world.start([queueTo(hop, 5000, 'otlp').sink]);
    const traces = world.fresh(40);
    await world.send(traces, 5);
    await world.later(30_000);
    await world.send(traces, 3, 'otlp', 5);
    await world.later(30_000);
    hop.comeBack();
    await world.running.processor.drain();
    expect({ missing: world.missing(hop), wrong: world.wrong(hop), duplicates: hop.duplicates }).toEqual({ missing: 0, wrong: 0, duplicates: 0 });
    expect(world.running.tally.bySignal.traces.lateKept).toBe(traces.filter(isKept).length * 3);
  });

  test('batches of what waits leave memory, those of late spans too', async () => {
    const hop = new SlowHop();
    hop.leave();
    await world.start([queueTo(hop, 5000, 'otlp').sink]);
    const { journal, processor } = world.running;
    const batches: WeakRef<HeldBatch>[] = [];
    const taken = journal.taken.bind(journal);
    journal.taken = (held, ...rest) => {
      batches.push(new WeakRef(held));
      taken(held, ...rest);
    };
    const idle = processor.memory.heldBy('queues');
    await windows(10);
    const traces = world.fresh(40);
    await world.send(traces, 5);
    await world.later(30_000);
    for (let i = 0; i < 20; i++) await world.send(traces, 3, 'otlp', 5 + 3 * i);
    await world.later(30_000);
    await sleep(50);
    collectGarbage();
    expect(batches.length).toBe(31);
    expect(batches.filter((held) => held.deref() !== undefined).length, 'but for what was under way').toBeLessThan(5);
    hop.comeBack();
    await processor.drain();
    expect({ missing: world.missing(hop), duplicates: hop.duplicates, queues: processor.memory.heldBy('queues') }).toEqual({ missing: 0, duplicates: 0, queues: idle });
  });

  test('a damaged record costs its own rows, which are counted; a disk that cannot be read for a while costs nothing', async () => {
    const hop = new SlowHop();
    hop.leave();
    await world.start([queueTo(hop, 5000, 'otlp').sink], { segmentBytes: 1_000_000 });
    for (let i = 0; i < 16; i++) {
      await world.send(world.fresh(20), 5);
      if (i === 7) await world.later(30_000);
    }
    await world.later(30_000);
    world.disk.corrupt('/data/0000000001.log', Math.floor(world.disk.usedBytes * 0.75));
    const read = vi.spyOn(world.disk, 'open').mockRejectedValueOnce(new Error('EIO')).mockRejectedValueOnce(new Error('EIO'));
    hop.comeBack();
    await world.running.processor.drain();
    expect(read.mock.calls.length).toBeGreaterThan(2);
    const { unreadable } = world.running.tally.bySignal.traces;
    expect(unreadable).toBeGreaterThan(0);
    expect(unreadable).toBeLessThanOrEqual(100);
    expect(world.missing(hop)).toBe(unreadable);
  });
});
