import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { goIsThere } from '../support/go/otapclient/run.ts';
import { buildOtlpSink, startOtlpSink, type OtlpSink } from '../support/go/otlpsink/run.ts';
import { canonical } from '../support/otlp-canonical.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { takenBatches } from '../support/taken.ts';
import { exporterOf } from './otlp-exporter-support.ts';

/**
 * Scenario: recorded streams are taken whole and sent by the exporters, made from a configuration, to a server of the Collector's own
 * messages (pdata) over gRPC and HTTP, in every encoding.
 * Guarantees: what the server understood is what was recorded; what it refused for now comes again, once.
 */
describe.skipIf(!goIsThere)('OTLP exporters with the Collector\'s messages as the next hop', { timeout: 30_000 }, () => {
  const names = { traces: 'collector_traces', logs: 'collector_logs', metrics: 'collector_metrics' } as const;
  const signals = ['traces', 'logs', 'metrics'] as const;
  const batches = signals.flatMap((signal) => takenBatches(names[signal], 500));
  const items = batches.reduce((sum, { rowCount }) => sum + rowCount, 0);
  const truths = { traces: canonical(readTruth(names.traces)), logs: canonical(readTruth(names.logs)), metrics: canonical(readTruth(names.metrics)) };
  let program = '';
  const running: OtlpSink[] = [];

  beforeAll(() => {
    program = buildOtlpSink();
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map((sink) => sink.stop()));
  });

  async function start(...flags: string[]): Promise<OtlpSink> {
    const sink = await startOtlpSink(program, ...flags);
    running.push(sink);
    return sink;
  }

  function expectTruth(sink: OtlpSink): void {
    for (const signal of signals) expect(canonical(sink.understood(signal))).toEqual(truths[signal]);
  }

  test.each(['gzip', 'zstd', 'none'])('gRPC, compressed as %s', async (compression) => {
    const sink = await start();
    const exporter = exporterOf('otlp', `endpoint: "127.0.0.1:${sink.grpcPort}", tls: { insecure: true }, compression: ${compression}, headers: { X-Test: from thresher }`);
    await exporter.send(batches);
    expect([exporter.exported(), exporter.lost(), exporter.retries(), exporter.logged]).toEqual([items, {}, {}, []]);
    expectTruth(sink);
    expect(new Set(sink.requests.map(({ transport, test: header }) => `${transport} ${header}`))).toEqual(new Set(['grpc from thresher']));
  });

  test.each([['proto', 'gzip'], ['proto', 'zstd'], ['json', 'gzip'], ['json', 'none']])('HTTP, %s, compressed as %s', async (encoding, compression) => {
    const sink = await start();
    const exporter = exporterOf('otlphttp', `endpoint: "http://127.0.0.1:${sink.httpPort}/", encoding: ${encoding}, compression: ${compression}, headers: { X-Test: from thresher }`);
    await exporter.send(batches);
    expect([exporter.exported(), exporter.lost(), exporter.retries(), exporter.logged]).toEqual([items, {}, {}, []]);
    expectTruth(sink);
    const expected = { transport: 'http', type: encoding === 'json' ? 'application/json' : 'application/x-protobuf', test: 'from thresher' };
    for (const request of sink.requests) expect(request).toMatchObject(compression === 'none' ? expected : { ...expected, encoding: compression });
  });

  test.each(['otlp', 'otlphttp'] as const)('%s sends again what was refused for now, to the endpoints in turn, in requests of the size asked for', async (type) => {
    const sinks = [await start('-refuse', '3'), await start()];
    const [first, second] = sinks.map(({ grpcPort, httpPort }) => (type === 'otlp' ? `"127.0.0.1:${grpcPort}"` : `"http://127.0.0.1:${httpPort}"`));
    const tls = type === 'otlp' ? 'tls: { insecure: true }, ' : '';
    const exporter = exporterOf(type, `endpoint: ${first}, more_endpoints: [${second}], ${tls}max_request_size: 4kB`);
    await exporter.send(batches);
    expect([exporter.exported(), exporter.lost()]).toEqual([items, {}]);
    expect(Object.values(exporter.retries())).toEqual([3]);
    for (const signal of signals) expect(canonical(sinks.flatMap((sink) => sink.understood(signal)))).toEqual(truths[signal]);
    for (const sink of sinks) expect(sink.requests.length).toBeGreaterThan(3);
  });
});
