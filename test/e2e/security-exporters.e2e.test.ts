import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { otlpGrpcPaths } from '../../src/otlp/services.ts';
import { Authority, type Certified, TestFiles } from '../support/certificates.ts';
import { takenBatches } from '../support/taken.ts';
import { exporterOf } from './otlp-exporter-support.ts';
import { startSecureApp } from './security-support.ts';

const files = new TestFiles();
const authority = new Authority('Thresher test');
const ca = files.write('ca.crt', authority.certificate);
const good = authority.issue({ name: 'next.test' });
const client = files.certified('client', authority.issue({ name: 'client.test' }));
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(() => files.remove());

const batches = takenBatches('collector_traces', 100_000);
const [{ rowCount: items }] = batches;

/** A next hop with TLS that takes what comes with `accepts` as its authorization (null: whatever), and what came. */
interface NextHop {
  readonly endpoint: string;
  readonly seen: (string | undefined)[];
}

type StartHop = (certified: Certified, accepts: () => string | null, asksClients?: boolean) => Promise<NextHop>;

const startHttps: StartHop = async ({ certificate, key }, accepts, asksClients = false) => {
  const seen: (string | undefined)[] = [];
  const server = https.createServer({ cert: certificate, key, ca: authority.certificate, requestCert: asksClients, rejectUnauthorized: asksClients }, (request, response) => {
    const { authorization } = request.headers;
    seen.push(authorization);
    request.resume().on('end', () => response.writeHead([null, authorization].includes(accepts()) ? 200 : 401).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return { endpoint: `https://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`, seen };
};

const startGrpcJs: StartHop = async ({ certificate, key }, accepts, asksClients = false) => {
  const seen: (string | undefined)[] = [];
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  const raw = (bytes: Buffer): Buffer => bytes;
  const handler: grpc.handleUnaryCall<Buffer, Buffer> = ({ metadata }, answer) => {
    const [authorization] = metadata.get('authorization').map(String);
    seen.push(authorization);
    if ([null, authorization].includes(accepts())) answer(null, Buffer.alloc(0));
    else answer({ code: grpc.status.UNAUTHENTICATED, details: 'who are you?' });
  };
  server.register(otlpGrpcPaths.traces, handler, raw, raw, 'unary');
  const credentials = grpc.ServerCredentials.createSsl(Buffer.from(authority.certificate), [{ cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) }], asksClients);
  const port = await new Promise<number>((resolve, reject) => server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))));
  closers.push(() => server.forceShutdown());
  return { endpoint: `127.0.0.1:${port}`, seen };
};

async function sent(type: 'otlp' | 'otlphttp' | 'otap', endpoint: string, rest: string, during: () => unknown = () => {}, trust = `ca_file: ${ca}, `) {
  const exporter = exporterOf(type, `endpoint: "${endpoint}", tls: { ${trust}server_name_override: next.test }, timeout: 5s, ${rest}`);
  await during();
  await exporter.send(batches);
  return { exported: exporter.exported(), lost: exporter.lost(), retries: exporter.retries(), said: exporter.logged.join('') };
}

