import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { takenBatches } from '../support/taken.ts';
import { exporterOf } from './otlp-exporter-support.ts';

const withoutOpenssl = spawnSync('openssl', ['version']).error !== undefined;

/**
 * Scenario: an https server with a certificate of its own name, which may ask for the client's.
 * Guarantees: nothing is sent to a server whose certificate is not signed as the configuration says or has another name.
 */
describe.skipIf(withoutOpenssl)('otlphttp over TLS', { timeout: 20_000 }, () => {
  const batches = takenBatches('collector_traces', 100_000);
  const [{ rowCount: items }] = batches;
  const directory = mkdtempSync(join(tmpdir(), 'otlp-tls-'));
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const closers: (() => void)[] = [];

  beforeAll(() => {
    const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', certificate, '-days', '2',
      '-subj', '/CN=otlp.test', '-addext', 'subjectAltName=DNS:otlp.test'], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr);
  });

  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function sent(tls: string, clientNeeded: boolean): Promise<{ exported: number; requests: number; said: string }> {
    let requests = 0;
    const pem = readFileSync(certificate);
    const server = https.createServer({ key: readFileSync(key), cert: pem, ca: pem, requestCert: clientNeeded, rejectUnauthorized: clientNeeded }, (request, response) => {
      requests++;
      request.resume().on('end', () => response.writeHead(200).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      server.close();
      server.closeAllConnections();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const exporter = exporterOf('otlphttp', `endpoint: "https://127.0.0.1:${address.port}", tls: ${tls}, retry_on_failure: { enabled: false }`);
    await exporter.send(batches);
    return { exported: exporter.exported(), requests, said: exporter.logged.join('') };
  }

  const named = (more = ''): string => `{ ca_file: "${certificate}", server_name_override: otlp.test${more} }`;

  test('a server that is who it should be', async () => {
    expect(await sent(named(), false)).toEqual({ exported: items, requests: 1, said: '' });
  });

  test.each([['{}', 'self-signed'], ['other name', 'does not match']])('a server that is not: %s', async (tls, said) => {
    const result = await sent(tls === '{}' ? tls : `{ ca_file: "${certificate}" }`, false);
    expect([result.exported, result.requests]).toEqual([0, 0]);
    expect(result.said).toContain(said);
  });

  test('a server that asks for a certificate', async () => {
    expect(await sent(named(`, cert_file: "${certificate}", key_file: "${key}"`), true)).toEqual({ exported: items, requests: 1, said: '' });
    expect(await sent(named(), true)).toMatchObject({ exported: 0, requests: 0 });
  });
});
