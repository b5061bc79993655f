import { expect, test } from 'vitest';
import { EndpointRing } from '../../../src/exporters/endpoint-ring.ts';
import { retryAfterMs } from '../../../src/exporters/otlp-answer.ts';

test('endpoints take turns; one that rests is left out until its time', () => {
  const ring = new EndpointRing(['a', 'b', 'c']);
  expect([ring.take(0), ring.take(0), ring.take(0), ring.take(0)]).toEqual(['a', 'b', 'c', 'a']);
  ring.rest('b', 0, 100);
  expect([ring.take(0), ring.take(0), ring.take(0)]).toEqual(['c', 'a', 'c']);
  expect(ring.waitMs(0)).toBe(0);
  expect([ring.take(100), ring.take(100)]).toEqual(['a', 'b']);
});

test('when all rest, the wait is for the first; a longer rest is not cut short, and none is for ever', () => {
  const ring = new EndpointRing(['a', 'b']);
  ring.rest('a', 0, 500);
  ring.rest('a', 10, 20);
  ring.rest('b', 0, 1e12);
  expect([ring.waitMs(100), ring.waitMs(500), ring.take(500), ring.take(500)]).toEqual([400, 0, 'a', 'a']);
  expect(ring.waitMs(600_000)).toBe(0);
  expect(new Set([ring.take(600_000), ring.take(600_000)])).toEqual(new Set(['a', 'b']));
});

test('Retry-After is seconds or a date', () => {
  const now = Date.UTC(2026, 0, 1);
  expect(['5', ' 0 ', 'Thu, 01 Jan 2026 00:00:10 GMT', 'Wed, 31 Dec 2025 00:00:00 GMT', 'soon', '-1', '1e9', '99999999999', undefined].map((header) => retryAfterMs(header, now)))
    .toEqual([5000, 0, 10_000, 0, null, null, null, null, null]);
});
