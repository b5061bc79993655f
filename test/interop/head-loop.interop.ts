import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { startApp } from '../../src/app.ts';
import { packageFile } from '../../src/base/package-paths.ts';
import { parseConfig } from '../../src/config/load.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { runProgram } from '../support/built-program.ts';
import { splitDelimited } from '../support/captures.ts';
import { type JsonObject, object, objects } from '../support/otlp-json.ts';
import { toOtlp } from '../support/otap-to-otlp.ts';
import { describeWith, pathOf } from './support/with-pieces.ts';

/**
 * Scenario: twenty services with the SDK for JavaScript and `thresher/sampler`, Zipf from 600 traces a second, send to a Thresher that keeps two of each service and window of a
 * second, and all that failed, and tells them with what rate to sample. Nobody sets a rate. One service steps to ten times its load and back, another to a tenth, a third appears, a fourth
 * fails for a while.
 * Guarantees: once the rates have settled, before the steps, between and after them, of what would be collected and dropped without head sampling four fifths are not sent; the
 * kept budget is met within a tenth; what is kept estimates what the services began, throughout.
 */
const [mostPerSecond, seconds, keptOfWindow, up, down] = [600, 76, 2, 26, 50];
/** Seconds in which rates have settled, and how many services there are then. */
const settledPhases = [[14, 26, 19], [38, 50, 20], [64, 76, 20]] as const;
const directory = mkdtempSync(join(tmpdir(), 'head-loop-'));
afterAll(() => rmSync(directory, { recursive: true }));

interface Begun {
  readonly ms: number;
  readonly begun: number;
  readonly sampled: number;
}

interface Kept {
  readonly second: number;
  readonly count: number;
}

/** An attribute that is a number. */
function attribute(span: JsonObject, key: string): number {
  const value = object(objects(span['attributes']).find((each) => each['key'] === key)?.['value']);
  return Number(value['intValue'] ?? value['doubleValue']);
}

function keptOf(path: string): Kept[] {
  const decoder = new OtapStreamDecoder('traces');
  const requests = splitDelimited(readFileSync(path)).map((message) => toOtlp(decoder.decode(message)));
  const spans = requests.flatMap(({ resourceSpans }) => objects(resourceSpans)).flatMap((resource) => objects(resource['scopeSpans'])).flatMap((scope) => objects(scope['spans']));
  return spans.map((span) => ({ second: attribute(span, 'second'), count: attribute(span, 'sampling.adjusted_count') }));
}

describeWith('twenty services with the SDK for JavaScript and thresher/sampler', ['sdkJs'], () => {
  test('send what is needed, and what is kept stands for all', async () => {
    const [policy, out] = [join(directory, 'two.sql'), join(directory, 'out.otap')];
    writeFileSync(policy, `SELECT unnest(bottom_k(item, ${keptOfWindow}), recursive := true) FROM traces GROUP BY root_service UNION ALL BY NAME SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error`);
    const text = `receivers: { otlp: { http: { endpoint: 127.0.0.1:0 } } }\nwindows: { traces: { length: 1s, decision_wait: 500ms } }\npolicies: ${policy}\nexporters: { otap_file: { path: ${out} } }\nhttp: { endpoint: 127.0.0.1:0 }\nhead:\n  lookback: 5s\n  poll_interval: 1s\n  floor_traces_per_second: 1\n  http: { endpoint: 127.0.0.1:0 }\n  grpc: { enabled: false }\n`;
    const app = await startApp(parseConfig({ text, name: 'test.yaml', environment: {}, directory }), silentLogger);
    const said = await runProgram(process.execPath, ['services.mjs', `http://${app.addresses.otlpHttp[0]}`, pathToFileURL(packageFile('src/sampler/index.ts')).href, `http://${app.addresses.head?.http ?? ''}`, ...[mostPerSecond, seconds, up, down].map(String)], { cwd: pathOf('sdkJs') });
    expect(await app.drain()).toBe(true);
    const lines = said.trim().split('\n').map((line) => JSON.parse(line) as Begun);
    const kept = keptOf(join(directory, 'out.traces.otap'));
    for (const [first, end, services] of settledPhases) {
      const [from, to] = [lines[first - 1], lines[end - 1]];
      const [begun, sent] = [to.begun - from.begun, to.sampled - from.sampled];
      const settled = kept.filter(({ second }) => second >= first && second < end).length;
      const budget = ((to.ms - from.ms) / 1000) * keptOfWindow * services;
      console.log({ first, begun, sent, settled, budget, saved: 1 - (sent - settled) / (begun - settled) });
      expect(sent - settled).toBeLessThan(0.2 * (begun - settled));
      expect(Math.abs(settled / budget - 1)).toBeLessThan(0.1);
    }
    const [estimate, truth] = [kept.reduce((total, { count }) => total + count, 0), lines[seconds - 1].begun];
    console.log({ estimate, truth });
    expect(Math.abs(estimate / truth - 1)).toBeLessThan(0.25);
  });
});
