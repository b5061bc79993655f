import { describe, expect, test } from 'vitest';
import { flowThrough } from '../sql/store/support.ts';
import { captures, readCapture } from '../support/captures.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { type JsonObject, objects, type OtlpRequest } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeWithGo, withoutGo } from '../support/otapverify.ts';
import { decodeOwn } from '../support/reencode.ts';
import { changed, difference, replayed, sampled, stamped, tallyOf } from './kept-support.ts';

/**
 * Scenario: recorded streams of both reference encoders go through the whole main path by event time, in windows so short that
 * traces come in several slots and spans come late; under a policy that keeps everything.
 * Guarantees: what leaves is what came, attribute by attribute, to our decoder and to the Go reference consumer; beside it only
 * what sampling writes, as the sampling rules say.
 */
describe.each(sampled)('$name', ({ name, signal }) => {
  test('a policy that keeps everything gives back everything', async () => {
    const flow = await replayed(name, signal, { traces: 'SELECT trace_id, 1.0 AS probability FROM traces', logs: 'SELECT id, 1.0 AS probability FROM logs' });
    const decoded = decodeOwn(signal, flow.sink.messages(signal));
    const truth = canonical(readTruth(name).map(stamped));
    expect(difference(decoded, truth)).toBeNull();
    expect(tallyOf(flow, signal)).toMatchObject({ items: truth.length, kept: truth.length, unreadable: 0, policyFailures: 0 });
    expect(tallyOf(flow, signal).windows).toBeGreaterThan(name.startsWith('collector') ? 0 : 3);
    if (name === 'traces_zstd') expect(tallyOf(flow, signal).lateKept).toBeGreaterThan(0);
    if (withoutGo === null) expect(difference(decodeWithGo(signal, flow.sink.messages(signal)), truth)).toBeNull();
  });
});

test('a span that is missing and one with another count are noticed', async () => {
  const flow = await replayed('collector_traces', 'traces', { traces: 'SELECT trace_id, 1.0 AS probability FROM traces', logs: '' });
  const decoded = decodeOwn('traces', flow.sink.messages('traces'));
  const truth = readTruth('collector_traces');
  expect(difference(decoded, canonical(truth.map(stamped)))).toBeNull();
  expect(difference(decoded, canonical(truth.map(stamped)).slice(1))).not.toBeNull();
  expect(difference(decoded, canonical(truth.map((request) => changed(stamped(request), (items) => items.map((item) => ({ ...item, attributes: objects(item['attributes']).slice(0, -1) }))))))).not.toBeNull();
});

test.each(captures.filter(({ signal }) => signal === 'metrics'))('$name passes through', async ({ name }) => {
  const { sink, tally } = await flowThrough('metrics', readCapture(name), {});
  expect(canonical(decodeOwn('metrics', sink.messages('metrics')))).toEqual(canonical(readTruth(name)));
  expect(tally.metricsPassed).toBe(readTruth(name).flatMap(metricsOf).length);
});

function metricsOf(request: OtlpRequest): readonly JsonObject[] {
  return objects(request.resourceMetrics).flatMap((resource) => objects(resource['scopeMetrics']).flatMap((scope) => objects(scope['metrics'])));
}
