import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { metrics } from '../../src/telemetry/declared.ts';
import { Authority, TestFiles } from '../support/certificates.ts';
import { captureOf, directory } from '../support/captures.ts';
import { buildOtapClient, goIsThere, runToEnd } from '../support/go/otapclient/run.ts';
import { takenBatches } from '../support/taken.ts';
import { exporterOf } from './otlp-exporter-support.ts';
import { until } from './run-support.ts';
import { grown, type SecureApp, startSecureApp } from './security-support.ts';

const files = new TestFiles();
const [authority, stranger] = [new Authority('Thresher test'), new Authority('Somebody else')];
const ca = files.write('ca.crt', authority.certificate);
const strangerCa = files.write('stranger.crt', stranger.certificate);
const server = files.certified('server', authority.issue({ name: 'thresher.test' }));
const client = files.certified('client', authority.issue({ name: 'client.test' }));
const expired = files.certified('expired', authority.issue({ name: 'client.test', fromDays: -9, toDays: -1 }));
const early = files.certified('early', authority.issue({ name: 'client.test', fromDays: 1, toDays: 2 }));
const strange = files.certified('strange', stranger.issue({ name: 'client.test' }));
afterAll(() => files.remove());

const batches = takenBatches('collector_traces', 100_000);
const items = batches.reduce((sum, { rowCount }) => sum + rowCount, 0);

const listenerOf = (type: string): string => `receivers.otlp.${type === 'otlphttp' ? 'http' : 'grpc'}`;

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {}).once('close', () => resolve()).resume();
  });
}

/** What a sender is told to be, in the configuration of an exporter. */
interface Sender {
  readonly own?: { readonly cert: string; readonly key: string } | null;
  readonly trusts?: string;
  readonly name?: string;
  readonly token?: string | null;
}

/**
 * Scenario: a processor whose listeners ask for TLS, a certificate of the client and a token, and senders of all kinds.
 * Guarantees: nothing comes in from who does not bring all of it, each is told and counted why, and the others do not notice.
 */
