import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { ConfigError, parseConfig, type ConfigSource, type ThresherConfig } from '../../../src/config/load.ts';

const directory = mkdtempSync(join(tmpdir(), 'thresher-config-'));
for (const name of ['a.sql', 'b.sql', 'c.txt']) writeFileSync(join(directory, name), 'SELECT 1');
writeFileSync(join(directory, 'key'), '00112233445566778899aabbccddeeff\n');

const least = 'receivers: { otlp: { grpc: {} } }\npolicies: a.sql\nexporters: { debug: {} }\n';

function parsed(text: string, rest: Partial<ConfigSource> = {}): ThresherConfig {
  return parseConfig({ text, name: 'test.yaml', directory, environment: {}, ...rest });
}

/** The lines of the error that the configuration gives. */
function complaints(text: string, rest: Partial<ConfigSource> = {}): string[] {
  try {
    parsed(text, rest);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').slice(1).map((line) => line.trim());
    throw error;
  }
  return [];
}

describe('a valid configuration', () => {
  test('has every default, in milliseconds and bytes', () => {
    expect(parsed(least)).toEqual({
      receivers: [{ id: 'otlp', type: 'otlp', grpc: { endpoint: '127.0.0.1:4317', maxRecvMsgBytes: 16 * 2 ** 20, maxConcurrentStreams: 100, readTimeoutMs: 30_000, tls: null, auth: null, insecure: false }, http: null, inputWithoutThreshold: 'unsampled', validate: 'all' }],
      windows: { traces: { lengthMs: 10_000, decisionWaitMs: 30_000, decisionWaitAfterRootMs: null, sessionGapMs: null, sessionMaxMs: 300_000, isAtOnce: false, spansMax: null, bytesMax: null, unknownInput: 'unknown', linked: { spanLinks: false, sessionKey: null } }, logs: { lengthMs: 60_000, randomness: 'trace' } },
      policies: { patterns: [join(directory, 'a.sql')], files: [join(directory, 'a.sql')] },
      policy: { deadlineMs: 10_000, fallback: { probability: 1 }, rowsMax: 10_000_000, combine: 'union', signalsWithoutPolicy: 'keep', reload: 'auto' },
      output: { policyAttribute: false },
      pipelines: null,
      durability: 'none',
      storage: { directory: './thresher-data', limitBytes: 10 * 2 ** 30, segmentBytes: 64 * 2 ** 20, syncIntervalMs: 200, onError: 'refuse', onCorrupt: 'skip', shutdown: 'drain' },
      memory: { limit: 'auto', softLimit: 0.8, duckdbShare: 0.5, retain: 'memory', spillDir: null, spillLimit: 4 * 2 ** 30 },
      certificate: { enabled: true, services: false },
      decisionCache: { keptMax: 500_000, droppedMax: 2_000_000, horizonMs: null }, lateSpans: { pastHorizon: 'policy', probability: 1 },
      stressRelief: { enabled: false, probabilityMin: 0.01, windowLoad: 0.8, loopDelayMs: 200, memory: 0.9, recoveryMs: 120_000 },
      metrics: { passThrough: true },
      sampling: { hashKey: null },
      seed: null,
      exporters: [{ id: 'debug', type: 'debug', verbosity: 'basic', output: 'stderr', itemsMax: 100 }],
      shutdown: { deadlineMs: 300_000, exporterStallMs: 30_000 },
      head: null,
      http: { endpoint: '127.0.0.1:13133', tls: null, auth: null, insecure: false },
      logs: { level: 'info', format: 'auto', linesMax: 10 },
    });
  });

  test('keeps several components of one type, in order', () => {
    const { exporters } = parsed(`${least.replace(/exporters.*\n/, '')}
exporters:
  otap/east: { endpoint: east:4317, compression: zstdarrow5, headers: { x-a: b }, retry_on_failure: { max_elapsed_time: 0 } }
  debug:
  otap/west: { endpoint: "[::1]:4317", tls: { insecure: true }, sending_queue: { size_bytes: 2GiB } }
`);
    expect(exporters.map(({ id, type }) => `${id} ${type}`)).toEqual(['otap/east otap', 'debug debug', 'otap/west otap']);
    const [east, , west] = exporters;
    expect(east).toMatchObject({ compression: 'zstdarrow5', headers: { 'x-a': 'b' }, retry: { enabled: true, maxElapsedMs: 0 }, maxBatchRows: 8192, tls: { insecure: false, caFile: null } });
    expect(west).toMatchObject({ endpoint: '[::1]:4317', compression: 'zstd', sendingQueue: { bytesMax: 2 ** 31 }, tls: { insecure: true } });
  });

  test('finds policies by glob, by path and in the package, each once', () => {
    expect(parsed(`${least}`.replace('a.sql', `[b.sql, "*.sql", "package:package.json", ${join(directory, 'a.sql')}]`)).policies.files)
      .toEqual([join(directory, 'b.sql'), join(directory, 'a.sql'), packageFile('package.json')]);
  });
});

