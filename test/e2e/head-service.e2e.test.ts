import http from 'node:http';
import net from 'node:net';
import { Client, credentials, Metadata, status as grpcStatus } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { metrics } from '../../src/telemetry/declared.ts';
import { type HeadService, startHeadService } from '../support/head-service.ts';

const types = protobuf.loadSync(packageFile('proto/jaeger-sampling.proto'));
const parameters = types.lookupType('jaeger.api_v2.SamplingStrategyParameters');
const response = types.lookupType('jaeger.api_v2.SamplingStrategyResponse');

let service: HeadService;
beforeAll(async () => {
  service = await startHeadService(0.5);
  await service.set('shop', 0.25, [{ operation: 'GET /health', rate: 0.001 }]);
  await service.set('a b+c ä&=%', 0.125);
});
afterAll(() => service.close());

function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`http://${service.http}${path}`, { headers });
}

/** A request line as no library writes it. */
function raw(line: string): Promise<string> {
  const [host, port] = service.http.split(':');
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), host, () => socket.end(Buffer.from(`GET ${line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`, 'latin1')));
    let text = '';
    socket.on('data', (data) => { text += data.toString('latin1'); });
    socket.on('end', () => resolve(text));
    socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
  });
}

const plain = (rate: number): string => `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":${rate}}}`;

describe('over HTTP', () => {
  test.each(['/sampling', '/api/sampling', '/'])('%s answers as Jaeger does', async (path) => {
    const answer = await get(`${path}?service=shop`);
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control'), answer.headers.get('thresher-head-reason')]).toEqual([200, 'application/json; charset=utf-8', 'no-cache', 'set by a test']);
    expect(await answer.json()).toEqual({
      strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate: 0.25 },
      operationSampling: {
        defaultSamplingProbability: 0.25, defaultLowerBoundTracesPerSecond: 0, defaultUpperBoundTracesPerSecond: 1e6,
        perOperationStrategies: [{ operation: 'GET /health', probabilisticSampling: { samplingRate: 0.001 } }] } });
  });

  test('an unknown service, and one without a name, gets the default', async () => {
    for (const name of ['nobody', '', 'x'.repeat(5000), '%00', '%ff']) expect(await (await get(`/sampling?service=${name}`)).text(), name.slice(0, 20)).toBe(plain(0.5));
  });

  test.each(['/sampling', '/', '/api/sampling?', '/sampling?service=a&service=b', '/sampling?name=a', '/sampling?Service=a'])('%s is refused in Jaeger\'s words', async (path) => {
    const answer = await get(path);
    expect([answer.status, await answer.text(), answer.headers.get('content-type')]).toEqual([400, "'service' parameter must be provided once", 'text/plain; charset=utf-8']);
  });

  test('names are understood as clients write them: encoded, with plus for a blank, or not at all', async () => {
    expect(await (await get(`/sampling?service=${encodeURIComponent('a b+c ä&=%')}`)).text()).toBe(plain(0.125));
    expect(await (await get(`/sampling?${new URLSearchParams({ service: 'a b+c ä&=%' }).toString()}`)).text()).toBe(plain(0.125));
    await service.set('c++', 0.75);
    expect(await (await get('/sampling?service=c++')).text()).toBe(plain(0.75));
    await service.set('100%', 0.375);
    expect(await raw('/sampling?service=100%')).toContain(plain(0.375));
  });

  test('an ETag spares who knows the answer, and changes with it', async () => {
    await service.set('tagged', 0.5);
    const etag = (await get('/sampling?service=tagged')).headers.get('etag') ?? '';
    const known = await get('/sampling?service=tagged', { 'if-none-match': etag });
    expect([known.status, await known.text(), known.headers.get('etag')]).toEqual([304, '', etag]);
    await service.set('tagged', 0.25);
    expect((await get('/sampling?service=tagged', { 'if-none-match': etag })).status).toBe(200);
  });

  test('bad requests are refused and the next one is served', async () => {
    expect((await get('/nowhere')).status).toBe(404);
    expect((await fetch(`http://${service.http}/sampling?service=shop`, { method: 'POST', body: 'x' })).status).toBe(404);
    expect(await raw(`/sampling?service=${'x'.repeat(100_000)}`)).toMatch(/^HTTP\/1.1 431/);
    expect(await raw('\u0000\u0001')).toMatch(/^HTTP\/1.1 400/);
    expect((await get('/sampling?service=shop')).status).toBe(200);
  });

  test('/policies has each rate as a telemetry policy', async () => {
    const body: unknown = await (await get('/policies')).json();
    expect(body).toMatchObject({ policies: expect.arrayContaining([expect.objectContaining({
      name: 'shop: GET /health',
      trace: {
        match: [{ resource_attribute: { path: ['service.name'] }, exact: 'shop' }, { trace_field: 'TRACE_FIELD_PARENT_SPAN_ID', exists: false }, { trace_field: 'TRACE_FIELD_NAME', exact: 'GET /health' }],
        keep: { percentage: 0.1, mode: 'SAMPLING_MODE_EQUALIZING' } } })]) });
  });

  test('/head is JSON for scripts and a page for people', async () => {
    expect(await (await get('/head')).json()).toEqual({ default_rate: 0.5, services: [] });
    const page = await get('/head', { accept: 'text/html,*/*' });
    expect([page.headers.get('content-type'), (await page.text()).startsWith('<!doctype html>')]).toEqual(['text/html; charset=utf-8', true]);
  });
});

