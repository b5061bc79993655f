import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { Child } from '../support/child.ts';
import { randomTrace } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';
import { Backend, until } from './run-support.ts';

const directory = mkdtempSync(join(tmpdir(), 'thresher-retain-'));
const backend = new Backend();
afterAll(async () => {
  await backend.close();
  rmSync(directory, { recursive: true, force: true });
});

const receivedSpans = (): number => backend.received.traces.reduce((sum, request) => sum + JSON.stringify(request).split('"spanId"').length - 1, 0);

interface Started {
  readonly child: Child;
  readonly send: (spans: number) => Promise<number>;
  readonly get: (path: string) => Promise<string>;
}

async function start(config: string): Promise<Started> {
  const child = new Child('thresher', process.execPath, [packageFile('src/main.ts'), 'run', '--config', config]);
  await child.says('"reason":"started"');
  const addressOf = (name: string): string => new RegExp(`"${name}":"(127\\.0\\.0\\.1:\\d+)"`).exec(child.said)?.[1] ?? '';
  const [otlp, http] = [addressOf('otlp_http'), addressOf('http')];
  const chance = mulberry(3);
  const send = async (count: number): Promise<number> => {
    const spans = Array.from({ length: count }, () => ({ traceId: randomTrace(chance), spanId: '01'.repeat(8), name: 'a name', startTimeUnixNano: `${Date.now()}000000` }));
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
    return (await fetch(`http://${otlp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status;
  };
  return { child, send, get: async (path) => (await fetch(`http://${http}${path}`)).text() };
}

async function writeConfig(limit: string): Promise<string> {
  const policy = join(directory, 'all.sql');
  writeFileSync(policy, 'SELECT trace_id, 1.0 AS probability FROM traces');
  const path = join(directory, `${limit}.yaml`);
  writeFileSync(path, JSON.stringify({
    receivers: { otlp: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } }, http: { endpoint: '127.0.0.1:0' }, logs: { format: 'json' }, policies: [policy],
    windows: { traces: { length: '1h', decision_wait: '1s' } }, memory: { retain: 'disk', spill_dir: join(directory, 'spill') }, storage: { directory: join(directory, 'data'), limit, segment_size: '64KiB' },
    exporters: { otap: { endpoint: `127.0.0.1:${await backend.listen()}`, tls: { insecure: true } } },
  }));
  return path;
}

const gauge = (metrics: string, name: string): number => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(metrics)?.[1]);

describe('memory.retain: disk, in the whole program', () => {
  test('batches wait in files, of one process, and leave at the end; what a killed one left is cleared away; at the limit senders are told', { timeout: 60_000 }, async () => {
    const config = await writeConfig('1MiB');
    const killed = await start(config);
    expect(await killed.send(1000)).toBe(200);
    const files = join(directory, 'data', 'retained');
    await until(() => readdirSync(files).length > 0, 5000);
    const metrics = await killed.get('/metrics');
    expect(gauge(metrics, 'thresher_storage_bytes')).toBeGreaterThan(10_000);
    expect(gauge(metrics, 'thresher_storage_limit_bytes')).toBe(2 ** 20);
    expect(Number(/^thresher_memory_part_bytes\{part="retained"\} (\d+)/m.exec(metrics)?.[1])).toBeLessThan(1000);
    expect(await killed.get('/healthz')).toContain('"storage":"ok"');
    await killed.child.kill();

    const second = await start(config);
    expect(readdirSync(files)).toEqual([]);
    let accepted = 0;
    let status = 200;
    for (; status === 200 && accepted < 100_000; accepted += status === 200 ? 2000 : 0) status = await second.send(2000);
    expect(status).toBe(429);
    expect(await second.get('/metrics')).toMatch(/thresher_batches_refused_total\{[^}]*reason="storage_limit"[^}]*\} [1-9]/);
    expect(await second.child.stop(), second.child.said).toBe(0);
    await until(() => receivedSpans() >= accepted, 5000);
    expect(receivedSpans()).toBe(accepted);
    expect(accepted).toBeGreaterThan(4000);
    expect(readdirSync(files)).toEqual([]);
  });
});
