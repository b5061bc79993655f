import { describe, expect, test } from 'vitest';
import { isLoopbackHost } from '../../../src/base/endpoint.ts';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';

const exporters = 'exporters: { debug: {} }';

function parsed(text: string, settings: readonly string[] = []): ReturnType<typeof parseConfig> {
  return parseConfig({ text: `policies: package:package.json\n${text}`, name: 'test.yaml', environment: { TOKEN: 'hunter2', NEWLINE: 'hunter2\nx' }, directory: '/', settings });
}

function complaints(text: string, settings: readonly string[] = []): string {
  try {
    parsed(text, settings);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

const listening = (options: string, protocol = 'grpc'): string => `receivers: { otlp: { ${protocol}: { ${options} } } }\n${exporters}`;
const exporting = (type: string, options: string): string => `receivers: { otlp: { grpc: {} } }\nexporters: { ${type}: { endpoint: ${type === 'otlphttp' ? 'https://a.example' : 'a.example:1'}, ${options} } }`;

describe('a listener', () => {
  const tls = 'tls: { cert_file: a, key_file: b }';

  test.each([
    'endpoint: 127.0.0.1:1', 'endpoint: "[::1]:1"', 'endpoint: localhost:1', 'endpoint: 127.8.9.1:1', `endpoint: 0.0.0.0:1, ${tls}`, 'endpoint: 0.0.0.0:1, insecure: true',
  ])('may listen: %s', (options) => {
    for (const protocol of ['grpc', 'http']) expect(complaints(listening(options, protocol))).toBe('');
    expect(complaints(`receivers: { otlp: { grpc: {} } }\n${exporters}\nhttp: { ${options} }`)).toBe('');
  });

  test.each(['0.0.0.0:1', '"[::]:1"', '10.0.0.1:1', 'thresher.example:1', 'localhost.example:1', '127.0.0.1.example:1'])('that others can reach must have TLS, or say that it is insecure: %s', (endpoint) => {
    for (const protocol of ['grpc', 'http']) {
      expect(complaints(listening(`endpoint: ${endpoint}`, protocol))).toMatch(new RegExp(`:2: receivers.otlp.${protocol}.endpoint: .* has no TLS, .*: give tls: .*, or write insecure: true`));
    }
    expect(complaints(`receivers: { otlp: { grpc: {} } }\n${exporters}\nhttp: { endpoint: ${endpoint} }`)).toContain('http.endpoint: ');
  });

  test.each([
    [`${tls}, insecure: true`, 'otlp.grpc.insecure: is true beside tls'],
    ['tls: { cert_file: a }', 'otlp.grpc.tls.key_file: is missing'],
    ['tls: { cert_file: a, key_file: b, min_version: 1.1 }', 'otlp.grpc.tls.min_version: expected 1.2 or 1.3, got 1.1'],
    ['tls: { insecure: true }', 'otlp.grpc.tls.insecure: unknown key; write insecure: true beside the endpoint'],
    ['auth: { bearer: {} }', 'otlp.grpc.auth.bearer: give token, or token_file'],
    ['auth: {}', 'otlp.grpc.auth.bearer: is missing'],
  ])('is told what is wrong: %s', (options, said) => {
    expect(complaints(listening(options))).toContain(said);
  });

  test('has its options as they are written', () => {
    const { receivers: [receiver] } = parsed(listening('tls: { cert_file: a, key_file: b, client_ca_file: c, min_version: 1.3 }, auth: { bearer: { token: [x, "${env:TOKEN}"], token_file: d } }'));
    expect(receiver).toMatchObject({
      grpc: { tls: { certFile: 'a', keyFile: 'b', clientCaFile: 'c', minVersion: '1.3' }, auth: { bearer: { tokens: ['x', 'hunter2'], tokenFile: 'd' } } } });
  });
});

describe('an exporter', () => {
  test.each(['otap', 'otlp', 'otlphttp'])('%s is told what is wrong with its tls and auth', (type) => {
    const said = (options: string): string => complaints(exporting(type, options));
    expect(said('auth: { bearer: { token: x } }')).toBe('');
    expect(said('auth: { basic: { username: u, password_file: p } }, tls: { ca_file: c, min_version: "1.3" }')).toBe('');
    expect(said('auth: {}')).toContain('auth: give either bearer or basic');
    expect(said('auth: { bearer: { token: x }, basic: { username: u, password: p } }')).toContain('auth: give either bearer or basic');
    expect(said('auth: { bearer: { token: x, token_file: y } }')).toContain('auth.bearer: give either token or token_file');
    expect(said('auth: { basic: { username: "u:v", password: p } }')).toContain('auth.basic.username: must not have a colon');
    expect(said('auth: { basic: { username: u } }')).toContain('auth.basic: give either password or password_file');
    expect(said('auth: { bearer: { token: x } }, headers: { Authorization: y }')).toContain('headers.Authorization: would be sent beside what auth says');
    expect(said('tls: { cert_file: a }')).toContain('tls: cert_file and key_file go together');
    expect(said('tls: { insecure_skip_verify: true }')).toContain('unknown key; a server that is not checked may be anybody');
  });

  test('certificates that would not be used are told of', () => {
    expect(complaints(exporting('otlp', 'tls: { insecure: true, ca_file: c }'))).toContain('tls.insecure: is true, so that');
    expect(complaints(exporting('otlphttp', 'tls: { ca_file: c }').replace('https:', 'http:'))).toContain('tls: is not used, since the endpoint is not https');
  });
});

describe('a secret that is written wrong is not repeated', () => {
  test.each([
    listening('auth: { bearer: hunter2 }'), listening('auth: hunter2'), listening('auth: { bearer: { token: "hunter2 x" } }'), listening('auth: { bearer: { token: { a: hunter2 } } }'),
    exporting('otlp', 'auth: { bearer: "${env:TOKEN}" }'), exporting('otlp', 'auth: { bearer: { token: "${env:NEWLINE}" } }'), exporting('otlp', 'auth: { basic: { username: u, password: [hunter2] } }'),
    exporting('otap', 'headers: "Bearer hunter2"'), exporting('otap', 'headers: { authorization: [hunter2] }'), exporting('otlp', 'headers: { authorization: "${env:NEWLINE}" }'), exporting('otlp', 'headers: { x-bin: hunter2 }'),
  ])('%s', (text) => {
    expect(complaints(text)).toMatch(/expected/);
    expect(complaints(text)).not.toContain('hunter2');
  });

  test('nor by a setting that goes into it', () => {
    const said = complaints(exporting('otlp', 'headers: { a: hunter2 }'), ['exporters.otlp.headers.a.b=1']);
    expect(said).toContain('"b" cannot be set within a value');
    expect(said).not.toContain('hunter2');
  });
});

test('hosts of this machine alone', () => {
  expect(['localhost', 'LOCALHOST', '127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'].filter((host) => !isLoopbackHost(host))).toEqual([]);
  expect(['', '0.0.0.0', '::', '::ffff:10.0.0.1', '128.0.0.1', '127.0.0.1.nip.example', 'x127.0.0.1', 'localhost.example'].filter(isLoopbackHost)).toEqual([]);
});
