import { describe, expect, test } from 'vitest';
import { ConfigError, parseConfig, type ThresherConfig } from '../../../src/config/load.ts';
import { routesOf } from '../../../src/config/routes.ts';

const components = `policies: package:package.json
receivers: { otlp: { grpc: {} }, otlp/eu: { grpc: { endpoint: 127.0.0.1:5317 } }, otap_file: { path: a.otap } }
exporters: { debug: {}, debug/dropped: {}, otap_file/archive: { path: b.otap }, otlp/backend: { endpoint: backend:4317 } }
`;

function parsed(pipelines: string, settings: readonly string[] = []): ThresherConfig {
  return parseConfig({ text: components + pipelines, settings, name: 'test.yaml', directory: '/', environment: {} });
}

function complaints(pipelines: string, settings: readonly string[] = []): string[] {
  try {
    parsed(pipelines, settings);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  }
}

describe('ways', () => {
  test('without pipelines everything goes everywhere, and nothing that is dropped goes anywhere', () => {
    const all = { receivers: ['otlp', 'otlp/eu', 'otap_file'], kept: ['debug', 'debug/dropped', 'otap_file/archive', 'otlp/backend'], dropped: [], isPassed: false };
    expect(routesOf(parsed(''))).toEqual({ traces: all, logs: all, metrics: all, isWritten: false, unused: [] });
    expect(routesOf(parsed('metrics: { pass_through: false }')).metrics).toEqual({ receivers: [], kept: [], dropped: [], isPassed: false });
  });

  test('pipelines say who gets what; what none names is unused', () => {
    const config = parsed('pipelines: { traces: { receivers: [otlp], exporters: [otlp/backend, debug], dropped: otap_file/archive }, metrics: { receivers: otlp, exporters: [otlp/backend] } }');
    expect(routesOf(config)).toEqual({
      traces: { receivers: ['otlp'], kept: ['otlp/backend', 'debug'], dropped: ['otap_file/archive'], isPassed: false },
      logs: { receivers: [], kept: [], dropped: [], isPassed: false },
      metrics: { receivers: ['otlp'], kept: ['otlp/backend'], dropped: [], isPassed: false },
      isWritten: true, unused: ['receivers.otlp/eu', 'receivers.otap_file', 'exporters.debug/dropped'],
    });
  });

  test('an exporter may get what is kept of one signal and what is dropped of another', () => {
    expect(complaints('pipelines: { traces: { receivers: otlp, exporters: debug, dropped: otap_file/archive }, logs: { receivers: otlp, exporters: otap_file/archive } }')).toEqual([]);
  });
});

