import { expect, test } from 'vitest';
import { editDistance, nearestWord, suggestion } from '../../../src/base/suggest.ts';

test.each([['', '', 0], ['abc', 'abc', 0], ['abc', 'acb', 1], ['abc', 'ab', 1], ['kitten', 'sitting', 3], ['ca', 'abc', 3], ['', 'abc', 3]])(
  'distance of "%s" and "%s" is %d', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });

test('the nearest word is told only when it is near', () => {
  expect(nearestWord('lenght', ['length', 'latency'])).toBe('length');
  expect(nearestWord('Receivers', ['receivers'])).toBe('receivers');
  expect(nearestWord('banana', ['length', 'latency'])).toBe(null);
  expect(nearestWord('x'.repeat(1_000_000), ['length'])).toBe(null);
  expect(suggestion('banana', ['a', 'b'])).toBe('; known here: a, b');
  expect(suggestion('banana', [])).toBe('');
});