describe('over gRPC, asked by grpc-js', () => {
  function ask(name: string, bytes: Uint8Array = parameters.encode({ serviceName: name }).finish()): Promise<{ readonly [field: string]: unknown }> {
    const client = new Client(service.grpc[0], credentials.createInsecure());
    return new Promise<{ readonly [field: string]: unknown }>((resolve, reject) => {
      client.makeUnaryRequest('/jaeger.api_v2.SamplingManager/GetSamplingStrategy', (own: Uint8Array) => Buffer.from(own), (own: Buffer) => response.toObject(response.decode(own), { enums: String, defaults: true }), bytes, new Metadata(), (error, value) => {
        if (error !== null) reject(error);
        else resolve(value ?? {});
      });
    }).finally(() => client.close());
  }

  test('a service is told the same', async () => {
    expect(await ask('shop')).toMatchObject({
      strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate: 0.25 },
      operationSampling: { defaultSamplingProbability: 0.25, defaultLowerBoundTracesPerSecond: 0, perOperationStrategies: [{ operation: 'GET /health', probabilisticSampling: { samplingRate: 0.001 } }] } });
    expect(await ask('nobody')).toMatchObject({ probabilisticSampling: { samplingRate: 0.5 } });
    expect(await ask('')).toMatchObject({ probabilisticSampling: { samplingRate: 0.5 } });
  });

  test('what is no request is refused', async () => {
    await expect(ask('', Uint8Array.of(0x0a, 0xff))).rejects.toMatchObject({ code: grpcStatus.INVALID_ARGUMENT });
    expect(await ask('shop')).toMatchObject({ probabilisticSampling: { samplingRate: 0.25 } });
  });
});

describe('the service itself', () => {
  test('counts requests in the registry of the process', async () => {
    const own = await startHeadService();
    await fetch(`http://${own.http}/sampling?service=a`);
    await fetch(`http://${own.http}/sampling`);
    await own.close();
    expect([own.registry.value(metrics.headRequests, { protocol: 'http', result: 'ok' }), own.registry.value(metrics.headRequests, { protocol: 'http', result: 'bad_request' })]).toEqual([1, 1]);
  });

  test('answers many at once on kept connections', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
    const one = (): Promise<number | undefined> => new Promise((resolve, reject) => {
      http.get(`http://${service.http}/sampling?service=shop`, { agent }, (answer) => answer.resume().on('end', () => resolve(answer.statusCode))).on('error', reject);
    });
    const answers = await Promise.all(Array.from({ length: 2000 }, one));
    agent.destroy();
    expect(answers.every((code) => code === 200)).toBe(true);
  });
});
