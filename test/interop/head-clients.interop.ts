import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Child, until } from '../support/child.ts';
import { HeadGrpcServer, status } from '../support/head-grpc-server.ts';
import { startHeadService } from '../support/head-service.ts';
import { type HeadAnswer, HeadServer, operationsAnswer, rateAnswer } from '../support/head-server.ts';
import type { Piece } from './support/pieces.ts';
import { describeWith, pathOf } from './support/with-pieces.ts';

/**
 * Scenario: applications with the SDKs' own remote samplers, which poll Thresher's head-sampling service, and an endpoint that gives all answers that it can give, errors
 * among them.
 * Guarantees: each follows every change of a rate, of operations too; on an error, and when the service has gone, it goes on with the last rate; it comes back with the next good answer.
 */
interface Client {
  readonly name: string;
  readonly piece: Piece;
  readonly protocol: 'http' | 'grpc';
  readonly command: (path: string) => readonly string[];
  /** What of the endpoint's URL the sampler wants to be told. */
  readonly path: string;
  /** Attributes of a sampled root, at rate 1 and 1/2. */
  readonly attributes: (rate: number) => Readonly<Record<string, string>>;
}

const none = (): Readonly<Record<string, string>> => ({});
const clients: readonly Client[] = [
  { name: 'jaegerremote (Go)', piece: 'headGo', protocol: 'http', command: (path) => [path], path: '/sampling', attributes: (rate) => ({ 'jaeger.sampler.type': 'probabilistic', 'jaeger.sampler.param': String(rate) }) },
  { name: '@opentelemetry/sampler-jaeger-remote', piece: 'headJs', protocol: 'http', command: (path) => [process.execPath, join(path, 'client.mjs')], path: '', attributes: none },
  { name: 'opentelemetry-sdk-extension-jaeger-remote-sampler (Java)', piece: 'headJava', protocol: 'grpc', command: (path) => ['java', '-Xmx128m', '-cp', `${path}:${path}/lib/*`, 'HeadClient'], path: '', attributes: none },
  { name: 'opentelemetry_sdk, jaeger_remote_sampler (Rust)', piece: 'headRust', protocol: 'http', command: (path) => [path], path: '/sampling', attributes: none },
];

interface Rates {
  readonly op: number;
  readonly rare: number;
  readonly of: number;
  readonly attributes: Readonly<Record<string, string>>;
}

/** An endpoint of either protocol. */
interface Endpoint {
  readonly url: string;
  readonly polls: () => number;
  set(rate: number, operations?: Readonly<Record<string, number>>): void | Promise<void>;
  readonly faults: readonly (readonly [string, () => void])[];
  close(): Promise<void>;
}

async function httpEndpoint(): Promise<Endpoint> {
  const server = await HeadServer.listen(rateAnswer(0));
  const fault = (name: string, answer: HeadAnswer): readonly [string, () => void] => [name, () => { server.answer = answer; }];
  return {
    url: server.url, polls: () => server.requests.length, close: () => server.close(),
    set: (rate, operations) => { server.answer = operations === undefined ? rateAnswer(rate) : operationsAnswer(rate, operations); },
    faults: [
      fault('400', { status: 400, body: '\'service\' parameter must be provided once', headers: { 'content-type': 'text/plain' } }), fault('404', { status: 404, body: '{"message":"not found"}' }),
      fault('500', { status: 500, body: '{"error":"x"}' }), fault('503', { status: 503, body: '', headers: { 'retry-after': '1' } }), fault('no JSON', { body: '<html></html>' }), fault('nothing', { body: '' }),
    ],
  };
}

async function grpcEndpoint(): Promise<Endpoint> {
  const server = await HeadGrpcServer.listen({ defaultRate: 0 });
  const fault = (name: string, code: number): readonly [string, () => void] => [name, () => { server.answer = { code, details: name }; }];
  return {
    url: server.url, polls: () => server.polls, close: () => server.close(),
    set: (defaultRate, operations) => { server.answer = { defaultRate, ...(operations === undefined ? {} : { operations }) }; },
    faults: [
      fault('INVALID_ARGUMENT', status.INVALID_ARGUMENT), fault('UNAVAILABLE', status.UNAVAILABLE), fault('RESOURCE_EXHAUSTED', status.RESOURCE_EXHAUSTED), fault('UNAUTHENTICATED', status.UNAUTHENTICATED),
      ['no protobuf', () => { server.answer = { bytes: Buffer.from('<html></html>') }; }],
    ],
  };
}

