import { expect, test } from 'vitest';
import { changed, stamped } from '../golden/kept-support.ts';
import { objects, type OtlpRequest } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { Arrived } from './support/compare.ts';

/** Guarantees: the comparisons of these tests notice what they are for. */
const sent = readTruth('collector_traces').slice(0, 2);
const came = sent.map(stamped);
const first = came.slice(0, 1);

test('all of it, stamped', () => {
  const arrived = Arrived.kept('traces', came);
  expect(arrived.missing(sent)).toBeNull();
  expect(arrived.left()).toBeNull();
});

test.each<readonly [string, readonly OtlpRequest[]]>([
  ['nothing of a request', first],
  ['without its stamps', sent],
  ['an attribute less', came.map((request) => changed(request, (items) => items.map((item) => ({ ...item, attributes: objects(item['attributes']).slice(1) }))))],
  ['one span less', came.map((request) => changed(request, (items) => items.slice(1)))],
  ['another count', came.map((request) => JSON.parse(JSON.stringify(request).replaceAll('"doubleValue":1', '"doubleValue":2')) as OtlpRequest)],
  ['another resource', came.map((request) => JSON.parse(JSON.stringify(request).replaceAll('telemetrygen', 'another')) as OtlpRequest)],
])('%s is noticed', (_, received) => {
  expect(Arrived.kept('traces', received).missing(sent)).not.toBeNull();
});

test('what comes twice is noticed', () => {
  const arrived = Arrived.kept('traces', [...came, ...first]);
  expect(arrived.missing(sent)).toBeNull();
  expect(arrived.left()).toMatch(/more came, among them \(1 times\)/);
});
