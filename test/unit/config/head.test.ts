import { describe, expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { ConfigError, parseConfig, type ThresherConfig } from '../../../src/config/load.ts';
import { headSettings } from '../../sim/head-model.ts';

const least = 'receivers: { otlp: { grpc: {} } }\npolicies: package:sql/policies/errors_and_slow.sql\nexporters: { debug: {} }\n';

function parse(text: string): ThresherConfig {
  return parseConfig({ text: least + text, name: 'test.yaml', environment: {}, directory: '/' });
}

function complaints(text: string): readonly string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw error;
  }
}

describe('head', () => {
  test('is off where it is not written, and on the standard ports of this machine where it is', () => {
    expect(parse('').head).toBeNull();
    const { head } = parse('head:');
    expect(head?.http.endpoint).toBe('127.0.0.1:5778');
    expect([head?.grpc.endpoint, ...head?.grpc.moreEndpoints ?? []]).toEqual(['127.0.0.1:14250', '127.0.0.1:5779']);
    expect(head?.policy).toBe(packageFile('sql/head/default.sql'));
    expect(head).toMatchObject(headSettings);
  });

  test('listens to others only with TLS, or when told so; on no port twice', () => {
    expect(complaints('head: { http: { endpoint: 0.0.0.0:5778 } }')[0]).toMatch(/^head\.http\.endpoint: .*insecure: true/);
    expect(complaints('head: { grpc: { endpoint: 127.0.0.1:5778 } }')[0]).toMatch(/already taken by head\.http\.endpoint/);
    expect(complaints('head: { grpc: { enabled: false, endpoint: 127.0.0.1:5778 } }')).toEqual([]);
  });

  test('cannot go with linked traces', () => {
    expect(complaints('head:\nwindows: { traces: { linked: { span_links: true } } }')[0]).toMatch(/^head: cannot go with windows.traces.linked/);
    expect(complaints('head:\nwindows: { traces: { linked: { session_key: session.id } } }')[0]).toMatch(/^head: cannot go/);
  });

  test('a file of SQL that is not there is said', () => {
    expect(complaints('head: { policy: /nowhere/rates.sql }')).toEqual(['head.policy: no such file: /nowhere/rates.sql']);
  });
});