/** Thresher's service, which gives no faulty answers. */
async function serviceEndpoint(protocol: 'http' | 'grpc'): Promise<Endpoint> {
  const service = await startHeadService(0);
  return {
    url: `http://${protocol === 'http' ? service.http : service.grpc[0]}`, polls: () => 0, close: () => service.close(), faults: [],
    set: (rate, operations = {}) => service.set('shop', rate, Object.entries(operations).map(([operation, own]) => ({ operation, rate: own }))),
  };
}

const others = Object.fromEntries(Array.from({ length: 254 }, (_, i) => [`GET /items/{id}/part ${i}`, 0.5]));

const cases = clients.flatMap((client) => [{ ...client, server: 'an endpoint with faults' }, { ...client, server: 'Thresher' }]);
for (const { name, piece, protocol, command, path, attributes, server } of cases) {
  describeWith(`${name} and ${server}`, [piece], () => {
    let endpoint: Endpoint;
    let child: Child;
    beforeAll(async () => {
      endpoint = await (server === 'Thresher' ? serviceEndpoint(protocol) : protocol === 'http' ? httpEndpoint() : grpcEndpoint());
      const [program, ...args] = command(pathOf(piece));
      child = new Child(name, program, [...args, `${endpoint.url}${path}`, 'shop', '200']);
    });
    afterAll(async () => {
      await child.stop(2000);
      await endpoint.close();
    });

    const last = (): Rates | null => {
      const lines = child.said.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
      return lines.length === 0 ? null : JSON.parse(lines[lines.length - 1]) as Rates;
    };
    /** Waits until both names are sampled at these rates: within 7 standard deviations of a binomial of 1,000. */
    const follows = async (op: number, rare: number): Promise<Rates> => {
      const isAt = (sampled: number, rate: number): boolean => Math.abs(sampled - rate * 1000) <= 7 * Math.sqrt(1000 * rate * (1 - rate));
      await until(() => {
        const rates = last();
        return rates !== null && isAt(rates.op, op) && isAt(rates.rare, rare);
      }, 30_000, () => `${name} does not follow ${op}, ${rare}: ${child.said.slice(-800)}`);
      return last() ?? { op: 0, rare: 0, of: 0, attributes: {} };
    };
    const polled = async (count: number): Promise<void> => {
      const from = endpoint.polls();
      await until(() => endpoint.polls() >= from + count || !child.runs, 30_000, () => `${name} polled ${endpoint.polls() - from} times: ${child.said.slice(-800)}`);
      expect(child.runs).toBe(true);
    };

    test('follows rates as they change', async () => {
      await endpoint.set(0.5);
      expect((await follows(0.5, 0.5)).attributes).toEqual(attributes(0.5));
      await endpoint.set(1);
      expect((await follows(1, 1)).attributes).toEqual(attributes(1));
      await endpoint.set(0.1);
      await follows(0.1, 0.1);
    });

    test('follows rates of 256 operations, and their end', async () => {
      await endpoint.set(0.25, { op: 0.5, rare: 1, ...others });
      await follows(0.5, 1);
      await endpoint.set(0.25, { rare: 1 });
      await follows(0.25, 1);
      await endpoint.set(0.5);
      await follows(0.5, 0.5);
    });

    if (server === 'Thresher') test('goes on with the last rates when the service has gone', async () => {
      await endpoint.set(0.5);
      await follows(0.5, 0.5);
      await endpoint.close();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(child.runs).toBe(true);
      await follows(0.5, 0.5);
    });
    else test('goes on with the last rates through every error, and comes back', async () => {
      for (const [fault, begin] of endpoint.faults) {
        await endpoint.set(1);
        await follows(1, 1);
        begin();
        await polled(3);
        expect(last(), fault).toMatchObject({ op: 1000, rare: 1000 });
        await endpoint.set(0.25);
        await follows(0.25, 0.25);
      }
    });
  });
}
