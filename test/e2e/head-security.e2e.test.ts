import https from 'node:https';
import { Client, credentials, Metadata, status as grpcStatus } from '@grpc/grpc-js';
import { afterAll, describe, expect, test } from 'vitest';
import { realSeam } from '../../src/base/seam.ts';
import type { HeadUpdate } from '../../src/head/controller.ts';
import { HeadThread } from '../../src/http/head/thread.ts';
import { metrics } from '../../src/telemetry/declared.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { MetricRegistry } from '../../src/telemetry/metrics.ts';
import { Authority, TestFiles } from '../support/certificates.ts';

const files = new TestFiles();
const authority = new Authority('ca.test');
const server = files.certified('server', authority.issue({ name: 'localhost' }));
afterAll(() => files.remove());

const update: HeadUpdate = { atNano: 0n, defaultRate: 0.5, strategies: [], removed: [], summaries: [] };
const secured = {
  endpoint: '127.0.0.1:0', insecure: false,
  tls: { certFile: server.cert, keyFile: server.key, clientCaFile: null, minVersion: '1.2' },
  auth: { bearer: { tokens: ['right'], tokenFile: null } },
} as const;

/** Status and body of a request over TLS. */
function get(address: string, token: string | null): Promise<{ readonly status: number; readonly body: string }> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    https.get({ host, port, path: '/sampling?service=a', servername: 'localhost', ca: authority.certificate, headers: token === null ? {} : { authorization: `Bearer ${token}` } }, (answer) => {
      let body = '';
      answer.on('data', (data: Buffer) => { body += data.toString(); }).on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    }).on('error', reject);
  });
}

function ask(address: string, token: string): Promise<number> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const client = new Client(address, credentials.createSsl(Buffer.from(authority.certificate)), { 'grpc.ssl_target_name_override': 'localhost' });
  return new Promise<number>((resolve) => {
    client.makeUnaryRequest('/jaeger.api_v2.SamplingManager/GetSamplingStrategy', (own: Buffer) => own, (own: Buffer) => own, Buffer.alloc(0), metadata, (error) => resolve(error?.code ?? grpcStatus.OK));
  }).finally(() => client.close());
}

describe('listeners of the head-sampling service', () => {
  test('have TLS and ask for tokens, as other listeners do, and what they refuse is counted by the process', async () => {
    const registry = new MetricRegistry();
    const thread = new HeadThread({ http: secured, grpc: { ...secured, enabled: true, moreEndpoints: [] } }, { seam: realSeam(), log: silentLogger, registry, snapshot: () => update });
    await thread.start();
    const { http, grpc } = thread.addresses;
    expect(await get(http, 'right')).toEqual({ status: 200, body: '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}' });
    expect((await get(http, 'wrong')).status).toBe(401);
    expect((await get(http, null)).status).toBe(401);
    await expect(fetch(`http://${http}/sampling?service=a`)).rejects.toThrow();
    expect([await ask(grpc[0], 'right'), await ask(grpc[0], 'wrong')]).toEqual([grpcStatus.OK, grpcStatus.UNAUTHENTICATED]);
    await thread.close();
    const refused = (listener: string, reason: string): number => registry.value(metrics.unauthenticated, { listener, reason });
    const ends = (listener: string): number => registry.value(metrics.tlsCertificateExpiry, { listener });
    expect(ends('head.http')).toBeGreaterThan(Date.now() / 1000);
    expect(ends('head.grpc')).toBe(ends('head.http'));
    expect([refused('head.http', 'missing'), refused('head.http', 'wrong'), refused('head.grpc', 'wrong')]).toEqual([1, 1, 1]);
  });

  test('a certificate that cannot be read keeps the service from starting, and says which', async () => {
    const missing = { ...secured, tls: { ...secured.tls, certFile: '/nowhere/server.crt' } };
    await expect(new HeadThread({ http: missing, grpc: { ...secured, enabled: false, moreEndpoints: [] } }, { seam: realSeam(), log: silentLogger, registry: new MetricRegistry(), snapshot: () => update }).start()).rejects.toThrow(/\/nowhere\/server\.crt/);
  });
});
