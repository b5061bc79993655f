import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type App, startApp } from '../../src/app.ts';
import { packageFile } from '../../src/base/package-paths.ts';
import { realSeam } from '../../src/base/seam.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { HeadUpdate } from '../../src/head/controller.ts';
import { HeadThread } from '../../src/http/head/thread.ts';
import { metrics } from '../../src/telemetry/declared.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { MetricRegistry } from '../../src/telemetry/metrics.ts';

const directory = mkdtempSync(join(tmpdir(), 'head-app-'));
afterAll(() => rmSync(directory, { recursive: true }));

const policy = join(directory, 'one.sql');
writeFileSync(policy, 'SELECT unnest(bottom_k(item, 1), recursive := true) FROM traces GROUP BY root_service');

function start(more: string, input: 'plays' | 'silent'): Promise<App> {
  const receivers = input === 'plays' ? `{ otap_file: { path: ${packageFile('test/golden/captures/traces_zstd.otap')}, loop: true, speed: 2 } }` : '{ otlp: { grpc: { endpoint: 127.0.0.1:0 } } }';
  const text = `receivers: ${receivers}\nwindows: { traces: { length: 500ms, decision_wait: 0s } }\npolicies: ${policy}\nexporters: { debug: {} }\nhttp: { endpoint: 127.0.0.1:0 }\nhead:\n  http: { endpoint: 127.0.0.1:0 }\n  grpc: { endpoint: 127.0.0.1:0, more_endpoints: [] }\n${more}`;
  return startApp(parseConfig({ text, name: 'test.yaml', environment: {}, directory }), silentLogger);
}

async function rateOf(address: string, service: string): Promise<number> {
  const body: unknown = await (await fetch(`http://${address}/sampling?service=${service}`)).json();
  const match = /"samplingRate":([\d.e-]+)/.exec(JSON.stringify(body));
  return Number(match?.[1]);
}

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never came: ${what}`);
}

describe('a running Thresher', () => {
  test('asks senders for less than comes, says why, counts it, and goes on with it after a restart', async () => {
    const settings = `  floor_traces_per_second: 0\n  lookback: 2s\n  state_file: ${join(directory, 'state.json')}\n`;
    const app = await start(settings, 'plays');
    const address = app.addresses.head?.http ?? '';
    await until(async () => await rateOf(address, 'frontend') < 0.5, 'a rate below 1/2');
    const report: unknown = await (await fetch(`http://${address}/head`)).json();
    expect(report).toMatchObject({ default_rate: 1, services: expect.arrayContaining([expect.objectContaining({ service: 'frontend', history: expect.any(Array), items: expect.any(Object) })]) });
    await until(async () => (await (await fetch(`http://${address}/head`, { headers: { accept: 'text/html' } })).text()).includes('<svg'), 'a plot of two windows');
    const text = await (await fetch(`http://${app.addresses.http}/metrics`)).text();
    for (const metric of ['thresher_head_rate', 'thresher_head_arrivals_per_second']) expect(text).toMatch(new RegExp(`${metric}\\{service="frontend"\\} 0?\\d`));
    expect(text).toMatch(/thresher_head_bytes_total\{service="frontend",outcome="dropped"\} [1-9]/);
    expect(text).toMatch(/thresher_head_items_total\{service="frontend",outcome="kept"\} [1-9]/);
    await app.drain();
    const later = await start(settings, 'silent');
    const rate = await rateOf(later.addresses.head?.http ?? '', 'frontend');
    await later.drain();
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThan(0.6);
  });

  test('takes changed SQL of rates over, and keeps the old one where the new one is wrong', async () => {
    const rates = join(directory, 'changing.sql');
    writeFileSync(rates, 'SELECT service, operation, 0.5 AS rate FROM head_statistics');
    const app = await start(`  policy: ${rates}\n`, 'plays');
    const address = app.addresses.head?.http ?? '';
    await until(async () => await rateOf(address, 'frontend') === 0.5, 'the rate of the first text');
    writeFileSync(rates, 'SELECT service, operation, 0.7 AS rat FROM head_statistics');
    await app.reloadPolicies?.('signal');
    writeFileSync(rates, 'SELECT service, operation, 0.25 AS rate FROM head_statistics');
    await until(async () => await rateOf(address, 'frontend') === 0.25, 'the rate of the last text');
    await app.drain();
  });

  test('does not start where a port is taken, or the SQL of rates is wrong, and says which', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(startApp(parseConfig({
      text: `receivers: { otlp: { grpc: { endpoint: 127.0.0.1:0 } } }\npolicies: ${policy}\nexporters: { debug: {} }\nhttp: { endpoint: 127.0.0.1:0 }\nhead: { http: { endpoint: 127.0.0.1:${port} } }`, name: 't', environment: {}, directory }), silentLogger)).rejects.toThrow(/head\.http\.endpoint: cannot listen/);
    taken.close();
    const rates = join(directory, 'rates.sql');
    writeFileSync(rates, 'SELECT service, operation FROM head_statistics');
    await expect(start(`  policy: ${rates}\n`, 'silent')).rejects.toThrow(/rates: it returns no column rate/);
  });
});

describe('the thread that answers', () => {
  test('is started again at the same address when it fails, with all answers', async () => {
    const registry = new MetricRegistry();
    const update: HeadUpdate = { atNano: 0n, defaultRate: 0.5, strategies: [{ service: 'shop', rate: 0.25, reason: 'r', changedNano: 0n, operations: [] }], removed: [], summaries: [] };
    const listener = { endpoint: '127.0.0.1:0', tls: null, auth: null, insecure: false };
    const thread = new HeadThread({ http: listener, grpc: { ...listener, enabled: true, moreEndpoints: [] } }, { seam: realSeam(), log: silentLogger, registry, snapshot: () => update });
    await thread.start();
    const { http } = thread.addresses;
    const sinceNano = thread.listeningSinceNano ?? 0n;
    expect(await rateOf(http, 'shop')).toBe(0.25);
    const broken: HeadUpdate = JSON.parse('{"strategies":1}');
    thread.update(broken);
    await until(async () => registry.value(metrics.headWorkerRestarts) === 1, 'the restart is counted');
    await until(() => rateOf(http, 'shop').then((rate) => rate === 0.25, () => false), 'it answers again');
    expect(thread.addresses.http).toBe(http);
    expect(sinceNano > 0n && (thread.listeningSinceNano ?? 0n) > sinceNano).toBe(true);
    await thread.close();
    await expect(fetch(`http://${http}/sampling?service=shop`)).rejects.toThrow();
  });

  test('knows what is told while it begins, and ends where it is closed meanwhile', async () => {
    const empty: HeadUpdate = { atNano: 0n, defaultRate: 0.5, strategies: [], removed: [], summaries: [] };
    const listener = { endpoint: '127.0.0.1:0', tls: null, auth: null, insecure: false };
    const open = (): HeadThread => new HeadThread({ http: listener, grpc: { ...listener, enabled: true, moreEndpoints: [] } }, { seam: realSeam(), log: silentLogger, registry: new MetricRegistry(), snapshot: () => empty });
    const thread = open();
    const starting = thread.start();
    thread.update({ ...empty, strategies: [{ service: 'shop', rate: 0.25, reason: 'r', changedNano: 0n, operations: [] }] });
    await starting;
    expect(await rateOf(thread.addresses.http, 'shop')).toBe(0.25);
    await thread.close();
    const closed = open();
    const begun = closed.start();
    await closed.close();
    await begun;
    await expect(fetch(`http://${closed.addresses.http}/sampling?service=shop`)).rejects.toThrow();
  });
});
