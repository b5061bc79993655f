import { beforeAll, describe, expect, test } from 'vitest';
import { type OpenPolicies, openPolicies } from '../../src/policies.ts';
import { CollectingSink } from '../sql/store/support.ts';
import { type DurableFlow, startProcess, unlessDead } from '../support/durable-flow.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { type GivenRecord, type GivenSpan, itemsSeen, randomTrace, recordsMessages, type SeenItem, spansMessages } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: spans and records of some hundred traces come in batches of two signals over a minute, late spans among them, and windows are decided by samples that
 * hang on all that a window has. The process, or the machine, dies at any operation of the disk, up to three times; senders send again what was not
 * acknowledged, on new streams.
 * A third of the runs hold batches on the disk.
 * Guarantees: what leaves, all processes together, are the items that leave without a crash, each with the same threshold and count each time.
 * Controls: without a journal items are missing; when decisions are not read back, other items leave.
 */

const stepMs = 3_000;
const steps = 16;

interface Step {
  readonly spans: readonly GivenSpan[];
  readonly records: readonly GivenRecord[];
}

/** Traces have a root and some more spans, up to fifty seconds later: some in their window, some while it is decided, some late. */
function stepsOf(seed: number): Step[] {
  const chance = mulberry(seed);
  const spans: GivenSpan[][] = Array.from({ length: steps }, () => []);
  const records: GivenRecord[][] = Array.from({ length: steps }, () => []);
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < 6; i++) {
      const trace = randomTrace(chance);
      const traceState = chance() < 0.3 ? { traceState: 'ot=th:8' } : {};
      for (let part = 0; part < 4; part++) {
        const at = Math.min(steps - 1, step + (part === 0 ? 0 : Math.floor(chance() * 12)));
        spans[at].push({ trace, name: part === 0 ? ['a', 'b', 'c'][i % 3] : 'child', startMs: step * 1000 + i * 10 + part, ...traceState });
      }
      records[step].push({ trace, timeMs: step * 1000 + i, body: `r${i}` });
    }
  }
  return spans.map((own, step) => ({ spans: own, records: records[step] }));
}

let policies: OpenPolicies;
beforeAll(async () => {
  policies = await openPolicies([
    { name: 'sample', text: 'SELECT unnest(bottom_k(item, 5), recursive := true) FROM traces GROUP BY root_name' },
    { name: 'logs', text: "SELECT id, CASE WHEN body = 'r1' THEN 1.0 ELSE 0.4 END AS probability FROM logs" },
  ]);
});

/** Everything that left, by signal, and how many crashes there were. */
interface Outcome {
  readonly seen: { readonly traces: SeenItem[]; readonly logs: SeenItem[] };
  readonly crashes: number;
  readonly flows: readonly DurableFlow[];
}

interface Plan {
  readonly crashAfter: readonly number[];
  readonly by: 'kill' | 'powerLoss';
  /** How the next process finds the disk; by default as the crash left it. */
  readonly between?: (disk: FakeDisk) => Promise<void>;
  readonly hasJournal?: boolean;
  /** The first process is killed before it sends this step. */
  readonly killAt?: number;
  readonly isDelivered?: (crashes: number) => boolean;
  /** Where batches wait; on the disk they are read back from the log. */
  readonly retain?: 'memory' | 'disk';
}

/** Sends a message until it is acknowledged; false where the process is dead. */
async function send(stream: Streams[keyof Streams], index: number): Promise<boolean> {
  const message = stream.messages[index - stream.from];
  return (await stream.accept({ bytes: message, compressed: null, encoding: 'identity' })).ack.status === 'OK';
}

interface Streams {
  readonly traces: { readonly from: number; readonly messages: readonly Uint8Array[]; readonly accept: ReturnType<DurableFlow['processor']['intake']['open']>['accept'] };
  readonly logs: Streams['traces'];
}

function openStreams({ processor }: DurableFlow, given: readonly Step[], from: { readonly traces: number; readonly logs: number }): Streams {
  const traces = processor.intake.open('traces');
  const logs = processor.intake.open('logs');
  return {
    traces: { from: from.traces, messages: spansMessages(given.slice(from.traces).map(({ spans }) => spans)), accept: (message) => traces.accept(message) },
    logs: { from: from.logs, messages: recordsMessages(given.slice(from.logs).map(({ records }) => records)), accept: (message) => logs.accept(message) },
  };
}

