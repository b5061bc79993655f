import { expect, test } from 'vitest';
import { ConfigError, parseConfig, type ReceiverConfig } from '../../../src/config/load.ts';

function receivers(yaml: string): readonly ReceiverConfig[] {
  const text = `receivers: ${yaml}\npolicies: package:package.json\nexporters: { debug: {} }`;
  return parseConfig({ text, name: 'test.yaml', environment: {}, directory: '/' }).receivers;
}

function complaints(yaml: string): string[] {
  try {
    receivers(yaml);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw error;
  }
  return [];
}

test('OTLP over HTTP has its defaults, and gRPC only where it is asked for', () => {
  expect(receivers('{ otlp: { http: } }')).toEqual([{
    id: 'otlp', type: 'otlp', grpc: null, inputWithoutThreshold: 'unsampled', validate: 'all',
    http: {
      endpoint: '127.0.0.1:4318', maxBodyBytes: 16 * 2 ** 20, maxInflatedBytes: 32 * 2 ** 20, readTimeoutMs: 30_000, cors: null,
      tls: null, auth: null, insecure: false,
    },
  }]);
});

test('CORS is off unless origins are named', () => {
  const [receiver] = receivers('{ otlp: { http: { cors: { allowed_origins: "https://shop.example" } } } }');
  expect(receiver).toMatchObject({ http: { cors: { allowedOrigins: ['https://shop.example'], allowedHeaders: [], maxAgeMs: 7_200_000 } } });
  expect(complaints('{ otlp: { http: { cors: { } } } }')).toEqual([expect.stringContaining('receivers.otlp.http.cors.allowed_origins: is missing')]);
});

test.each([
  ['{ otlp: {} }', ['receivers.otlp: needs grpc or http, or both; grpc: {} takes the defaults']],
  ['{ otlp: { http: {} }, otlp/b: { grpc: { endpoint: "127.0.0.1:4318" } } }', ['receivers.otlp/b.grpc.endpoint: 127.0.0.1:4318 is already taken by receivers.otlp.http.endpoint; choose another port']],
  ['{ otap: { grpc: {}, http: {} } }', [expect.stringContaining('OTLP over HTTP is an otlp receiver\'s')]],
  ['{ otlp: { http: { endpoint: "0.0.0.0:4318" } } }', [expect.stringContaining('receivers.otlp.http')]],
  ['{ otlp: { http: { read_timeout: 5ms } } }', [expect.stringContaining('at least 100ms')]],
])('%s is refused', (yaml, expected) => {
  expect(complaints(yaml)).toEqual(expected);
});
