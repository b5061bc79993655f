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
import { canonical, toOtlp } from '../support/otap-to-otlp.ts';
import { describeWith, pathOf } from './support/with-pieces.ts';

/**
 * Scenario: two services with the SDK for JavaScript, the one called by the other, send the same 8,000 traces to Thresher twice: once all of them, once with
 * `thresher/sampler`, which asks that Thresher for its rates and is told 1/4. Thresher keeps samples, all of them below 1/4.
 * Guarantees (sampling.md, rule 21): what it keeps is the same, item for item, attribute for attribute, thresholds and counts too, while three quarters are never sent.
 * Control: a policy that asks for more than the head lets through loses items.
 */
const traces = 8000;
const policies = {
  within: `SELECT unnest(bottom_k(item, 300), recursive := true) FROM traces WHERE root_name <> 'GET /item/0'
    UNION ALL SELECT trace_id, 0.2 AS probability FROM traces WHERE root_name = 'GET /item/0'
    UNION ALL SELECT trace_id, 0.1 AS probability FROM traces`,
  beyond: 'SELECT trace_id, 0.5 AS probability FROM traces',
} as const;

interface Report {
  readonly spans: number;
  readonly sampledRoots: number;
  readonly states: Readonly<Record<string, number>>;
}

interface Outcome {
  readonly kept: readonly string[];
  readonly report: Report;
}

const directory = mkdtempSync(join(tmpdir(), 'head-sampler-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Sends everything through a Thresher of its own; what it kept, each span in full, in order. */
async function outcome(name: string, sql: string, isSampled: boolean): Promise<Outcome> {
  const [policy, out] = [join(directory, `${name}.sql`), join(directory, `${name}.otap`)];
  writeFileSync(policy, sql);
  const text = `receivers: { otlp: { http: { endpoint: 127.0.0.1:0 } } }\nwindows: { traces: { length: 10m, decision_wait: 0s } }\npolicies: ${policy}\nexporters: { otap_file: { path: ${out} } }\nhttp: { endpoint: 127.0.0.1:0 }\nhead:\n  default_rate: 0.25\n  http: { endpoint: 127.0.0.1:0 }\n  grpc: { enabled: false }\n`;
  const app = await startApp(parseConfig({ text, name: 'test.yaml', environment: {}, directory }), silentLogger);
  const sampler = isSampled ? [pathToFileURL(packageFile('src/sampler/index.ts')).href, `http://${app.addresses.head?.http ?? ''}`] : ['none', '-'];
  const report = JSON.parse(await runProgram(process.execPath, ['sampled.mjs', `http://${app.addresses.otlpHttp[0]}`, ...sampler, String(traces)], { cwd: pathOf('sdkJs') })) as Report;
  expect(await app.drain()).toBe(true);
  const decoder = new OtapStreamDecoder('traces');
  const batches = splitDelimited(readFileSync(join(directory, `${name}.traces.otap`))).map((message) => toOtlp(decoder.decode(message)));
  return { kept: canonical(batches).sort(), report };
}

describeWith('SDK for JavaScript with thresher/sampler', ['sdkJs'], () => {
  test('is sampled at the head and what is kept stays the same, item for item', async () => {
    const all = await outcome('all', policies.within, false);
    const sampled = await outcome('sampled', policies.within, true);
    expect(all.report.spans).toBe(3 * traces);
    // Binomial(8000, 1/4): 2,000 with a standard deviation of 39.
    expect(Math.abs(sampled.report.sampledRoots - traces / 4)).toBeLessThan(6 * 39);
    expect(sampled.report.spans).toBe(3 * sampled.report.sampledRoots);
    expect(sampled.report.states).toEqual({ 'ot=th:c': sampled.report.sampledRoots });
    expect(all.kept.length).toBeGreaterThan(3 * 900);
    expect(sampled.kept).toEqual(all.kept);
  });

  test('control: a policy that asks for more than the head lets through loses items', async () => {
    const all = await outcome('all-beyond', policies.beyond, false);
    const sampled = await outcome('sampled-beyond', policies.beyond, true);
    expect(sampled.kept.length).toBeLessThan(0.6 * all.kept.length);
    expect(sampled.kept.every((item) => item.includes('ot=th:c'))).toBe(true);
  });
});