describe('references and settings', () => {
  test('values come from the environment, from files, and from defaults', () => {
    const environment = { PORT: '5000', ROWS: '77', HTTP_FILE: 'http', EMPTY: '' };
    writeFileSync(join(directory, 'http'), '127.0.0.1:9\r\n');
    const config = parsed(`${least.replace('grpc: {}', 'grpc: { endpoint: "127.0.0.1:${env:PORT}" }')}
policy: { rows_max: "\${env:ROWS}", deadline: "\${env:NONE:-3s}" }
http: { endpoint: "\${env:HTTP}" }
memory: { limit: "\${env:EMPTY:-2MiB}" }
sampling: { hash_key: "\${file:key}" }
`, { environment });
    expect(config.receivers[0]).toMatchObject({ grpc: { endpoint: '127.0.0.1:5000' } });
    expect(config.policy).toMatchObject({ rowsMax: 77, deadlineMs: 3000 });
    expect(config.http.endpoint).toBe('127.0.0.1:9');
    expect(config.memory.limit).toBe(2 ** 21);
    expect(config.sampling.hashKey).toEqual(Uint8Array.from(Buffer.from('00112233445566778899aabbccddeeff', 'hex')));
  });

  test('$$ is a dollar, and what is put in is not looked at again', () => {
    const { exporters } = parsed(least.replace('debug: {}', () => 'otap: { endpoint: "a:1", headers: { a: "$${env:X}", b: "${env:X}" } }'), { environment: { X: '${env:Y}$$' } });
    expect(exporters[0]).toMatchObject({ headers: { a: '${env:X}', b: '${env:Y}$$' } });
  });

  test('a secret comes from its file, and from one place only', () => {
    expect(parsed(`${least}sampling: { hash_key_file: key }`).sampling.hashKey).toHaveLength(16);
    expect(complaints(`${least}sampling: { hash_key_file: nowhere }`)).toEqual([expect.stringMatching(/^test.yaml:4: sampling.hash_key_file: cannot read the file: ENOENT/)]);
    expect(complaints(`${least}sampling: { hash_key_file: key, hash_key: ab }`)).toEqual(['test.yaml:4: sampling.hash_key: give either hash_key or hash_key_file, not both']);
  });

  test('settings go over the file, in order; lists and objects are YAML', () => {
    const settings = ['windows.traces.length=1s', 'windows.traces.length=5s', 'policies=[b.sql]', 'exporters.otap/x={endpoint: "a:1"}', 'receivers.otlp.grpc.endpoint=127.0.0.1:0'];
    const config = parsed(least, { settings });
    expect(config.windows.traces.lengthMs).toBe(5000);
    expect(config.policies.files).toEqual([join(directory, 'b.sql')]);
    expect(config.exporters.map(({ id }) => id)).toEqual(['debug', 'otap/x']);
    expect(config.receivers[0]).toMatchObject({ grpc: { endpoint: '127.0.0.1:0' } });
  });

  test('settings that cannot be are told of', () => {
    const settings = ['nonsense', 'a..b=1', '__proto__.x=1', 'policies.x=1', 'exporters=[', 'windows.tracez.length=5s'];
    expect(complaints(least, { settings })).toEqual([
      'test.yaml: --set "nonsense": expected key=value, as in windows.traces.length=5s',
      'test.yaml: --set "a..b=1": expected key=value, as in windows.traces.length=5s',
      'test.yaml: --set "__proto__.x=1": expected key=value, as in windows.traces.length=5s',
      'test.yaml: --set "policies.x=...": "x" cannot be set within a value',
      expect.stringMatching(/^test.yaml: --set "exporters=\.\.\.": /),
      'test.yaml: windows.tracez: unknown key; did you mean "traces"?',
    ]);
    expect(({} as Record<string, unknown>)['x']).toBe(undefined);
  });
});

