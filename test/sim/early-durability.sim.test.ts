import { beforeAll, describe, expect, test } from 'vitest';
import { recordKinds } from '../../src/pipeline/journal/records.ts';
import { type OpenPolicies, openPolicies } from '../../src/policies.ts';
import { readSegment } from '../../src/storage/log-format.ts';
import { replaceSegment, segmentName, segmentOf } from '../../src/storage/record-log.ts';
import { CollectingSink } from '../sql/store/support.ts';
import { type DurableFlow, startProcess, unlessDead } from '../support/durable-flow.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { randomTrace } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';
import { type SpanSpec, spanMessages, spansOf } from '../unit/pipeline/synthetic.ts';

/**
 * Scenario: traces with roots that come at once or late, spans that come long after, and traces that grow too large, by a sample that hangs on what else
 * has come; most are decided before their window. The process, or the machine, dies at any operation of the disk, up to three times, between the decision
 * on a trace, its export and its window among others; senders send again what was not acknowledged.
 * Guarantees: a trace leaves whole or not at all, and at one threshold, all processes together; the estimates are unbiased.
 * Control: when the log's early decisions are not read back, traces are torn or leave at two thresholds.
 */

const stepMs = 500;
const steps = 110;
const windows = { tracesLengthMs: 10_000, tracesWaitMs: 15_000, logsLengthMs: 10_000, early: { waitAfterRootMs: 2_000, limits: { spansMax: 5, bytesMax: Infinity } } };

/** Spans by the step in which they come; the names of a trace's spans differ. */
function stepsOf(seed: number): SpanSpec[][] {
  const chance = mulberry(seed);
  const given: SpanSpec[][] = Array.from({ length: steps }, () => []);
  for (let step = 0; step < steps - 30; step++) {
    const trace = randomTrace(chance);
    const isLarge = chance() < 0.15;
    const add = (at: number, name: string, isChild: boolean): void => void given[Math.min(steps - 1, at)].push({ trace, name, isChild, startMs: step * stepMs });
    add(step + (chance() < 0.7 ? 0 : 1 + Math.floor(chance() * 20)), 'root', false);
    for (let part = 0; part < (isLarge ? 9 : 3); part++) add(step + (part === 0 ? 0 : Math.floor(chance() * (isLarge ? 15 : 50))), `part ${part}`, true);
  }
  return given;
}

let policies: OpenPolicies;
beforeAll(async () => {
  policies = await openPolicies([{ name: 'p', text: 'SELECT unnest(bottom_k(item, 6), recursive := true) FROM traces' }]);
});

interface Plan {
  readonly crashAfter: readonly number[];
  readonly by: 'kill' | 'powerLoss';
  readonly between?: (disk: FakeDisk) => Promise<void>;
  /** Whether the process of this number is told that what it exports is delivered. */
  readonly isDelivered?: (process: number) => boolean;
}

interface Outcome {
  readonly given: readonly SpanSpec[][];
  readonly seen: { readonly trace: string; readonly name: string; readonly count: number }[];
  readonly crashes: number;
  readonly earlyTraces: number;
  readonly flows: readonly DurableFlow[];
}

async function run(seed: number, { crashAfter, by, between, isDelivered = () => true }: Plan): Promise<Outcome> {
  const given = stepsOf(seed);
  let disk = new FakeDisk(seed, { shortWrite: 0.1, crashAfterOperations: crashAfter[0] ?? 0 });
  const seen: Outcome['seen'] = [];
  const flows: DurableFlow[] = [];
  let [crashes, next, earlyTraces] = [0, 0, 0];
  for (;;) {
    const own = disk;
    const sink = new CollectingSink(async () => {
      if (own.isDead) throw new Error('the process is dead');
    });
    const told = isDelivered(crashes) ? sink : Object.assign(sink, { settled: () => new Promise<void>(() => {}) });
    const flow = await startProcess(own, told, next * stepMs, { ...policies, windows }).catch(() => null);
    if (flow !== null) {
      flows.push(flow);
      next = await goOn(flow, given, next, own);
      seen.push(...spansOf(sink.messages('traces')));
      earlyTraces += flow.tally.bySignal.traces.earlyTraces;
      flow.processor.close();
    }
    if (!own.isDead) return { given, seen, crashes, earlyTraces, flows };
    disk = own.restart(by);
    await between?.(disk);
    crashes++;
    disk.faults.crashAfterOperations = crashAfter[crashes] ?? 0;
  }
}

async function accept(processor: DurableFlow['processor'], spans: readonly SpanSpec[]): Promise<string> {
  const [bytes] = spanMessages([spans]);
  return (await processor.intake.open('traces').accept({ bytes, compressed: null, encoding: 'identity' })).ack.status;
}

