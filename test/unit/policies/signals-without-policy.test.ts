import { expect, test } from 'vitest';
import { openPolicies, signalsWithoutPolicy } from '../../../src/policies.ts';
import { feed, openFlow } from '../../sql/store/support.ts';
import { readCapture } from '../../support/captures.ts';
import { difference, stamped } from '../../golden/kept-support.ts';
import { canonical, toOtlp } from '../../support/otap-to-otlp.ts';
import { objects } from '../../support/otlp-json.ts';
import { readTruth } from '../../support/otlp-truth.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';

/**
 * Scenario: telemetry of a signal comes that no enforce policy is for.
 * Guarantees: with `keepsRest` all of it leaves as it came, each item counting for itself, in the golden sense; drop policies still limit it and
 * shadow policies change nothing; without, nothing leaves; policies of the other signal are as they were.
 */
const tracesOnly = { name: 'errors', text: 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error' };
const shadow = { name: 'seen', text: '-- mode: shadow\nSELECT id, 0.5 AS probability FROM logs WHERE severity_number >= 17' };
const drop = { name: 'debug', text: '-- mode: drop\nSELECT id FROM logs WHERE severity_number < 9' };

async function logsThrough(texts: readonly { readonly name: string; readonly text: string }[], keepsRest: boolean): ReturnType<typeof openFlow> {
  const { policies, setupSql } = await openPolicies(texts, { keepsRest });
  const flow = await openFlow({ policies, setupSql });
  await feed(flow, 'logs', readCapture('logs_zstd').slice(0, 20));
  await flow.processor.drain();
  flow.processor.close();
  expect(flow.tally.firstError).toBeNull();
  return flow;
}

const truth = readTruth('logs_zstd').slice(0, 20);

test.each([['no policy', [tracesOnly]], ['a shadow policy', [tracesOnly, shadow]]])('%s for logs: they leave as they came', async (_, texts) => {
  const { sink } = await logsThrough(texts, true);
  const decoder = new OtapStreamDecoder('logs');
  expect(difference(sink.messages('logs').map((message) => toOtlp(decoder.decode(message))), canonical(truth.map(stamped)))).toBeNull();
});

test('a drop policy alone: the rest leaves', async () => {
  const { tally } = await logsThrough([drop], true);
  const { policies } = await openPolicies([drop], { keepsRest: true });
  expect(policies.map(({ name, signal, mode }) => [name, signal, mode])).toEqual([['debug', 'logs', 'drop'], ['keep_all', 'traces', 'enforce'], ['keep_all', 'logs', 'enforce']]);
  const { items, kept } = tally.bySignal.logs;
  const dropped = truth.flatMap(({ resourceLogs }) => objects(resourceLogs)).flatMap(({ scopeLogs }) => objects(scopeLogs)).flatMap(({ logRecords }) => objects(logRecords))
    .filter(({ severityNumber }) => Number(severityNumber ?? 0) < 9).length;
  expect(dropped).toBeGreaterThan(0);
  expect([kept, dropped + kept]).toEqual([items - dropped, items]);
});

test('without `keepsRest` nothing is named, so nothing leaves', async () => {
  const { tally } = await logsThrough([tracesOnly], false);
  expect(tally.bySignal.logs.kept).toBe(0);
  expect(tally.bySignal.logs.items).toBeGreaterThan(0);
});

test('signals that policies are for are left alone', async () => {
  const { policies } = await openPolicies([tracesOnly, { name: 'logs', text: 'SELECT id, 1.0 AS probability FROM logs WHERE false' }], { keepsRest: true });
  expect(policies.map(({ name }) => name)).toEqual(['errors', 'logs']);
  expect(signalsWithoutPolicy(policies)).toEqual([]);
});
