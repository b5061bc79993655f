import fc from 'fast-check';
import { expect, test } from 'vitest';
import { smallestOfComponent } from '../../../src/sampling/union-find.ts';

const seed = 20_261_121;
console.log(`union-find: seed ${seed}`);

/** By labels that spread along edges until nothing changes. */
function bySpreading(count: number, edges: readonly (readonly [number, number])[]): number[] {
  const label = Array.from({ length: count }, (_, node) => node);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [a, b] of edges) {
      const least = Math.min(label[a], label[b]);
      changed ||= label[a] !== least || label[b] !== least;
      label[a] = least;
      label[b] = least;
    }
  }
  return label;
}

const graphs = fc.integer({ min: 1, max: 40 }).chain((count) => fc.tuple(fc.constant(count), fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 60 })));

test('the smallest node of each component', () => {
  fc.assert(fc.property(graphs, ([count, edges]) => {
    expect([...smallestOfComponent(count, Uint32Array.from(edges.flat()))]).toEqual(bySpreading(count, edges));
  }), { seed, numRuns: 300 });
});

test('a chain of a million is no stack of calls', () => {
  const count = 1_000_000;
  const edges = new Uint32Array((count - 1) * 2);
  for (let i = 0; i < count - 1; i++) edges.set([count - 2 - i, count - 1 - i], i * 2);
  const leaders = smallestOfComponent(count, edges);
  expect(leaders.every((leader) => leader === 0)).toBe(true);
});