/** Scenario: a next hop of others (grpc-js, node:https) with TLS that wants to know who sends, and whose secrets are rotated. */
describe.each([['otlp', startGrpcJs, 'unauthenticated'], ['otlphttp', startHttps, 'http_401']] as const)('%s to a next hop that asks who sends', { timeout: 20_000 }, (type, start, refusal) => {
  const once = 'retry_on_failure: { enabled: false }, ';

  test.each([
    ['bearer: { token: abc.def }', 'Bearer abc.def'],
    [`bearer: { token_file: ${files.write('token', 'from-a-file\n')} }`, 'Bearer from-a-file'],
    ['basic: { username: Aladdin, password: open sesame }', 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='],
    [`basic: { username: Aladdin, password_file: ${files.write('password', 'open sesame\n')} }`, 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='],
  ])('%s', async (auth, header) => {
    const hop = await start(good, () => header);
    expect(await sent(type, hop.endpoint, `${once}auth: { ${auth} }`)).toMatchObject({ exported: items, lost: {} });
    expect(hop.seen).toEqual([header]);
  });

  test('a secret that is refused is not sent again, and not told of', async () => {
    const hop = await start(good, () => 'Bearer right');
    const tokenFile = files.write('wrong', 'hunter2');
    const result = await sent(type, hop.endpoint, `auth: { bearer: { token_file: ${tokenFile} } }`);
    expect(result).toMatchObject({ exported: 0, lost: { [refusal]: items }, retries: {} });
    expect(hop.seen).toHaveLength(1);
    expect(result.said).not.toContain('hunter2');
  });

  test('a secret that was refused and is another by now is: nothing is lost while tokens are rotated', async () => {
    const hop = await start(good, () => 'Bearer new');
    const tokenFile = files.write('rotated', 'old');
    const result = await sent(type, hop.endpoint, `auth: { bearer: { token_file: ${tokenFile} } }`, () => writeFileSync(tokenFile, 'new'));
    expect(result).toMatchObject({ exported: items, lost: {}, retries: { [refusal]: 1 } });
    expect(hop.seen).toEqual(['Bearer old', 'Bearer new']);
  });

  test('a token that is rotated in good time is never refused', async () => {
    const hop = await start(good, () => 'Bearer new');
    const tokenFile = files.write('rotated', 'old');
    expect(await sent(type, hop.endpoint, `${once}auth: { bearer: { token_file: ${tokenFile} } }`, async () => {
      writeFileSync(tokenFile, 'new');
      await sleep(1050);
    })).toMatchObject({ exported: items, retries: {} });
    expect(hop.seen).toEqual(['Bearer new']);
  });

  test.each([
    ['an expired one', authority.issue({ name: 'next.test', fromDays: -9, toDays: -1 }), /certificate has expired/i],
    ['one of a stranger', new Authority('Somebody else').issue({ name: 'next.test' }), /unable to (verify|get)/i],
    ['one for another name', authority.issue({ name: 'other.test' }), /next\.test|altnames/i],
  ])('a server that shows %s gets nothing, and the log says why', async (_, certified, said) => {
    const hop = await start(certified, () => null);
    const result = await sent(type, hop.endpoint, 'retry_on_failure: { initial_interval: 20ms, max_interval: 50ms, max_elapsed_time: 300ms }');
    expect(result).toMatchObject({ exported: 0 });
    expect(hop.seen).toEqual([]);
    const warned = result.said.split('\n').filter((line) => line.includes('"export_retried"'));
    expect(warned.length).toBeGreaterThan(0);
    for (const line of warned) expect(line).toMatch(said);
  });

  test('a server that asks for a certificate', async () => {
    const hop = await start(good, () => null, true);
    expect(await sent(type, hop.endpoint, once, undefined, `ca_file: ${ca}, cert_file: ${client.cert}, key_file: ${client.key}, `)).toMatchObject({ exported: items });
    expect(await sent(type, hop.endpoint, once)).toMatchObject({ exported: 0 });
  });

  test('without ca_file the certificates of the machine are asked', async () => {
    const hop = await start(good, () => null);
    // Another process: Node reads the machine's certificates once.
    const program = `import { openClientTls } from ${JSON.stringify(packageFile('src/security/client-tls.ts'))};
import tls from 'node:tls';
const { secureContext } = openClientTls({ caFile: null, certFile: null, keyFile: null, minVersion: '1.2', serverName: null }, 'here');
const socket = tls.connect({ host: '127.0.0.1', port: ${hop.endpoint.split(':').at(-1) ?? ''}, servername: 'next.test', ALPNProtocols: ['h2', 'http/1.1'], secureContext }, () => { console.log('trusted'); process.exit(); });
socket.on('error', (error) => { console.log(error.code); process.exit(); });`;
    const asked = (environment: Record<string, string>): Promise<string> => new Promise((resolve) => {
      const path = files.write('asks.mjs', program);
      execFile(process.execPath, [path], { env: { ...process.env, ...environment } }, (_, stdout) => resolve(stdout.trim()));
    });
    expect(await asked({ SSL_CERT_FILE: ca, NODE_EXTRA_CA_CERTS: '' })).toBe('trusted');
    expect(await asked({ NODE_EXTRA_CA_CERTS: ca })).toBe('trusted');
    expect(await asked({ NODE_EXTRA_CA_CERTS: '' })).toMatch(/SELF_SIGNED|UNABLE_TO/);
  });
});

describe('otap to a listener whose tokens are rotated', { timeout: 20_000 }, () => {
  test('nothing is lost when the sender gets the new token after the listener', async () => {
    const listens = files.certified('listens', good);
    const [there, here] = [files.write('there', 'new'), files.write('here', 'old')];
    const secure = await startSecureApp(`receivers: { otap: { grpc: { endpoint: "127.0.0.1:0", tls: { cert_file: ${listens.cert}, key_file: ${listens.key} }, auth: { bearer: { token_file: ${there} } } } } }\nhttp: { endpoint: "127.0.0.1:0" }`);
    closers.push(() => secure.app.drain());
    const result = await sent('otap', `127.0.0.1:${secure.grpcPort}`, `auth: { bearer: { token_file: ${here} } }`, () => writeFileSync(here, 'new'));
    expect(result).toMatchObject({ exported: items, lost: {}, retries: { stream_unauthenticated: expect.any(Number) as unknown } });
    expect(secure.received()).toBe(items);
  });
});

describe('what a processor says where secrets could be read', () => {
  test.each([
    ['otlp', 'endpoint: "backend.example:4317", tls: { insecure: true }', 'backend.example:4317'],
    ['otap', 'endpoint: "10.0.0.1:4317", tls: { insecure: true }', '10.0.0.1:4317'],
    ['otlphttp', 'endpoint: "https://a.example", more_endpoints: ["http://b.example"]', 'http://b.example'],
  ] as const)('%s warns of credentials that go out in the clear', (type, options, to) => {
    const { logged } = exporterOf(type, `${options}, auth: { bearer: { token: hunter2 } }`);
    expect(logged.filter((line) => line.includes('plaintext_credentials'))).toEqual([expect.stringContaining(`is sent to ${to} without TLS`)]);
    expect(logged.join('')).not.toContain('hunter2');
    expect(exporterOf(type, options).logged).toEqual([]);
  });

  test('certificates that cannot be used are told of at the start', () => {
    expect(() => exporterOf('otlp', `endpoint: "a.example:1", tls: { ca_file: ${files.write('bad.crt', 'rubbish')}, cert_file: ${client.cert}, key_file: ${ca} }`)).toThrow(/^exporters\.otlp\.tls: /);
    expect(() => exporterOf('otlphttp', 'endpoint: "https://a.example", tls: { ca_file: nowhere }')).toThrow(/^exporters\.otlphttp\.tls: .*nowhere/);
    expect(() => exporterOf('otap', 'endpoint: "a.example:1", auth: { bearer: { token_file: nowhere } }')).toThrow(/^exporters\.otap\.auth\.bearer\.token_file: cannot use nowhere/);
  });
});
