import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { CorsConfig } from '../../src/config/load.ts';
import { FakeIntake, request, statusOf, withHttp } from './otlp-receiver-support.ts';

const asks = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'Content-Type,x-tenant, traceparent' };

function cors(more: Partial<CorsConfig> = {}): { readonly cors: CorsConfig } {
  return { cors: { allowedOrigins: ['https://shop.example', 'https://*.shop.example'], allowedHeaders: ['X-Tenant'], maxAgeMs: 7_200_000, ...more } };
}

/** What a browser is told, by the Fetch Standard, "CORS protocol". */
describe('pages of other origins', () => {
  it.each(['https://shop.example', 'https://www.shop.example', 'HTTPS://Shop.Example'])('%s may ask and send', async (origin) => {
    const intake = new FakeIntake();
    await withHttp(intake, cors(), async (port) => {
      const asked = await request(port, { method: 'OPTIONS', headers: { origin, ...asks } });
      expect(asked).toMatchObject({ status: 204, headers: {
        'access-control-allow-origin': origin, 'access-control-allow-methods': 'POST', 'access-control-allow-headers': 'content-type, x-tenant',
        'access-control-max-age': '7200', 'access-control-allow-credentials': 'true', vary: 'origin, access-control-request-headers' } });
      expect(intake.received).toEqual([]);
      const sent = await request(port, { headers: { origin, 'content-type': 'application/json' }, body: Buffer.from('{}') });
      expect(sent).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'retry-after', vary: 'origin' } });
      const refused = await request(port, { headers: { origin, 'content-type': 'application/json' }, body: Buffer.from('x') });
      expect(refused).toMatchObject({ status: 400, headers: { 'access-control-allow-origin': origin } });
    });
  });

  it.each(['https://evil.example', 'http://shop.example', 'https://shop.example.evil.example', 'https://xshop.example', 'null'])('%s may not', async (origin) => {
    const intake = new FakeIntake();
    await withHttp(intake, cors(), async (port) => {
      const asked = await request(port, { method: 'OPTIONS', headers: { origin, ...asks } });
      expect([asked.status, statusOf(asked).code]).toEqual([403, 7]);
      expect(asked.headers['access-control-allow-origin']).toBeUndefined();
      const sent = await request(port, { headers: { origin } });
      expect(sent.headers['access-control-allow-origin']).toBeUndefined();
    });
    expect(intake.refused).toEqual(['origin_not_allowed']);
  });

  it('any page, where all are allowed, but not with what the browser knows of its user', async () => {
    await withHttp(new FakeIntake(), cors({ allowedOrigins: ['*'], allowedHeaders: ['*'] }), async (port) => {
      const { headers } = await request(port, { method: 'OPTIONS', headers: { origin: 'https://any.example', ...asks } });
      expect(headers).toMatchObject({ 'access-control-allow-origin': 'https://any.example', 'access-control-allow-headers': 'content-type, x-tenant, traceparent' });
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    });
  });

  it('a preflight for a path that is not there', async () => {
    await withHttp(new FakeIntake(), cors(), async (port) => {
      expect(await request(port, { method: 'OPTIONS', path: '/x', headers: { origin: 'https://shop.example', ...asks } })).toMatchObject({ status: 404 });
    });
  });

  it('without CORS nothing of it is said', async () => {
    await withHttp(new FakeIntake(), {}, async (port) => {
      const { headers } = await request(port, { headers: { origin: 'https://shop.example' } });
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control') || name === 'vary')).toEqual([]);
    });
  });
});

describe('while it drains', () => {
  it('requests under way are answered, others are told to come again, idle connections are closed', async () => {
    const intake = new FakeIntake();
    const release = intake.hold();
    await withHttp(intake, {}, async (port, server) => {
      const agent = new http.Agent({ keepAlive: true });
      const silent = net.connect(port, '127.0.0.1');
      const silentClosed = new Promise<void>((resolve) => silent.once('close', () => resolve()).on('error', () => undefined));
      const waiting = request(port, { agent });
      while (intake.underWay < 1) await sleep(2);
      await sleep(50);
      const drained = server.drain(10_000);
      await silentClosed;
      await expect(request(port, {})).rejects.toThrow();
      release();
      expect(await waiting).toMatchObject({ status: 200 });
      agent.destroy();
      await drained;
    });
  });

  it('a request on a connection that is open already is answered with 503 and when to come again', async () => {
    const intake = new FakeIntake();
    const release = intake.hold();
    await withHttp(intake, {}, async (port, server) => {
      const one = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
      const socket = net.connect(port, '127.0.0.1');
      let said = '';
      socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.write(one);
      while (intake.underWay < 1) await sleep(2);
      const drained = server.drain(10_000);
      socket.write(one);
      await sleep(50);
      release();
      await closed;
      await drained;
      expect(said).toMatch(/^HTTP\/1.1 200 OK[^]*HTTP\/1.1 503 [^]*retry-after: 1\r\n[^]*shutting down/i);
    });
    expect(intake.refused).toEqual(['draining']);
  });

  it('what is not answered in time is closed', async () => {
    const intake = new FakeIntake();
    intake.answer = () => new Promise(() => undefined);
    const gone = withHttp(intake, {}, async (port, server) => {
      const waiting = request(port, {}).catch((error: unknown) => error);
      while (intake.underWay < 1) await sleep(2);
      const start = performance.now();
      await server.drain(100);
      expect(performance.now() - start).toBeLessThan(3000);
      expect(await waiting).toBeInstanceOf(Error);
    });
    // The request that the intake never answers still holds its share.
    await expect(gone).rejects.toThrow(/were not given back/);
  });
});
