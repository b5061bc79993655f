import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startApp } from '../../src/app.ts';
import { parseConfig } from '../../src/config/load.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { splitDelimited } from '../support/captures.ts';
import { randomTrace } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';
import { toOtlp } from '../support/otap-to-otlp.ts';
import { type JsonObject, object, objects } from '../support/otlp-json.ts';

/**
 * Scenario: a running Thresher serves 1/4 to a service whose SDK writes no threshold, and is told that the rate served is what its traces came with (`unknown_input: served`).
 * Guarantees (sampling.md, rule 23): traces that began within two polls of the start leave without count and threshold; later ones stand for four each, without a threshold.
 */
const directory = mkdtempSync(join(tmpdir(), 'head-served-'));
afterAll(() => rmSync(directory, { recursive: true }));

function config(): string {
  const [policy, rates] = [join(directory, 'all.sql'), join(directory, 'rates.sql')];
  writeFileSync(policy, 'SELECT trace_id, 1.0 AS probability FROM traces');
  writeFileSync(rates, 'SELECT service, NULL::VARCHAR AS operation, 0.25::DOUBLE AS rate FROM head_statistics');
  return JSON.stringify({
    receivers: { otlp: { http: { endpoint: '127.0.0.1:0' }, input_without_threshold: 'unknown' } },
    windows: { traces: { length: '500ms', decision_wait: '0s', unknown_input: 'served' } }, policies: [policy], exporters: { otap_file: { path: join(directory, 'out.otap') } }, http: { endpoint: '127.0.0.1:0' },
    head: { http: { endpoint: '127.0.0.1:0' }, grpc: { enabled: false }, default_rate: 0.25, poll_interval: '1s', policy: rates },
  });
}

const chance = mulberry(31);

/** Traces of one span that begin now. */
async function send(address: string, name: string): Promise<void> {
  const startTimeUnixNano = `${Date.now()}000000`;
  const spans = Array.from({ length: 50 }, () => ({ traceId: randomTrace(chance), spanId: '00000000000000aa', name, kind: 2, startTimeUnixNano, endTimeUnixNano: startTimeUnixNano }));
  const body = JSON.stringify({ resourceSpans: [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: 'checkout' } }] }, scopeSpans: [{ spans }] }] });
  expect((await fetch(`http://${address}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status).toBe(200);
}

function sent(): JsonObject[] {
  const decoder = new OtapStreamDecoder('traces');
  return splitDelimited(readFileSync(join(directory, 'out.traces.otap'))).flatMap((message) => objects(toOtlp(decoder.decode(message)).resourceSpans))
    .flatMap((resource) => objects(resource['scopeSpans'])).flatMap((scope) => objects(scope['spans']));
}

/** What spans of a name stand for, each different answer once. */
function countsOf(spans: readonly JsonObject[], name: string): unknown[] {
  const counts = spans.filter((span) => span['name'] === name).map((span) => object(objects(span['attributes'] ?? []).find(({ key }) => key === 'sampling.adjusted_count')?.['value'] ?? {})['doubleValue'] ?? null);
  return [...new Set(counts)];
}

test('the rate that was served stands for what traces came with, two polls after the start', async () => {
  const app = await startApp(parseConfig({ text: config(), name: 'test.yaml', environment: {}, directory }), silentLogger);
  const [address] = app.addresses.otlpHttp;
  await send(address, 'early');
  await new Promise((resolve) => setTimeout(resolve, 3500));
  await send(address, 'settled');
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(await app.drain()).toBe(true);
  const spans = sent();
  expect(spans).toHaveLength(100);
  expect(countsOf(spans, 'early')).toEqual([null]);
  expect(countsOf(spans, 'settled')).toEqual([4]);
  for (const { traceState = '' } of spans) expect(traceState).not.toContain('th:');
});
