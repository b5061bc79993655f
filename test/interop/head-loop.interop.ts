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
 * second, and tells them with what rate to sample. Nobody sets a rate.
 * Guarantees: once the rates have settled, of what would be collected and dropped without head sampling four fifths are not sent; the kept budget is met within a tenth; what is
 * kept still estimates what the services began, throughout.
 */
const [mostPerSecond, seconds, settledSecond, keptOfWindow] = [600, 30, 14, 2];
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
    writeFileSync(policy, `SELECT unnest(bottom_k(item, ${keptOfWindow}), recursive := true) FROM traces GROUP BY root_service`);
    const text = `receivers: { otlp: { http: { endpoint: 127.0.0.1:0 } } }\nwindows: { traces: { length: 1s, decision_wait: 500ms } }\npolicies: ${policy}\nexporters: { otap_file: { path: ${out} } }\nhttp: { endpoint: 127.0.0.1:0 }\nhead:\n  lookback: 5s\n  poll_interval: 1s\n  floor_traces_per_second: 1\n  http: { endpoint: 127.0.0.1:0 }\n  grpc: { enabled: false }\n`;
    const app = await startApp(parseConfig({ text, name: 'test.yaml', environment: {}, directory }), silentLogger);
    const said = await runProgram(process.execPath, ['services.mjs', `http://${app.addresses.otlpHttp[0]}`, pathToFileURL(packageFile('src/sampler/index.ts')).href, `http://${app.addresses.head?.http ?? ''}`, String(mostPerSecond), String(seconds)], { cwd: pathOf('sdkJs') });
    expect(await app.drain()).toBe(true);
    const lines = said.trim().split('\n').map((line) => JSON.parse(line) as Begun);
    const [from, to] = [lines[settledSecond - 1], lines[seconds - 1]];
    const [begun, sent] = [to.begun - from.begun, to.sampled - from.sampled];
    const kept = keptOf(join(directory, 'out.traces.otap'));
    const settled = kept.filter(({ second }) => second >= settledSecond).length;
    const budget = ((to.ms - from.ms) / 1000) * keptOfWindow * 20;
    const estimate = kept.reduce((total, { count }) => total + count, 0);
    console.log({ begun, sent, settled, budget, saved: 1 - (sent - settled) / (begun - settled), estimate, truth: to.begun });
    expect(sent - settled).toBeLessThan(0.2 * (begun - settled));
    expect(Math.abs(settled / budget - 1)).toBeLessThan(0.1);
    expect(Math.abs(estimate / to.begun - 1)).toBeLessThan(0.25);
  });
});