describe('what cannot be', () => {
  test('files that would replace each other', () => {
    const of = (path: string): string[] => complaints('', [`exporters.otap_file/archive={ path: "${path}", max_size: 1MiB }`]);
    expect(of('a.{time}.otap')).toEqual([]);
    expect(of('a.otap')).toEqual(['exporters.otap_file/archive.max_size: needs {time} in the path, or the next file would replace the one before']);
  });

  test.each([
    ['a name that nothing has', 'traces: { receivers: [oltp], exporters: [otlp/backand] }',
      ['pipelines.traces.receivers.0: receivers has no "oltp"; did you mean "otlp"?', 'pipelines.traces.exporters.0: exporters has no "otlp/backand"; did you mean "otlp/backend"?']],
    ['a list without names', 'traces: { receivers: [], exporters: [debug] }', ['pipelines.traces.receivers: name at least one of otlp, otlp/eu, otap_file']],
    ['a way without exporters', 'logs: { receivers: otlp }', ['pipelines.logs.exporters: is missing: Exporters that each get all that is kept.']],
    ['a name twice', 'logs: { receivers: [otlp, otlp], exporters: debug }', ['pipelines.logs.receivers.1: otlp is named twice']],
    ['kept and dropped in one', 'traces: { receivers: otlp, exporters: debug, dropped: [debug] }',
      ['pipelines.traces.dropped: debug gets what is kept already, and nobody could tell the two apart: declare a second exporter, for example debug/dropped']],
    ['something dropped where all passes', 'traces: { receivers: otlp, exporters: debug, mode: pass, dropped: debug/dropped }, logs: { receivers: otlp, exporters: debug }', ['pipelines.traces.dropped: is written beside mode: pass, which drops nothing']],
    ['policies where nothing is sampled', 'traces: { receivers: otlp, exporters: debug, mode: pass }', ['policies: are read by nobody: pipelines say that nothing is sampled (mode: pass)']],
    ['metrics that pass', 'metrics: { receivers: otlp, exporters: debug, mode: pass }', ['pipelines.metrics.mode: unknown key; metrics pass anyway']],
    ['dropped metrics', 'metrics: { receivers: otlp, exporters: debug, dropped: debug/dropped }', ['pipelines.metrics.dropped: unknown key; metrics pass through unsampled, so that none are dropped']],
    ['several of one signal', 'traces/eu: { receivers: otlp/eu, exporters: debug }',
      ['pipelines.traces/eu: there is one pipeline a signal, since its windows and policies are one: name all its receivers under traces, or run a second Thresher']],
    ['a signal that is none', 'profiles: { receivers: otlp, exporters: debug }', ['pipelines.profiles: unknown key; known here: traces, logs, metrics', 'pipelines: names no signal: write traces, logs or metrics, or leave pipelines out, so that everything goes everywhere']],
    ['processors', 'traces: { receivers: otlp, exporters: debug, processors: [batch] }', ['pipelines.traces.processors: unknown key; nothing is put in between by hand: write policies, windows and policy']],
  ])('%s', (_what, pipelines, expected) => {
    expect(complaints(`pipelines: { ${pipelines} }`)).toEqual(expected);
  });

  test.each([
    ['without pipelines', '', ['exporters.load_balancing: shares out what is not sampled: write pipelines, with mode: pass']],
    ['for what is sampled', 'pipelines: { traces: { receivers: otlp, exporters: load_balancing }, logs: { receivers: otlp, exporters: debug, dropped: load_balancing } }',
      ['pipelines.traces: load_balancing shares out what is not sampled: write mode: pass', 'pipelines.logs.dropped: load_balancing shares out what is not sampled, and cannot be among dropped']],
    ['for what passes, and metrics', 'pipelines: { traces: { receivers: otlp, exporters: load_balancing, mode: pass }, logs: { receivers: otlp, exporters: debug }, metrics: { receivers: otlp, exporters: load_balancing } }', []],
  ])('sharing out %s', (_what, pipelines, expected) => {
    expect(complaints(pipelines, ['exporters.load_balancing={ resolver: { static: { hostnames: ["a:4317", "b:4317"] } }, protocol: { otlp: {} } }'])).toEqual(expected);
  });

  test.each([
    ['two ways to find members, and no protocol', '{ resolver: { static: { hostnames: ["a:1"] }, file: { path: m.txt } }, protocol: {} }',
      ['exporters.load_balancing.resolver: give one of static, file and dns', 'exporters.load_balancing.protocol: give either otlp or otap, for example otlp: {}']],
    ['members that are none', '{ resolver: { static: { hostnames: ["a:1", "a:1"] } }, protocol: { otap: { auth: { bearer: { token: x } }, headers: { Authorization: y } } } }',
      ['exporters.load_balancing.protocol.otap.headers.Authorization: would be sent beside what auth says; write one of them', 'exporters.load_balancing.resolver.static.hostnames.1: a:1 is named twice']],
    ['retries that begin later than they may', '{ resolver: { static: { hostnames: ["a:1"] } }, protocol: { otlp: { retry_on_failure: { initial_interval: 10s, max_interval: 1s } } } }',
      ['exporters.load_balancing.protocol.otlp.retry_on_failure.initial_interval: is longer than max_interval']],
    ['what a Collector has', '{ resolver: { k8s: { service: thresher } }, protocol: { otlp: { endpoint: "a:1" } }, routing_key: traceID }',
      ['exporters.load_balancing.routing_key: unknown key; it is the trace id, for logs too; metrics go by turns', 'exporters.load_balancing.resolver.k8s: unknown key; write dns, with the name of a headless Service', 'exporters.load_balancing.protocol.otlp.endpoint: unknown key; members are found by resolver',
        'exporters.load_balancing.resolver: give one of static, file and dns']],
  ])('%s', (_what, exporter, expected) => {
    const found = complaints('pipelines: { metrics: { receivers: otlp, exporters: load_balancing } }', [`exporters.load_balancing=${exporter}`]);
    expect(found.filter((line) => line.startsWith('exporters'))).toEqual(expected);
  });

  test('no pipeline at all', () => {
    for (const text of ['pipelines: {}', 'pipelines:']) expect(complaints(text)).toEqual(['pipelines: names no signal: write traces, logs or metrics, or leave pipelines out, so that everything goes everywhere']);
  });

  test('a way of metrics where they do not pass', () => {
    expect(complaints('metrics: { pass_through: false }\npipelines: { metrics: { receivers: otlp, exporters: debug } }')).toEqual(['pipelines.metrics: contradicts metrics.pass_through, which is false']);
  });
});