describe('what is wrong is told at once, with line and path', () => {
  test('many errors of many kinds', () => {
    expect(complaints(`receivers:
  otlp: { grpc: { endpoint: x, max_recv_msg_size: 3 } }
  foo: {}
  otlp/b: { protocols: {} }
windoes: {}
windows:
  traces: { lenght: 3s, length: 5 }
sampling: { hash_key: abc }
exporters: { otap: { compression: zst, headers: { a: 3, "b c": d } } }
policies: [nope/*.sql, "package:../x"]
http: { endpoint: "\${env:UNSET}" }
policy: { fallback: { probability: 1.5 }, rows_max: 1.5 }
logs: text
`)).toEqual([
      'test.yaml:11: http.endpoint: the environment variable UNSET is not set; set it, or write ${env:UNSET:-default}',
      'test.yaml:5: windoes: unknown key; did you mean "windows"?',
      'test.yaml:2: receivers.otlp.grpc.endpoint: expected host:port, got "x"',
      'test.yaml:2: receivers.otlp.grpc.max_recv_msg_size: expected a size such as 64MiB or 2GiB, at least 1024 bytes, got 3',
      'test.yaml:3: receivers.foo: unknown type "foo"; known here: otlp, otap, otap_file',
      'test.yaml:4: receivers.otlp/b.protocols: unknown key; write grpc and http directly under the receiver, without protocols',
      'test.yaml:4: receivers.otlp/b: needs grpc or http, or both; grpc: {} takes the defaults',
      'test.yaml:7: windows.traces.lenght: unknown key; did you mean "length"?',
      'test.yaml:7: windows.traces.length: expected a duration such as 10s, 1m30s or 250ms, at least 100ms, got 5',
      `test.yaml:10: policies.0: no such file: ${directory}/nope/*.sql`,
      'test.yaml:10: policies.1: expected a path within the package after package:, got "package:../x"',
      'test.yaml:12: policy.fallback.probability: expected a number from 0 to 1, got 1.5',
      'test.yaml:12: policy.rows_max: expected a whole number of at least 1, got 1.5',
      'test.yaml:8: sampling.hash_key: expected 32 hexadecimal digits (what is there is not shown)',
      'test.yaml:9: exporters.otap.endpoint: is missing: The next hop.',
      expect.stringMatching(/^test.yaml:9: exporters.otap.compression: expected one of .*, got "zst"; did you mean "zstd"\?$/),
      'test.yaml:9: exporters.otap.headers.a: expected a text of printable ASCII without line breaks (put it in quotes) (what is there is not shown)',
      'test.yaml:9: exporters.otap.headers.b c: expected letters, digits, _ . and - (but not -bin at its end) as the name',
      'test.yaml:13: logs: expected keys with values, got a text',
    ]);
  });

  test('an empty file says what is needed at least', () => {
    expect(complaints('')).toEqual([
      'test.yaml: receivers: name at least one, for example otlp: { grpc: {}, http: {} }',
      'test.yaml: exporters: name at least one, for example debug: {}',
    ]);
  });

  test('policies are needed, but where nothing is sampled', () => {
    const rest = 'receivers: { otlp: { grpc: {} } }\nexporters: { debug: {} }\n';
    expect(complaints(rest)).toEqual(['test.yaml: policies: name at least one SQL file; package:sql/policies/*.sql are ready ones']);
    expect(complaints(`${rest}pipelines: { metrics: { receivers: otlp, exporters: debug } }`)).toEqual([]);
    expect(complaints(`${rest}pipelines: { traces: { mode: pass, receivers: otlp, exporters: debug } }`)).toEqual([]);
    expect(complaints(`${rest}pipelines: { traces: { mode: pass, receivers: otlp, exporters: debug }, logs: { receivers: otlp, exporters: debug } }`)).toHaveLength(1);
  });

  test('YAML that is none, keys given twice, alias bombs', () => {
    expect(complaints('a: [1\nb: }')[0]).toMatch(/^test.yaml:\d+: /);
    expect(complaints('http: {}\nhttp: {}')).toEqual(['test.yaml:2: Map keys must be unique']);
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', ...['b', 'c', 'd', 'e', 'f', 'g'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdef'[i]}`).join(',')}]`)].join('\n');
    expect(complaints(bomb)).toEqual(['test.yaml: Excessive alias count indicates a resource exhaustion attack']);
  });

  test('options that do not go together', () => {
    expect(complaints(`${least}http: { endpoint: 127.0.0.1:4317 }`)).toEqual([
      'test.yaml:4: http.endpoint: 127.0.0.1:4317 is already taken by receivers.otlp.grpc.endpoint; choose another port']);
    expect(complaints(`${least}seed: 1\nsampling: { hash_key_file: key }`)).toEqual([expect.stringContaining('seed: give either')]);
    const tls = '{ endpoint: "a:1", tls: { insecure: true, ca_file: x, key_file: y }, retry_on_failure: { initial_interval: 1m } }';
    expect(complaints(least.replace('debug: {}', `otap: ${tls}`))).toEqual([
      'test.yaml:3: exporters.otap.retry_on_failure.initial_interval: is longer than max_interval',
      'test.yaml:3: exporters.otap.tls: cert_file and key_file go together',
      'test.yaml:3: exporters.otap.tls.insecure: is true, so that the certificates named beside it would not be used',
    ]);
  });

  test('secrets do not get into messages', () => {
    const text = complaints(`${least}sampling: { hash_key: hunter2 }`).join();
    expect(text).toContain('hash_key');
    expect(text).not.toContain('hunter2');
  });
});
