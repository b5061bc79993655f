import { describe, expect, test } from 'vitest';
import { TraceRouter } from '../../src/exporters/balancing/trace-router.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: two balancers that know nothing of each other; each span of a trace comes by one of them, by chance. They learn of a new member, and later of one that
 * leaves, at moments that are apart.
 * Guarantees: while the list stays no trace is torn; what is torn was open between the first balancer's learning of a change and the last one's, or began in that time.
 */
const handOverMs = 10_000;
const traceMs = 1000;
const joinMs = 50_000;
const leaveMs = 100_000;
const runMs = 150_000;
const traces = 15_000;

interface Torn {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Traces that went to two members, with their first and last span; the second balancer learns `skewMs` later. */
function simulate(seed: number, skewMs: number): readonly Torn[] {
  const next = mulberry(seed);
  const ids = Uint32Array.from({ length: traces * 4 }, () => Math.floor(next() * 2 ** 32));
  const balancers = [0, skewMs].map((lateMs, index) => {
    const router = new TraceRouter({ rememberMs: handOverMs, tracesMax: 1_000_000, hashSeed: seed * 10 + index });
    router.setMembers(['a:1', 'b:1', 'c:1'], 0);
    const changes = [{ atMs: joinMs + lateMs, names: ['a:1', 'b:1', 'c:1', 'd:1'] }, { atMs: leaveMs + lateMs, names: ['b:1', 'c:1', 'd:1'] }];
    const route = (at: number, nowMs: number): string => {
      if (changes.length > 0 && changes[0].atMs <= nowMs) router.setMembers(changes.shift()?.names ?? [], nowMs);
      router.advanceTo(nowMs);
      const number = router.route(ids, at);
      router.hold(ids, at, number);
      return router.members.find((member) => member.number === number)?.name ?? 'nobody';
    };
    return { route };
  });
  const spans = Array.from({ length: traces }, (_, trace) => {
    const startMs = next() * runMs;
    return Array.from({ length: 5 }, (_span, index) => ({ trace, atMs: startMs + (index === 0 ? 0 : next() * traceMs) }));
  }).flat().sort((a, b) => a.atMs - b.atMs);
  const seen = new Map<number, { firstMs: number; lastMs: number; readonly members: Set<string> }>();
  for (const { trace, atMs } of spans) {
    const member = balancers[next() < 0.5 ? 0 : 1].route(trace * 4, atMs);
    const known = seen.get(trace) ?? { firstMs: atMs, lastMs: atMs, members: new Set() };
    seen.set(trace, known);
    known.lastMs = atMs;
    known.members.add(member);
  }
  return [...seen.values()].filter(({ members }) => members.size > 1);
}

function touches({ firstMs, lastMs }: Torn, changeMs: number, skewMs: number): boolean {
  return firstMs <= changeMs + skewMs && lastMs >= changeMs;
}

describe.each([0, 5000])('changes learnt %i ms apart', (skewMs) => {
  test.each([1, 2, 3])('tear only traces that are open then (seed %i)', (seed) => {
    const torn = simulate(seed, skewMs);
    expect(torn.filter((trace) => !touches(trace, joinMs, skewMs) && !touches(trace, leaveMs, skewMs))).toEqual([]);
    // A quarter of the traces of about a second, and of the time between, moves; most of those come by both balancers.
    const open = traces / runMs * (skewMs + traceMs);
    expect(torn.length).toBeGreaterThan(0);
    expect(torn.length).toBeLessThan(open * 2 * (1 / 3));
  });
});
