import { describe, expect, test } from 'vitest';
import { nobody, TraceRouter } from '../../src/exporters/balancing/trace-router.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: a balancer under a fake clock; members come, leave the list and come back at random moments, in some runs they also die and answer again.
 * Each trace sends spans for at most as long as the hand-over.
 * Guarantees: while nobody dies no trace is torn, and no member gets a span after it is gone; where members die, just the traces that were torn are counted.
 */
const handOverMs = 10_000;
const runMs = 200_000;
const tracesPerMs = 0.05;

interface Given {
  readonly seed: number;
  readonly rememberMs?: number;
  readonly tracesMax?: number;
  readonly deaths?: boolean;
  /** How long traces send at most. */
  readonly traceMs?: number;
}

interface Span {
  readonly atMs: number;
  readonly trace: number;
}

/** Spans of all traces, in the order of time. */
function spansOf(next: () => number, traceMs: number): Span[] {
  const spans: Span[] = [];
  for (let trace = 0; trace < runMs * tracesPerMs; trace++) {
    const startMs = next() * runMs;
    const lastsMs = next() * traceMs;
    const count = 1 + Math.floor(next() * 6);
    for (let span = 0; span < count; span++) spans.push({ trace, atMs: startMs + (span === 0 ? 0 : next() * lastsMs) });
  }
  return spans.sort((a, b) => a.atMs - b.atMs);
}

function simulate({ seed, rememberMs = handOverMs, tracesMax = 1_000_000, deaths = false, traceMs = handOverMs * 0.99 }: Given) {
  const next = mulberry(seed);
  const router = new TraceRouter({ rememberMs, tracesMax, hashSeed: seed });
  const names = Array.from({ length: 6 }, (_, index) => `m${index}:4317`);
  let listed = new Set(names.slice(0, 3));
  router.setMembers([...listed], 0);
  const ids = Uint32Array.from({ length: runMs * tracesPerMs * 4 }, () => Math.floor(next() * 2 ** 32));
  const went = new Map<number, Set<number>>();
  const gone = new Set<number>();
  /** Members that do not answer, known to the balancer from the first span on that one did not answer for. */
  const dead = new Set<number>();
  const counts = { changes: 0, afterGone: 0, nobody: 0, sentTo: new Map<number, number>() };
  let changeAtMs = 500;
  for (const { atMs, trace } of spansOf(next, traceMs)) {
    for (; changeAtMs <= atMs; changeAtMs += next() * 6000) {
      const name = names[Math.floor(next() * names.length)];
      if (deaths && next() < 0.5) {
        const serving = router.members.filter(({ leavesAtMs }) => leavesAtMs === null);
        const [back] = dead;
        if (back !== undefined) {
          dead.delete(back);
          router.setDown(back, false);
        } else dead.add(serving[Math.floor(next() * serving.length)].number);
      } else if (!listed.has(name)) listed = new Set([...listed, name]);
      else if (listed.size > 2) listed = new Set([...listed].filter((each) => each !== name));
      for (const { number } of router.advanceTo(changeAtMs)) gone.add(number);
      router.setMembers([...listed], changeAtMs);
      counts.changes++;
    }
    for (const { number } of router.advanceTo(atMs)) gone.add(number);
    let member = router.route(ids, trace * 4);
    for (; dead.has(member) && !router.members.some(({ number, isDown }) => number === member && isDown); member = router.route(ids, trace * 4)) router.setDown(member, true);
    if (member === nobody) counts.nobody++;
    router.hold(ids, trace * 4, member);
    if (gone.has(member)) counts.afterGone++;
    counts.sentTo.set(member, (counts.sentTo.get(member) ?? 0) + 1);
    went.set(trace, (went.get(trace) ?? new Set()).add(member));
  }
  const torn = [...went.values()].filter((members) => members.size > 1).length;
  return { ...counts, torn, counted: router.torn, forgottenEarly: router.owners?.forgottenEarly ?? 0, size: router.owners?.size ?? 0 };
}

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

describe('members that come and leave in order', () => {
  test.each(seeds)('tear no trace (seed %i)', (seed) => {
    const run = simulate({ seed });
    expect(run.changes).toBeGreaterThan(30);
    expect(run).toMatchObject({ torn: 0, afterGone: 0, nobody: 0, counted: { down: 0, left: 0 }, forgottenEarly: 0 });
    expect(run.sentTo.size).toBeGreaterThan(5);
  });

  test.each(seeds)('tear traces that send for longer than the hand-over, and those are counted (seed %i)', (seed) => {
    const { torn, counted } = simulate({ seed, traceMs: handOverMs * 3 });
    expect(torn).toBeGreaterThan(0);
    expect(counted.down).toBe(0);
    expect(counted.left).toBeGreaterThan(0);
  });

  test('control: without memory of owners many are torn', () => {
    expect(simulate({ seed: 1, rememberMs: 0 }).torn).toBeGreaterThan(300);
  });

  test('control: so they are where owners are forgotten sooner than traces end', () => {
    expect(simulate({ seed: 1, rememberMs: handOverMs / 4 }).torn).toBeGreaterThan(20);
  });

  test('control: and where there is no room for as many traces, which says so', () => {
    const { torn, forgottenEarly, size } = simulate({ seed: 1, tracesMax: 100 });
    expect(torn).toBeGreaterThan(20);
    expect(forgottenEarly).toBeGreaterThan(1000);
    expect(size).toBeLessThanOrEqual(100);
  });
});

describe('members that die', () => {
  test.each(seeds)('tear traces, and just these are counted (seed %i)', (seed) => {
    const { torn, counted, afterGone, nobody: unsent } = simulate({ seed, deaths: true });
    expect(torn).toBeGreaterThan(0);
    expect(counted.down + counted.left).toBe(torn);
    expect({ afterGone, unsent }).toEqual({ afterGone: 0, unsent: 0 });
  });
});
