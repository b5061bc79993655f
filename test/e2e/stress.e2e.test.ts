import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type App, startApp } from '../../src/app.ts';
import { parseConfig } from '../../src/config/load.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { request } from './otlp-receiver-support.ts';
import { Backend } from './run-support.ts';

/**
 * Scenario: the whole program; its policy keeps all, and takes several times the length of a window for the load that comes; then hardly anything comes.
 * Guarantees: less is taken in, all of it acknowledged; what leaves are whole traces of one threshold each, whose counts say how many spans were sent; the probability rises
 * again when the load is gone; metrics and health say it all.
 */

const slowPolicy = `SELECT t.trace_id, 1.0 AS probability FROM traces t, range(10000) a, range(2) b
  GROUP BY t.trace_id HAVING sum((t.randomness % 1000) * (a.range + b.range) % 7) >= 0`;
const spansOfTrace = 3;
const stepMs = 100;

function configOf(directory: string, port: number) {
  return parseConfig({
    name: 'test', environment: {}, directory,
    text: `receivers: { otlp: { http: { endpoint: "127.0.0.1:0" } } }
policies: [slow.sql]
http: { endpoint: "127.0.0.1:0" }
windows: { traces: { length: 500ms, decision_wait: 500ms } }
output: { policy_attribute: true }
stress_relief: { enabled: true, window_load: 0.5, event_loop_delay: 5s, recovery: 1s }
exporters: { otap: { endpoint: "127.0.0.1:${port}", tls: { insecure: true } } }`,
  });
}

const bodyOf = (traces: readonly string[]): Buffer => Buffer.from(JSON.stringify({
  resourceSpans: [{ resource: {}, scopeSpans: [{ spans: traces.map((traceId) => ({ traceId, spanId: randomBytes(8).toString('hex'), name: 'x', startTimeUnixNano: String(Date.now() * 1e6), endTimeUnixNano: String(Date.now() * 1e6 + 1000) })) }] }],
}));

/** Sends for `ms`: `perStep` new traces each step, the spans of each one step apart. Gives how many spans were sent, and the least probability on the way. */
async function load(app: App, perStep: number, ms: number): Promise<{ readonly spans: number; readonly least: number; readonly last: number }> {
  const port = Number(app.addresses.otlpHttp[0].split(':').at(-1));
  const young: string[][] = [];
  let [spans, least, last] = [0, 1, 1];
  for (let step = 0; step < ms / stepMs + spansOfTrace; step++) {
    const born = step < ms / stepMs ? Array.from({ length: perStep }, () => randomBytes(16).toString('hex')) : [];
    young.push(born);
    const due = young.slice(-spansOfTrace).flat();
    const began = performance.now();
    const { status } = await request(port, { path: '/v1/traces', body: bodyOf(due), headers: { 'content-type': 'application/json' } });
    expect(status).toBe(200);
    spans += due.length;
    last = await probability(app);
    least = Math.min(least, last);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, stepMs - (performance.now() - began))));
  }
  return { spans, least, last };
}

async function probability({ addresses }: App): Promise<number> {
  const health = await (await fetch(`http://${addresses.http}/healthz`)).text();
  return Number(/"probability":([\d.]+)/.exec(health)?.[1]);
}

test('under more load than policies follow less is taken in, and counts stay right', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'stress-'));
  writeFileSync(join(directory, 'slow.sql'), slowPolicy);
  const backend = new Backend();
  const app = await startApp(configOf(directory, await backend.listen()), silentLogger);
  let drained = false;
  try {
    const pressed = await load(app, 100, 5000);
    const calm = await load(app, 1, 6000);
    const text = app.registry.text();
    await app.drain();
    drained = true;
    const { truth, traces } = judge(backend, pressed.spans + calm.spans);
    console.log({ pressed, calm, ...truth, traces, metrics: text.split('\n').filter((line) => line.startsWith('thresher_stress')) });
    expect(pressed.least).toBeLessThan(0.6);
    expect(calm.last).toBeGreaterThan(Math.min(0.99, calm.least * 2));
    expect(truth.torn + truth.twoThresholds).toBe(0);
    expect(Math.abs(truth.z)).toBeLessThan(4);
    expect(truth.reasons).toEqual(expect.arrayContaining(['slow,stress']));
    expect(Number(/thresher_stress_dropped_items_total\{signal="traces",at="arrival"\} (\d+)/.exec(text)?.[1])).toBeGreaterThan(0);
  } finally {
    if (!drained) await app.drain();
    await backend.close();
    rmSync(directory, { recursive: true });
  }
});

interface Span {
  readonly traceId: string;
  readonly th: string;
  readonly reason: string;
}

function judge(backend: Backend, sent: number) {
  const spans = backend.received.traces.flatMap((one) => spansOf(one));
  const byTrace = Map.groupBy(spans, ({ traceId }) => traceId);
  let [estimate, variance, torn, twoThresholds] = [0, 0, 0, 0];
  for (const own of byTrace.values()) {
    const count = 2 ** 56 / (2 ** 56 - Number(BigInt(`0x${own[0].th.padEnd(14, '0')}`)));
    estimate += count * own.length;
    variance += (count * own.length) ** 2 * (1 - 1 / count);
    if (own.length !== spansOfTrace) torn++;
    if (new Set(own.map(({ th }) => th)).size > 1) twoThresholds++;
  }
  const z = variance === 0 ? 0 : (estimate - sent) / Math.sqrt(variance);
  return { truth: { sent, out: spans.length, estimate, z, torn, twoThresholds, reasons: [...new Set(spans.map(({ reason }) => reason))] }, traces: byTrace.size };
}

function spansOf(batch: unknown): Span[] {
  const found: Span[] = [];
  JSON.stringify(batch, (_, value: unknown) => {
    if (value !== null && typeof value === 'object' && 'traceId' in value && 'spanId' in value && 'name' in value) found.push(spanOf(value));
    return value;
  });
  return found;
}

function spanOf(value: { readonly traceId: unknown }): Span {
  const text = JSON.stringify(value);
  return { traceId: String(value.traceId), th: /ot=th:([0-9a-f]+)/.exec(text)?.[1] ?? '', reason: /"sampling\.policy","value":\{"stringValue":"([^"]*)"/.exec(text)?.[1] ?? '' };
}
