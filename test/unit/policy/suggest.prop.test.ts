import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, suggestion } from '../../../src/policy/compile/suggest.ts';

/** The definition, by recursion. */
function definition(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const rest = definition(a.slice(1), b.slice(1));
  return a[0] === b[0] ? rest : 1 + Math.min(rest, definition(a.slice(1), b), definition(a, b.slice(1)));
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });

test('the distance is the least number of edits', () => {
  fc.assert(fc.property(word, word, (a, b) => editDistance(a, b) === definition(a, b)), { seed: 1 });
});

test('known distances, case ignored', () => {
  expect([editDistance('kitten', 'sitting'), editDistance('flaw', 'LAWN'), editDistance('Spans', 'spans')]).toEqual([3, 2, 0]);
});

test('only what is near is suggested', () => {
  expect(suggestion('tracs', ['spans', 'traces'])).toBe('did you mean traces?');
  expect(suggestion('orders', ['spans', 'traces'])).toBeNull();
});
