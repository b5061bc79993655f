import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { Child } from '../support/child.ts';
import { randomTrace } from '../support/given-messages.ts';
import { mulberry } from '../support/mulberry.ts';
import { Backend, until } from './run-support.ts';

const directory = mkdtempSync(join(tmpdir(), 'thresher-durability-'));
const backend = new Backend();
afterAll(async () => {
  await backend.close();
  rmSync(directory, { recursive: true, force: true });
});

async function start(config: string): Promise<{ readonly child: Child; readonly otlp: string; readonly http: string }> {
  const child = new Child('thresher', process.execPath, [packageFile('src/main.ts'), 'run', '--config', config]);
  await child.says('"reason":"started"');
  const addressOf = (name: string): string => new RegExp(`"${name}":"(127\\.0\\.0\\.1:\\d+)"`).exec(child.said)?.[1] ?? '';
  return { child, otlp: addressOf('otlp_http'), http: addressOf('http') };
}

function writeConfig(name: string, length: string, backendPort: number): string {
  const policy = join(directory, 'all.sql');
  writeFileSync(policy, 'SELECT trace_id, 1.0 AS probability FROM traces');
  const path = join(directory, `${name}.yaml`);
  writeFileSync(path, JSON.stringify({
    receivers: { otlp: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } }, http: { endpoint: '127.0.0.1:0' }, logs: { format: 'json' }, policies: [policy],
    windows: { traces: { length, decision_wait: '1s' } }, durability: 'fsync', storage: { directory: join(directory, 'data'), shutdown: name },
    exporters: { otap: { endpoint: `127.0.0.1:${backendPort}`, tls: { insecure: true } } },
  }));
  return path;
}

const receivedSpans = (): number => backend.received.traces.reduce((sum, request) => sum + JSON.stringify(request).split('"spanId"').length - 1, 0);

describe('durability in the whole program', () => {
  test('keep: an upgrade in place goes on with open windows, in a directory of one process; drain leaves nothing to go on with', { timeout: 60_000 }, async () => {
    const port = await backend.listen();
    const config = writeConfig('keep', '1h', port);
    const first = await start(config);
    const chance = mulberry(3);
    const spans = Array.from({ length: 50 }, () => ({ traceId: randomTrace(chance), spanId: '01'.repeat(8), name: 'a', startTimeUnixNano: `${Date.now()}000000` }));
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
    expect((await fetch(`http://${first.otlp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status).toBe(200);
    const metrics = await (await fetch(`http://${first.http}/metrics`)).text();
    expect(Number(/^thresher_storage_bytes (\d+)/m.exec(metrics)?.[1])).toBeGreaterThan(1000);

    const other = new Child('other', process.execPath, [packageFile('src/main.ts'), 'run', '--config', config]);
    expect((await other.closed())[0]).not.toBe(0);
    expect(other.said).toContain('is in use by another process');

    expect(await first.child.stop()).toBe(0);
    expect(receivedSpans()).toBe(0);
    const second = await start(writeConfig('drain', '1h', port));
    expect(second.child.said).toMatch(/"reason":"recovered".*"items":50/);
    expect((await fetch(`http://${second.http}/readyz`)).status).toBe(200);
    expect(await second.child.stop(), second.child.said).toBe(0);
    await until(() => receivedSpans() > 0, 5000);
    expect(receivedSpans()).toBe(50);

    const third = await start(writeConfig('drain', '1h', port));
    expect(third.child.said).toMatch(/"reason":"recovered".*"items":0/);
    await third.child.stop();
    expect(receivedSpans()).toBe(50);
    expect(readdirSync(join(directory, 'data')).length).toBeLessThan(3);
  });
});
