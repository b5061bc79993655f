import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Balancer, type BalancerOptions } from '../../../../src/exporters/balancing/balancer.ts';
import { exporterClosed } from '../../../../src/exporters/retry.ts';
import type { OutputBatch } from '../../../../src/otap/take/output-batch.ts';
import type { BatchSink, OnSettled, PushResult } from '../../../../src/pipeline/sink.ts';
import { batchOf } from '../../../support/random-batch.ts';
import { spanBatch, spansOf } from '../../pipeline/synthetic.ts';
import { OtapStreamEncoder } from '../../../../src/otap/encode/stream-encoder.ts';
import { VirtualSeam } from '../virtual-seam.ts';

/**
 * Strategy: a balancer over members that answer as the test says, in virtual time.
 * Invariants: a batch ends when each of its rows was acknowledged by one member, refused for good, or given up; what a member did not take goes to another, and all of a
 * trace to the same one; a member that is full is not taken for one that is down.
 */
type Behaviour = 'takes' | 'away' | 'full' | 'refuses' | 'silent';

const answers: { readonly [behaviour in Exclude<Behaviour, 'silent'>]: PushResult } = {
  takes: { kind: 'ok' }, away: { kind: 'retryable', reason: 'unavailable', message: 'connection refused' },
  full: { kind: 'retryable', reason: 'resource_exhausted', message: 'full' }, refuses: { kind: 'permanent', reason: 'invalid_argument', message: 'bad' },
};

class MemberSink implements BatchSink {
  readonly queuedBytes = 0;
  readonly delivered = 0;
  readonly name: string;
  readonly #scene: Scene;
  readonly #waiting: OnSettled[] = [];

  constructor(name: string, scene: Scene) {
    this.name = name;
    this.#scene = scene;
  }

  async push(batch: OutputBatch, onSettled: OnSettled = () => undefined): Promise<void> {
    const behaviour = this.#scene.behaves.get(this.name) ?? 'takes';
    if (behaviour === 'silent') {
      this.#waiting.push(onSettled);
      return;
    }
    if (behaviour === 'takes') this.#scene.taken.push(...namesOf(batch).map((name) => `${this.name} ${name}`));
    onSettled(answers[behaviour]);
  }