describe('listeners with TLS, client certificates and tokens', { timeout: 30_000 }, () => {
  let secure: SecureApp;

  beforeAll(async () => {
    const security = `tls: { cert_file: ${server.cert}, key_file: ${server.key}, client_ca_file: ${ca} }, auth: { bearer: { token: [first-token, second-token] } }`;
    secure = await startSecureApp(`receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0", ${security} }, http: { endpoint: "127.0.0.1:0", ${security} } } }
http: { endpoint: "127.0.0.1:0", tls: { cert_file: ${server.cert}, key_file: ${server.key} }, auth: { bearer: { token: scraper } } }`);
  });

  afterAll(async () => {
    await secure.app.drain();
  });

  /** Sends a batch once; gives the items that were accepted, by both sides, and why the others were not. */
  async function send(type: 'otlp' | 'otlphttp' | 'otap', { own = client, trusts = ca, name = 'thresher.test', token = 'first-token' }: Sender = {}) {
    const listener = listenerOf(type);
    const endpoint = type === 'otlphttp' ? `"https://127.0.0.1:${secure.otlpHttpPort}"` : `"127.0.0.1:${secure.grpcPort}"`;
    const certificate = own === null ? '' : `, cert_file: ${own.cert}, key_file: ${own.key}`;
    const auth = token === null ? '' : `, auth: { bearer: { token: ${token} } }`;
    const exporter = exporterOf(type, `endpoint: ${endpoint}, tls: { ca_file: ${trusts}, server_name_override: ${name}${certificate} }${auth}, retry_on_failure: { enabled: false }, timeout: 5s`);
    const [received, refused, shaken] = [secure.received(), secure.by(metrics.unauthenticated, 'reason', listener), secure.by(metrics.tlsFailures, 'reason', listener)];
    await exporter.send(batches);
    await sleep(20);
    return {
      exported: exporter.exported(), received: secure.received() - received, said: exporter.logged.join(''),
      refused: grown(refused, secure.by(metrics.unauthenticated, 'reason', listener)), failed: grown(shaken, secure.by(metrics.tlsFailures, 'reason', listener)),
    };
  }

  const types = ['otlp', 'otlphttp', 'otap'] as const;
  const whole = { exported: items, received: items, refused: {} };

  describe.each(types)('%s', (type) => {
    test.each(['first-token', 'second-token'])('who brings everything is let in: %s', async (token) => {
      expect(await send(type, { token })).toMatchObject(whole);
    });

    test.each([
      ['no certificate', { own: null }, 'client_certificate_missing'],
      ['an expired certificate', { own: expired }, 'client_certificate_expired'],
      ['a certificate of tomorrow', { own: early }, 'client_certificate_expired'],
      ['a certificate of another authority', { own: strange }, 'client_certificate_untrusted'],
    ] as const)('%s', async (_, sender, reason) => {
      const before = secure.logged.length;
      const result = await send(type, sender);
      expect(result).toMatchObject({ exported: 0, received: 0, refused: {} });
      // Another attempt of a client that has just been closed may be among them.
      expect(Object.keys(result.failed)).toContain(reason);
      const listened = secure.logged.slice(before).filter((line) => line.includes(`"listener":"${listenerOf(type)}"`));
      expect(listened.join('')).toMatch(new RegExp(`"failure":"${reason}","peer":"127.0.0.1:\\d+"`));
      expect(await send(type)).toMatchObject(whole);
    });

    test.each([['no token', null, 'missing'], ['a wrong token', 'third-token', 'wrong']] as const)('%s', async (_, token, reason) => {
      const result = await send(type, { token });
      expect(result).toMatchObject({ exported: 0, received: 0 });
      expect(Object.keys(result.refused)).toEqual([reason]);
      expect(result.said).toMatch(token === null ? /authorization: Bearer TOKEN/ : /not one that is accepted here/);
      expect(result.said + secure.logged.join('')).not.toMatch(/(first|second|third)-token/);
      expect(await send(type)).toMatchObject(whole);
    });

    test.each([['is signed by nobody it knows', { trusts: strangerCa }, /self.signed|unable to (verify|get)/i], ['has another name', { name: 'other.test' }, /other\.test|altnames/i]] as const)('a sender that finds that the server %s sends nothing', async (_, sender, said) => {
      const result = await send(type, sender);
      expect(result).toMatchObject({ exported: 0, received: 0, refused: {} });
      expect(result.said).toMatch(said);
    });
  });

  test('a client that does not speak TLS is told of, on both listeners', async () => {
    for (const port of [secure.grpcPort, secure.otlpHttpPort]) {
      const before = secure.by(metrics.tlsFailures, 'reason');
      for (const bytes of ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'POST /v1/traces HTTP/1.1\r\n\r\n', 'x'.repeat(5000)]) {
        const socket = connect(port, '127.0.0.1');
        socket.write(bytes);
        await closed(socket);
      }
      expect(grown(before, secure.by(metrics.tlsFailures, 'reason'))).toMatchObject({ not_tls: 3 });
    }
    expect(secure.logged.findLast((line) => line.includes('tls_handshake_failed'))).toContain('a client does not speak TLS; configure it to');
    for (const type of types) expect(await send(type)).toMatchObject(whole);
  });

  test('an old version of TLS, and a protocol that is not spoken here', async () => {
    const own = { ca: authority.certificate, cert: files.read(client.cert), key: files.read(client.key), servername: 'thresher.test', port: secure.grpcPort, host: '127.0.0.1' };
    const before = secure.by(metrics.tlsFailures, 'reason', listenerOf('otlp'));
    for (const options of [{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, { ALPNProtocols: ['http/1.1'] }, {}] as const) {
      await closed(tls.connect({ ...own, ...options }));
    }
    expect(grown(before, secure.by(metrics.tlsFailures, 'reason', listenerOf('otlp')))).toMatchObject({ version: 1, protocol: 2 });
  });

  test.each([[200, 0], [450, 450 - 256]])('%i clients that connect and say nothing do not keep others out', async (clients, cut) => {
    const before = secure.by(metrics.tlsFailures, 'reason', listenerOf('otlp'));
    const silent = Array.from({ length: clients }, () => connect(secure.grpcPort, '127.0.0.1').on('error', () => {}).resume());
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    for (const type of types) expect(await send(type)).toMatchObject(whole);
    const now = (): Readonly<Record<string, number>> => grown(before, secure.by(metrics.tlsFailures, 'reason', listenerOf('otlp')));
    // One for each connection of the senders between.
    const tooMany = (): number => now()['too_many'] ?? 0;
    await until(() => tooMany() >= cut, 10_000, () => JSON.stringify(now()));
    expect(tooMany()).toBeLessThanOrEqual(cut === 0 ? 0 : cut + 5);
    for (const socket of silent) socket.destroy();
    await until(() => (now()['closed_by_client'] ?? 0) >= Math.min(clients, 250), 10_000, () => JSON.stringify(now()));
    expect(now()['closed_by_client']).toBeLessThanOrEqual(Math.min(clients, 256) + 3);
    expect(secure.logged.filter((line) => line.includes('closed_by_client') && !line.includes('"level":"debug"'))).toEqual([]);
  });

  test('a token is asked for before anything is known of what is served', async () => {
    const session = http2.connect(`https://127.0.0.1:${secure.grpcPort}`, { ca: authority.certificate, servername: 'thresher.test', cert: files.read(client.cert), key: files.read(client.key) });
    const ask = async (path: string, authorization?: string): Promise<string> => {
      const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', ...(authorization === undefined ? {} : { authorization }) });
      const [headers] = await once(stream, 'response') as [http2.IncomingHttpHeaders];
      stream.destroy();
      return `${headers[':status']} ${headers['grpc-status']}`;
    };
    expect([await ask('/no.such/Method'), await ask('/no.such/Method', 'Bearer x'), await ask('/no.such/Method', 'Bearer first-token')]).toEqual(['200 16', '200 16', '200 12']);
    session.close();
  });

  test.each([['application/json', '{"code":16,'], ['application/x-protobuf', '\b\x10\x12']])('over HTTP it is 401 with a challenge, and a Status as %s', async (type, begins) => {
    const ask = async (authorization: Record<string, string>): Promise<[number | undefined, string | undefined, string]> => {
      const request = https.request({
        host: '127.0.0.1', port: secure.otlpHttpPort, path: '/v1/traces', method: 'POST', ca: authority.certificate, servername: 'thresher.test',
        cert: files.read(client.cert), key: files.read(client.key), headers: { 'content-type': type, ...authorization }, agent: false,
      });
      request.end('{}');
      const [response] = await once(request, 'response') as [import('node:http').IncomingMessage];
      const chunks = await response.toArray() as Buffer[];
      return [response.statusCode, response.headers['www-authenticate'], Buffer.concat(chunks).toString('latin1').slice(0, begins.length)];
    };
    expect(await ask({})).toEqual([401, 'Bearer realm="thresher"', begins]);
    expect(await ask({ authorization: 'Bearer x' })).toEqual([401, 'Bearer realm="thresher", error="invalid_token"', begins]);
  });

  test('probes need no token, metrics do', async () => {
    const get = async (path: string, authorization?: string): Promise<string> => {
      const request = https.get({ host: '127.0.0.1', port: secure.httpPort, path, ca: authority.certificate, servername: 'thresher.test', agent: false, headers: authorization === undefined ? {} : { authorization } });
      const [response] = await once(request, 'response') as [import('node:http').IncomingMessage];
      response.resume();
      return `${response.statusCode} ${response.headers['www-authenticate'] ?? ''}`.trim();
    };
    expect([await get('/healthz'), await get('/readyz'), await get('/metrics', 'Bearer scraper')]).toEqual(['200', '200', '200']);
    expect([await get('/metrics'), await get('/metrics', 'Bearer x'), await get('/nope')]).toEqual([
      '401 Bearer realm="thresher"', '401 Bearer realm="thresher", error="invalid_token"', '401 Bearer realm="thresher"']);
    await expect(fetch(`http://127.0.0.1:${secure.httpPort}/healthz`)).rejects.toThrow();
  });

  test('metrics say when the certificates end', () => {
    const seconds = Object.values(secure.by(metrics.tlsCertificateExpiry, 'listener'));
    expect(seconds).toHaveLength(3);
    for (const end of seconds) expect(Math.abs(end - Date.now() / 1000 - 2 * 86_400)).toBeLessThan(600);
  });

  describe.skipIf(!goIsThere)('grpc-go', () => {
    let program = '';
    const file = join(directory, captureOf('collector_traces').file);

    beforeAll(() => {
      program = buildOtapClient();
    });

    const goSends = (...args: readonly string[]): Promise<Record<string, unknown>> => runToEnd(program, [
      'send', '-to', `127.0.0.1:${secure.grpcPort}`, '-ca', ca, '-name', 'thresher.test', '-timeout', '5s', ...args, file]);

    test('is let in with everything', async () => {
      expect(await goSends('-cert', client.cert, '-key', client.key, '-token', 'second-token')).toMatchObject({ end: 'OK' });
    });

    test.each([['a wrong token', 'x', /not one that is accepted here/], ['no token', '', /authorization: Bearer TOKEN/]])('is told of %s', async (_, token, said) => {
      expect(await goSends('-cert', client.cert, '-key', client.key, '-token', token)).toMatchObject({ end: 'Unauthenticated', message: expect.stringMatching(said) as unknown });
    });

    test.each([['without a certificate', []], ['with an expired one', ['-cert', expired.cert, '-key', expired.key]], ['with another authority\'s', ['-cert', strange.cert, '-key', strange.key]]])('gets no connection %s', async (_, args) => {
      const result = await goSends(...args, '-token', 'first-token');
      expect(['Unavailable', 'DeadlineExceeded']).toContain(result['end']);
    });
  });
});