async function run(seed: number, { crashAfter, by, between, hasJournal = true, killAt, isDelivered = () => true, retain = 'memory' }: Plan): Promise<Outcome> {
  const given = stepsOf(seed);
  let disk = new FakeDisk(seed, { shortWrite: 0.1, crashAfterOperations: crashAfter[0] ?? 0 });
  let crashes = 0;
  const seen: { traces: SeenItem[]; logs: SeenItem[] } = { traces: [], logs: [] };
  const flows: DurableFlow[] = [];
  const next = { traces: 0, logs: 0 };
  for (let isDone = false; !isDone;) {
    const own = disk;
    const sink = new CollectingSink(async () => {
      if (own.isDead) throw new Error('the process is dead');
    });
    const settling = isDelivered(crashes) ? sink : Object.assign(sink, { settled: () => new Promise<void>(() => {}) });
    const flow = await startProcess(disk, settling, Math.min(next.traces, next.logs) * stepMs, { ...policies, ...(hasJournal ? {} : { journal: null }) }, { retain }).catch(() => null);
    if (flow !== null) {
      flows.push(flow);
      isDone = await runProcess(flow, given, next, own, crashes === 0 ? killAt : undefined);
      for (const signal of ['traces', 'logs'] as const) seen[signal].push(...itemsSeen(signal, sink.messages(signal)));
      flow.processor.close();
    }
    if (isDone) break;
    disk = own.restart(by);
    await between?.(disk);
    crashes++;
    disk.faults.crashAfterOperations = crashAfter[crashes] ?? 0;
  }
  return { seen, crashes, flows };
}

/** Runs until all is sent and decided, true, or the process is dead. */
async function runProcess(flow: DurableFlow, given: readonly Step[], next: { traces: number; logs: number }, disk: FakeDisk, killAt?: number): Promise<boolean> {
  const { processor, seam } = flow;
  // What was due when the process died is decided before anything more comes, as it was without a crash.
  await unlessDead(disk, processor.advance(seam.nowUnixNano()));
  if (disk.isDead) return false;
  const streams = openStreams(flow, given, next);
  for (let step = Math.min(next.traces, next.logs); step < steps; step++) {
    if (step === killAt) disk.die();
    for (const signal of ['traces', 'logs'] as const) {
      if (disk.isDead) return false;
      if (next[signal] === step && await send(streams[signal], step)) next[signal]++;
      if (disk.isDead) return false;
    }
    seam.advanceMs(stepMs);
    await unlessDead(disk, processor.advance(seam.nowUnixNano()));
    if (disk.isDead) return false;
  }
  await unlessDead(disk, processor.drain());
  return !disk.isDead;
}

function stampsOf(items: readonly SeenItem[]): Map<string, string> {
  const stamps = new Map<string, string>();
  for (const { key, threshold, count } of items) {
    const stamp = `${threshold} ${count}`;
    expect(stamps.get(key) ?? stamp, 'one threshold each time it leaves').toBe(stamp);
    stamps.set(key, stamp);
  }
  return stamps;
}

function sorted(stamps: Map<string, string>): [string, string][] {
  return [...stamps].sort(([a], [b]) => (a < b ? -1 : 1));
}

const whole = new Map<number, Promise<Outcome>>();
function withoutCrash(seed: number): Promise<Outcome> {
  const known = whole.get(seed) ?? run(seed, { crashAfter: [], by: 'kill' });
  whole.set(seed, known);
  return known;
}

describe('crashes at any moment', () => {
  test('what leaves is what leaves without a crash, with the same stamps', { timeout: 60_000 }, async () => {
    let [crashes, again, total] = [0, 0, 0];
    for (let round = 0; round < 12; round++) {
      const seed = 1 + round % 2;
      const chance = mulberry(round);
      const plan: Plan = { crashAfter: Array.from({ length: 3 }, () => 3 + Math.floor(chance() * 60)), by: round % 2 === 0 ? 'kill' : 'powerLoss', isDelivered: (count) => round % 4 < 2 || count > 0, retain: round % 3 === 0 ? 'disk' : 'memory' };
      const expected = await withoutCrash(seed);
      const outcome = await run(seed, plan);
      crashes += outcome.crashes;
      for (const signal of ['traces', 'logs'] as const) {
        const stamps = stampsOf(outcome.seen[signal]);
        expect(sorted(stamps), `round ${round} ${signal} ${JSON.stringify(plan)}`).toEqual(sorted(stampsOf(expected.seen[signal])));
        again += outcome.seen[signal].length - stamps.size;
        total += stamps.size;
      }
      for (const { said } of outcome.flows) expect(said.unreadable).toEqual([]);
    }
    expect(crashes).toBeGreaterThan(12);
    console.log(`${crashes} crashes, ${total} items, ${again} sent again`);
  });

  test('control: without a journal items are missing', { timeout: 30_000 }, async () => {
    const expected = stampsOf((await withoutCrash(1)).seen.traces);
    const outcome = await run(1, { crashAfter: [], by: 'kill', hasJournal: false, killAt: 9 });
    expect(outcome.crashes).toBe(1);
    expect(stampsOf(outcome.seen.traces).size).toBeLessThan(expected.size - 5);
  });
});
