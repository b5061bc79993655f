import { connect } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { startHttp, type HttpOptions, type HttpServer } from '../../../src/http/server.ts';
import { metrics } from '../../../src/telemetry/declared.ts';
import { MetricRegistry } from '../../../src/telemetry/metrics.ts';

const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function started(options: Partial<HttpOptions> = {}): Promise<string> {
  const server = await startHttp({
    endpoint: '127.0.0.1:0', registry: new MetricRegistry(), ready: () => true, health: () => ({ ok: true, detail: {} }), ...options });
  servers.push(server);
  return `http://${server.address}`;
}

describe('HTTP server', () => {
  test('health and readiness follow what they are told', async () => {
    let well = true;
    const url = await started({ ready: () => well, health: () => ({ ok: well, detail: { windows: 3 } }) });
    const statuses = async () => Promise.all(['/healthz', '/readyz'].map(async (path) => {
      const answer = await fetch(url + path);
      return [answer.status, await answer.json()];
    }));
    expect(await statuses()).toEqual([[200, { status: 'ok', windows: 3 }], [200, { status: 'ready' }]]);
    well = false;
    expect(await statuses()).toEqual([[503, { status: 'failing', windows: 3 }], [503, { status: 'not ready' }]]);
  });

  test('metrics are the registry\'s text, with its content type', async () => {
    const registry = new MetricRegistry();
    registry.counter(metrics.itemsReceived).add(7, { signal: 'traces', receiver: 'otlp' });
    const answer = await fetch(`${await started({ registry })}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await answer.text()).toBe(registry.text());
  });

  test('unknown paths are answered with JSON that says what there is', async () => {
    const answer = await fetch(`${await started()}/nope`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: 'not_found', paths: ['/healthz', '/readyz', '/metrics'] });
  });

  test('a large body is refused, an error of ours is not shown', async () => {
    const url = await started({ health: () => { throw new Error('secret detail'); } });
    const large = await fetch(`${url}/metrics`, { method: 'POST', body: JSON.stringify('x'.repeat(100_000)), headers: { 'content-type': 'application/json' } });
    expect([404, 413]).toContain(large.status);
    const failed = await fetch(`${url}/healthz`);
    expect(failed.status).toBe(500);
    expect(await failed.text()).not.toContain('secret');
  });

  test('reloading is for this machine, not for pages of a browser, and only by POST', async () => {
    let asked = 0;
    const reload: NonNullable<HttpOptions['reload']> = async () => ({ result: ++asked === 1 ? 'loaded' : 'refused', generation: 2, hash: 'abc', message: null });
    const url = await started({ reload });
    const post = async (headers = {}) => (await fetch(`${url}/-/reload`, { method: 'POST', headers })).status;
    expect([await post(), await post(), await post({ origin: 'http://a.example' }), (await fetch(`${url}/-/reload`)).status]).toEqual([200, 422, 403, 404]);
    expect(asked).toBe(2);
    expect((await fetch(`${await started()}/-/reload`, { method: 'POST' })).status).toBe(404);
  });

  const own = Object.values(networkInterfaces()).flat().find((found) => found?.internal === false && found.family === 'IPv4')?.address;
  test.skipIf(own === undefined)('reloading from another address is refused', async () => {
    const { port } = new URL(await started({ endpoint: '0.0.0.0:0', reload: async () => ({ result: 'loaded', generation: 2, hash: 'abc', message: null }) }));
    expect((await fetch(`http://${own}:${port}/-/reload`, { method: 'POST' })).status).toBe(403);
    expect((await fetch(`http://127.0.0.1:${port}/-/reload`, { method: 'POST' })).status).toBe(200);
  });

  test('a taken port is a clear error', async () => {
    const endpoint = new URL(await started()).host;
    await expect(started({ endpoint })).rejects.toThrow(/http.endpoint: cannot listen on 127.0.0.1:\d+: .*EADDRINUSE/);
    await expect(started({ endpoint: 'nonsense' })).rejects.toThrow(/expected host:port/);
  });

  test('close does not wait for idle connections', async () => {
    const url = new URL(await started());
    const socket = connect(Number(url.port), url.hostname);
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await servers.pop()?.close();
    await closed;
  });
});
