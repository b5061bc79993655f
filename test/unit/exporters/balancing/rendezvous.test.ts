import { describe, expect, test } from 'vitest';
import { nobody, TraceRouter } from '../../../../src/exporters/balancing/trace-router.ts';
import { mulberry } from '../../../support/mulberry.ts';

const traces = 60_000;

function randomIds(): Uint32Array {
  const next = mulberry(7);
  return Uint32Array.from({ length: traces * 4 }, () => Math.floor(next() * 2 ** 32));
}

/** Ids that old generators and tests make: counted up. */
function countedIds(): Uint32Array {
  return Uint32Array.from({ length: traces * 4 }, (_, index) => (index % 4 === 0 ? index / 4 : 0));
}

function namesOf(router: TraceRouter): ReadonlyMap<number, string> {
  return new Map(router.members.map(({ name, number }) => [number, name]));
}

/** The member of each trace. */
function routed(names: readonly string[], ids: Uint32Array): string[] {
  const router = new TraceRouter({ rememberMs: 0, tracesMax: 0 });
  router.setMembers(names, 0);
  const of = namesOf(router);
  return Array.from({ length: traces }, (_, trace) => of.get(router.route(ids, trace * 4)) ?? 'nobody');
}

/** Sum over members of (seen - expected)^2 / expected. */
function chiSquare(members: readonly string[], names: readonly string[]): number {
  const expected = members.length / names.length;
  return names.reduce((sum, name) => sum + (members.filter((each) => each === name).length - expected) ** 2 / expected, 0);
}

describe.each([['random', randomIds()], ['counted', countedIds()]])('%s trace ids', (_kind, ids) => {
  const names = Array.from({ length: 11 }, (_, index) => `10.0.0.${index}:4317`);

  test('are shared out evenly', () => {
    // 10 degrees of freedom: beyond 35.6 once in 10,000.
    expect(chiSquare(routed(names, ids), names)).toBeLessThan(35.6);
    expect(chiSquare(routed(names.slice(0, 2), ids), names.slice(0, 2))).toBeLessThan(15.1);
  });

  test('move to a new member alone, as many as are its share, and from one that is gone to the others evenly', () => {
    const [before, after] = [routed(names.slice(0, 10), ids), routed(names, ids)];
    const moved = before.flatMap((name, trace) => (after[trace] === name ? [] : [after[trace]]));
    expect(new Set(moved)).toEqual(new Set([names[10]]));
    expect(moved.length / traces).toBeCloseTo(1 / 11, 2);
    const heirs = before.filter((_, trace) => after[trace] === names[10]);
    expect(chiSquare(heirs, names.slice(0, 10))).toBeLessThan(33.7);
  });

  test('go to the same member in whatever order the members are named', () => {
    expect(routed([...names].reverse(), ids)).toEqual(routed(names, ids));
  });
});

test('members keep their traces over releases: these scores are an agreement between balancers', () => {
  const ids = Uint32Array.of(0x11111111, 0x22222222, 0x33333333, 0x44444444, 1, 0, 0, 0x80000000, 0xdeadbeef, 5, 6, 7);
  const router = new TraceRouter({ rememberMs: 0, tracesMax: 0 });
  router.setMembers(['a:1', 'b:1', 'c:1', 'd:1', 'e:1'], 0);
  const of = namesOf(router);
  expect([0, 4, 8].map((at) => of.get(router.route(ids, at)))).toMatchInlineSnapshot(`
    [
      "c:1",
      "d:1",
      "c:1",
    ]
  `);
});

test('where nobody answers, nobody is named', () => {
  const router = new TraceRouter({ rememberMs: 1000, tracesMax: 10 });
  expect([router.route(Uint32Array.of(1, 2, 3, 4), 0), router.any()]).toEqual([nobody, nobody]);
  router.setMembers(['a:1'], 0);
  router.setDown(router.any(), true);
  expect([router.route(Uint32Array.of(1, 2, 3, 4), 0), router.any()]).toEqual([nobody, nobody]);
});