  async drain(): Promise<void> {
    this.#scene.closed.push(this.name);
    for (const tell of this.#waiting.splice(0)) tell({ kind: 'retryable', reason: exporterClosed, message: 'closed' });
  }
}

interface Scene {
  readonly behaves: Map<string, Behaviour>;
  /** `member span` of what was taken. */
  readonly taken: string[];
  readonly closed: string[];
  readonly told: string[];
}

function namesOf(batch: OutputBatch): string[] {
  if (batch.signal !== 'traces') return Array.from({ length: batch.rowCount }, () => batch.signal);
  return spansOf([new OtapStreamEncoder('traces', { bodyCompression: 'none', zstdLevel: 1 }).encode(0n, batch)]).map(({ name, trace }) => `${trace.slice(0, 18)}/${name}`);
}

const members = ['a:1', 'b:1', 'c:1'];
/** 40 traces of two spans each, first all the first ones, then all the second ones. */
const batch = spanBatch(Array.from({ length: 80 }, (_, index) => ({ trace: (index % 40) + 1, name: `s${index}`, startMs: 5 })));

function scene(options: Partial<BalancerOptions> = {}) {
  const seam = new VirtualSeam(1);
  const state: Scene = { behaves: new Map(), taken: [], closed: [], told: [] };
  const balancer = new Balancer({
    name: 'lb', seam, rowsMax: 1000, hashSeed: 3, rememberMs: 10_000, tracesMax: 1000, failsOver: true, giveUpMs: 60_000,
    isOverload: (reason) => reason === 'resource_exhausted', open: (endpoint) => new MemberSink(endpoint, state),
    isAlive: async (endpoint) => state.behaves.get(endpoint) !== 'away',
    observer: {
      sent: () => undefined, down: (member) => state.told.push(`${member} down`), up: (member) => state.told.push(`${member} up`), gone: (member) => state.told.push(`${member} gone`),
    },
    ...options,
  });
  balancer.setMembers(members);
  const pass = async (given = batch): Promise<PushResult> => {
    let result: PushResult | null = null;
    void balancer.pass(given).then((found) => { result = found; });
    await seam.runUntil(() => result !== null);
    return result ?? { kind: 'permanent', reason: 'none', message: '' };
  };
  return { ...state, seam, balancer, pass };
}

/** Members of each trace, by what was taken. */
function membersOfTraces(taken: readonly string[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of taken) {
    const [member, span] = line.split(' ');
    const trace = span.slice(0, 18);
    found.set(trace, (found.get(trace) ?? new Set()).add(member));
  }
  return found;
}

const spansTaken = (taken: readonly string[]): string[] => taken.map((line) => line.split(' ')[1]).sort();
const allSpans = Array.from({ length: 80 }, (_, index) => `${((index % 40) + 1).toString(16).padStart(18, '0')}/s${index}`).sort();

describe('a batch', () => {
  test('is shared out by traces, each row to one member, and ends when all have taken theirs', async () => {
    const { pass, taken, balancer } = scene();
    expect(await pass()).toEqual({ kind: 'ok' });
    expect(spansTaken(taken)).toEqual(allSpans);
    expect([...membersOfTraces(taken).values()].every(({ size }) => size === 1)).toBe(true);
    expect(new Set(taken.map((line) => line.split(' ')[0]))).toEqual(new Set(members));
    await balancer.drain(0);
  });

  test('of a member that is away goes to the others, traces whole; the member is asked for until it is back', async () => {
    const { pass, taken, behaves, told, seam, balancer } = scene();
    behaves.set('b:1', 'away');
    expect(await pass()).toEqual({ kind: 'ok' });
    expect(spansTaken(taken)).toEqual(allSpans);
    expect([...membersOfTraces(taken).values()].every(({ size }) => size === 1)).toBe(true);
    expect([told, new Set(taken.map((line) => line.split(' ')[0]))]).toEqual([['b:1 down'], new Set(['a:1', 'c:1'])]);
    expect(balancer.router.torn).toEqual({ down: 0, left: 0 });
    await seam.runUntil(() => seam.monotonicMs() > 20_000);
    behaves.set('b:1', 'takes');
    await seam.runUntil(() => told.includes('b:1 up'));
    // Nothing is remembered any more of where the traces went.
    await seam.runUntil(() => seam.monotonicMs() > 60_000);
    await pass();
    expect(taken.slice(80).some((line) => line.startsWith('b:1'))).toBe(true);
    await balancer.drain(0);
    expect(seam.sleeping).toBe(0);
  });

  test('tears the traces of a member that dies: those of which it has acknowledged spans are counted, each once', async () => {
    const { pass, taken, behaves, balancer } = scene();
    await pass(spanBatch(Array.from({ length: 30 }, (_, index) => ({ trace: index + 1, startMs: 5 }))));
    const itsTraces = taken.filter((line) => line.startsWith('b:1')).length;
    behaves.set('b:1', 'away');
    for (let again = 0; again < 2; again++) await pass();
    expect(itsTraces).toBeGreaterThan(3);
    expect(balancer.router.torn).toEqual({ down: itsTraces, left: 0 });
    await balancer.drain(0);
  });

  test('that waits for a member which another batch finds away goes on at once', async () => {
    const { balancer, behaves, taken, seam } = scene();
    behaves.set('b:1', 'silent');
    const results: string[] = [];
    void balancer.pass(batch).then(({ kind }) => results.push(kind));
    await turn();
    behaves.set('b:1', 'away');
    void balancer.pass(batch).then(({ kind }) => results.push(kind));
    await seam.runUntil(() => results.length === 2);
    expect(results).toEqual(['ok', 'ok']);
    expect(seam.monotonicMs()).toBeLessThan(500);
    expect(spansTaken(taken)).toEqual([...allSpans, ...allSpans].sort());
    await balancer.drain(0);
  });

  test('of a member that is full waits for that member: it is there, and holds the traces', async () => {
    const { balancer, behaves, taken, told, seam } = scene();
    behaves.set('b:1', 'full');
    const results: PushResult[] = [];
    void balancer.pass(batch).then((result) => results.push(result));
    await seam.runUntil(() => seam.monotonicMs() > 5000);
    const before = taken.length;
    expect([results, told, before < 80]).toEqual([[], [], true]);
    behaves.set('b:1', 'takes');
    await seam.runUntil(() => results.length === 1);
    expect([results, spansTaken(taken)]).toEqual([[{ kind: 'ok' }], allSpans]);
    expect(taken.slice(before).every((line) => line.startsWith('b:1'))).toBe(true);
    await balancer.drain(0);
  });

  test('comes to a member that is full less and less often', async () => {
    const attempts: number[] = [];
    const silent = (): undefined => undefined;
    const { pass, behaves, seam, balancer } = scene({ observer: { sent: (_signal, member) => { if (member === 'b:1') attempts.push(seam.monotonicMs()); }, down: silent, up: silent, gone: silent } });
    behaves.set('b:1', 'full');
    await pass();
    expect(attempts.length).toBeLessThan(150);
    expect(attempts[2]).toBeLessThan(500);
    expect(Math.max(...attempts.slice(1).map((ms, index) => ms - attempts[index])), 'it has room long before others are to have its traces').toBeLessThanOrEqual(750);
    await balancer.drain(0);
  });

  test('is given up after its time, and what a member refuses for good is not sent to another', async () => {
    const { pass, behaves, seam, balancer } = scene();
    behaves.set('b:1', 'full');
    expect(await pass()).toMatchObject({ kind: 'retryable', reason: 'resource_exhausted' });
    expect(seam.monotonicMs()).toBeGreaterThanOrEqual(60_000);
    behaves.set('b:1', 'refuses');
    expect(await pass()).toMatchObject({ kind: 'permanent', reason: 'invalid_argument' });
    await balancer.drain(0);
  });

  test('is refused at once where nobody is there', async () => {
    const { pass, behaves, balancer, seam, taken } = scene();
    for (const member of members) behaves.set(member, 'away');
    expect(await pass()).toMatchObject({ kind: 'retryable' });
    expect(await pass()).toMatchObject({ kind: 'retryable', reason: 'no_members' });
    expect([seam.monotonicMs() < 1000, taken]).toEqual([true, []]);
    await balancer.drain(0);
  });

  test('waits for a member that is away where that is asked for', async () => {
    const { balancer, behaves, told, seam, taken } = scene({ failsOver: false });
    behaves.set('b:1', 'away');
    const results: string[] = [];
    void balancer.pass(batch).then(({ kind }) => results.push(kind));
    await seam.runUntil(() => seam.monotonicMs() > 10_000);
    expect([results, told]).toEqual([[], []]);
    behaves.set('b:1', 'takes');
    await seam.runUntil(() => results.length === 1);
    expect([results, spansTaken(taken)]).toEqual([['ok'], allSpans]);
    await balancer.drain(0);
  });

  test('that nobody has answered for at the end comes back as not delivered', async () => {
    const { balancer, behaves, seam } = scene();
    for (const member of members) behaves.set(member, 'silent');
    const results: PushResult[] = [];
    void balancer.pass(batch).then((result) => results.push(result));
    await turn();
    await balancer.drain(0);
    await turn();
    expect(results).toMatchObject([{ kind: 'retryable', reason: exporterClosed }]);
    expect(seam.sleeping).toBe(0);
  });
});

describe('what belongs to no trace', () => {
  const logs = (ids: readonly (number | null)[]) => batchOf('logs', { LOGS: ids.map((id, index) => ({
    'id': index, 'resource.id': 0, 'scope.id': 0, 'trace_id': id === null ? null : Buffer.from(id.toString(16).padStart(32, '0'), 'hex'), 'time_unix_nano': 1n, 'body.type': 1, 'body.str': `r${index}` })) });

  test('goes to one member a batch, by turns; records of traces go where the traces go', async () => {
    const { pass, taken, balancer } = scene();
    for (let round = 0; round < 3; round++) await pass(logs([null, null, 0]));
    expect(taken).toEqual(members.flatMap((member) => [`${member} logs`, `${member} logs`, `${member} logs`]));
    taken.length = 0;
    const ids = Array.from({ length: 30 }, (_, index) => index + 1);
    await pass(logs(ids));
    const counts = members.map((member) => taken.filter((line) => line.startsWith(member)).length);
    await pass(spanBatch(ids.map((id) => ({ trace: id.toString(16).padStart(32, '0'), startMs: 1 }))));
    expect(members.map((member) => taken.slice(30).filter((line) => line.startsWith(member)).length)).toEqual(counts);
    expect(balancer.router.torn).toEqual({ down: 0, left: 0 });
    await balancer.drain(0);
  });
});

test('a member that left the list is closed when it has been handed over', async () => {
  const { balancer, closed, told, seam, pass, taken } = scene();
  await pass();
  balancer.setMembers(['a:1', 'c:1']);
  await seam.runUntil(() => seam.monotonicMs() > 5000);
  await pass();
  expect(spansTaken(taken.slice(80))).toEqual(allSpans);
  expect([...membersOfTraces(taken).values()].every(({ size }) => size === 1)).toBe(true);
  expect([closed, told]).toEqual([[], []]);
  await seam.runUntil(() => seam.monotonicMs() > 11_000);
  expect([closed, told]).toEqual([['b:1'], ['b:1 gone']]);
  await balancer.drain(0);
});