describe('certificates that change while a listener runs', { timeout: 30_000 }, () => {
  test('are for new connections; connections that are open go on, and bad files change nothing', async () => {
    const own = files.certified('rotated', authority.issue({ name: 'one.test' }));
    const secure = await startSecureApp(`receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0", tls: { cert_file: ${own.cert}, key_file: ${own.key} } } } }\nhttp: { endpoint: "127.0.0.1:0" }`);
    const shown = async (): Promise<string> => {
      const socket = tls.connect({ host: '127.0.0.1', port: secure.grpcPort, ca: authority.certificate, ALPNProtocols: ['h2'], checkServerIdentity: () => undefined });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    const result = (): Readonly<Record<string, number>> => secure.by(metrics.credentialReloads, 'result');
    const open = http2.connect(`https://127.0.0.1:${secure.grpcPort}`, { ca: authority.certificate, servername: 'one.test' });
    await once(open, 'connect');
    expect(await shown()).toBe('one.test');
    const next = authority.issue({ name: 'two.test', toDays: 30 });
    files.write('rotated.crt', next.certificate);
    await sleep(1100);
    expect([await shown(), result()]).toEqual(['one.test', { failed: 1 }]);
    files.write('rotated.key', next.key);
    await sleep(1100);
    expect([await shown(), result()]).toEqual(['two.test', { failed: 1, loaded: 1 }]);
    expect(Object.values(secure.by(metrics.tlsCertificateExpiry, 'listener'))[0]).toBeGreaterThan(Date.now() / 1000 + 29 * 86_400);
    files.write('rotated.crt', 'rubbish');
    await sleep(1100);
    expect([await shown(), result()]).toEqual(['two.test', { failed: 2, loaded: 1 }]);
    await new Promise<void>((resolve, reject) => open.ping((error) => (error === null ? resolve() : reject(error))));
    expect(secure.logged.filter((line) => line.includes('credentials_unusable'))).toHaveLength(2);
    expect(secure.logged.join('')).not.toContain('PRIVATE KEY');
    open.close();
    await secure.app.drain();
  });

  test('a listener that shuts down does not wait for handshakes', async () => {
    const security = `endpoint: "127.0.0.1:0", tls: { cert_file: ${server.cert}, key_file: ${server.key} }`;
    const secure = await startSecureApp(`receivers: { otlp: { grpc: { ${security} }, http: { ${security} } } }\nhttp: { ${security} }`);
    const silent = [secure.grpcPort, secure.otlpHttpPort, secure.httpPort].map((port) => connect(port, '127.0.0.1'));
    const ends = silent.map(closed);
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    await sleep(50);
    const start = performance.now();
    await secure.app.drain();
    await Promise.all(ends);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  test('a processor whose certificate cannot be used does not start', async () => {
    const start = (cert: string, key: string): Promise<SecureApp> => startSecureApp(`receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0", tls: { cert_file: ${cert}, key_file: ${key} } } } }\nhttp: { endpoint: "127.0.0.1:0" }`);
    await expect(start(server.cert, client.key)).rejects.toThrow(/receivers\.otlp\.grpc\.tls: cannot use .*server\.crt, .*client\.key: .*key values mismatch/);
    await expect(start('nowhere', server.key)).rejects.toThrow(/receivers\.otlp\.grpc\.tls: cannot use nowhere.*ENOENT/);
  });
});

test('a plaintext listener that is said to be insecure warns', async () => {
  const secure = await startSecureApp('receivers: { otlp: { grpc: { endpoint: "0.0.0.0:0", insecure: true, auth: { bearer: { token: x } } } } }\nhttp: { endpoint: "127.0.0.1:0" }');
  expect(secure.logged.filter((line) => line.includes('plaintext_listener'))).toEqual([expect.stringContaining('receivers.otlp.grpc: 0.0.0.0:0 has no TLS (insecure: true): what is sent, tokens among it, can be read on the way')]);
  await secure.app.drain();
});