/** Sends steps from `next` on, while windows are decided and looked into, each on a stream of its own, until all is decided or the process is dead; the first that was not acknowledged. */
async function goOn({ processor, seam }: DurableFlow, given: readonly SpanSpec[][], next: number, disk: FakeDisk): Promise<number> {
  await unlessDead(disk, processor.advance(seam.nowUnixNano()));
  for (; next < steps && !disk.isDead; next++) {
    const deciding = unlessDead(disk, processor.advance(seam.nowUnixNano()));
    for (let turn = next % 6; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
    const status = given[next].length === 0 ? 'OK' : await accept(processor, given[next]);
    await deciding;
    if (status !== 'OK') return next;
    seam.advanceMs(stepMs);
  }
  if (disk.isDead) return next;
  await unlessDead(disk, processor.drain());
  return disk.isDead ? next : steps;
}

interface Judged {
  readonly torn: number;
  readonly twoThresholds: number;
  /** Estimate less truth, in traces. */
  readonly deviation: number;
  readonly again: number;
}

function judge({ given, seen }: Outcome): Judged {
  const expected = Map.groupBy(given.flat(), ({ trace }) => String(trace));
  let [torn, twoThresholds, again, deviation] = [0, 0, 0, -expected.size];
  for (const [trace, items] of Map.groupBy(seen, (item) => item.trace)) {
    const names = new Set(items.map(({ name }) => name));
    if (names.size !== expected.get(trace)?.length) torn++;
    if (new Set(items.map(({ count }) => count)).size > 1) twoThresholds++;
    again += items.length - names.size;
    deviation += items[0].count;
  }
  return { torn, twoThresholds, again, deviation };
}

/** Leaves no early decision in a log. */
async function withoutEarly(disk: FakeDisk): Promise<void> {
  for (const name of await disk.list('/data').catch(() => [])) {
    const records = [...readSegment(await disk.read(`/data/${name}`))].flatMap((entry) => ('body' in entry && entry.kind !== recordKinds.early ? [entry] : []));
    const segment = segmentOf(name);
    if (segment !== null && records.length > 0 && segmentName(segment) === name) await replaceSegment(disk, '/data', segment, records);
  }
}

/** Rounds of plans that crash, one after the other. */
const plans = Array.from({ length: 6 }, (_, round): { readonly seed: number; readonly plan: Plan } => {
  const chance = mulberry(100 + round);
  return { seed: round, plan: { crashAfter: Array.from({ length: 3 }, () => 3 + Math.floor(chance() * 120)), by: round % 2 === 0 ? 'kill' : 'powerLoss', isDelivered: (process) => round % 4 < 2 || process > 0 } };
});

describe('crashes at any moment, with early decisions', () => {
  test('no trace is torn, each leaves at one threshold, the estimates are unbiased', { timeout: 60_000 }, async () => {
    const deviations: number[] = [];
    let [crashes, early, again] = [0, 0, 0];
    for (const { seed, plan } of plans) {
      const outcome = await run(seed, plan);
      const judged = judge(outcome);
      expect(judged, `round ${seed} ${JSON.stringify(plan)}`).toMatchObject({ torn: 0, twoThresholds: 0 });
      for (const { said, tally } of outcome.flows) expect([said.unreadable, tally.bySignal.traces.unreadable]).toEqual([[], 0]);
      crashes += outcome.crashes;
      early += outcome.earlyTraces;
      again += judged.again;
      deviations.push(judged.deviation);
    }
    const mean = deviations.reduce((a, b) => a + b, 0) / deviations.length;
    const z = mean / Math.sqrt(deviations.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (deviations.length - 1) / deviations.length);
    console.log(`${crashes} crashes, ${early} traces decided early, ${again} spans sent again, mean deviation ${mean.toFixed(2)} traces, z ${z.toFixed(2)}`);
    expect(crashes).toBeGreaterThan(10);
    expect(early).toBeGreaterThan(200);
    expect(Math.abs(z)).toBeLessThan(4);
  });

  test('control: without the early decisions of the log, traces are torn or leave at two thresholds', { timeout: 60_000 }, async () => {
    let [torn, two] = [0, 0];
    for (const { seed, plan } of plans.slice(0, 2)) {
      const judged = judge(await run(seed, { ...plan, between: withoutEarly }));
      torn += judged.torn;
      two += judged.twoThresholds;
    }
    console.log(`control: ${torn} torn, ${two} at two thresholds`);
    expect(torn + two).toBeGreaterThan(0);
  });
});
