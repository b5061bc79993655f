import { once } from 'node:events';
import https from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { handshakeFailure } from '../../../src/security/handshake-failure.ts';
import { ServerTls } from '../../../src/security/server-tls.ts';
import { metrics } from '../../../src/telemetry/declared.ts';
import { Authority, TestFiles } from '../../support/certificates.ts';
import { testTools } from './tools.ts';

const files = new TestFiles();
const { cert, key } = files.certified('server', new Authority('test').issue({ name: 'a.test' }));
afterAll(() => files.remove());

describe('TLS of a server', () => {
  const config = { certFile: cert, keyFile: key, clientCaFile: null, minVersion: '1.3' } as const;

  test('a client that never shakes hands is sent away and counted', async () => {
    const tools = testTools();
    const tls = new ServerTls(config, tools);
    expect(tls.options.handshakeTimeout).toBe(10_000);
    const server = https.createServer({ ...tls.options, handshakeTimeout: 100 });
    tls.guard(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const silent = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
    await once(silent, 'close');
    expect(tools.registry.value(metrics.tlsFailures, { listener: 'here', reason: 'timeout' })).toBe(1);
    expect(tools.logged.join('')).toContain('a client did not finish the handshake in time');
    server.close();
  });

  test('asks clients for certificates only where it has an authority to check them by', () => {
    expect(new ServerTls(config, testTools()).options).toMatchObject({ requestCert: false, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
    expect(new ServerTls({ ...config, clientCaFile: cert }, testTools()).options).toMatchObject({ requestCert: true, rejectUnauthorized: true });
  });
});

// Codes of OpenSSL (ERR_SSL_...) and of its certificate checks (X509_V_ERR_...), as Node names them.
test.each([
  ['ERR_SSL_HTTP_REQUEST', null, 'not_tls'], ['ERR_SSL_WRONG_VERSION_NUMBER', null, 'not_tls'], ['ERR_SSL_UNSUPPORTED_PROTOCOL', null, 'version'],
  ['ERR_SSL_NO_SHARED_CIPHER', null, 'cipher'], ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', null, 'client_certificate_missing'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', null, 'refused_by_client'], ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', null, 'refused_by_client'], ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', null, 'refused_by_client'],
  ['ECONNRESET', null, 'closed_by_client'], ['ECONNRESET', 'CERT_HAS_EXPIRED', 'client_certificate_expired'], ['ECONNRESET', 'CERT_NOT_YET_VALID', 'client_certificate_expired'],
  ['ECONNRESET', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'client_certificate_untrusted'], ['ECONNRESET', 'CERT_REVOKED', 'client_certificate_untrusted'], ['ECONNRESET', 'INVALID_PURPOSE', 'client_certificate_untrusted'],
  ['ERR_SOMETHING', null, 'other'],
])('%s with %s is %s', (code, refused, reason) => {
  expect(handshakeFailure(Object.assign(new Error('x'), { code }), refused).reason).toBe(reason);
});
