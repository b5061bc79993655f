import { afterAll, beforeAll, expect, test } from 'vitest';
import { Authority, TestFiles } from '../support/certificates.ts';
import type { CollectorConfig } from '../support/collector-process.ts';
import { at, Chain } from './support/chain.ts';
import { Arrived } from './support/compare.ts';
import { countItems, post, recorded, requestsOf } from './support/telemetry.ts';
import type { ThresherConfig } from './support/thresher.ts';
import { describeWith } from './support/with-pieces.ts';

/**
 * Scenario: Collector -> Thresher -> Collector with other settings than the defaults: TLS with certificates of both sides, a token, and each
 * compression that both know.
 * Guarantees: all that is sent arrives; a sender without a certificate or with a wrong token gets nothing in.
 */
const streams = { traces: 'collector_traces', logs: 'collector_logs', metrics: 'collector_metrics' } as const;
const signals = ['traces', 'logs', 'metrics'] as const;

describeWith('security', ['collector'], () => {
  const files = new TestFiles();
  const authority = new Authority('interop');
  const ca = files.write('ca.crt', authority.certificate);
  const server = files.certified('server', authority.issue({ name: 'localhost' }));
  const client = files.certified('client', authority.issue({ name: 'collector' }));
  const serverTls = { cert_file: server.cert, key_file: server.key, client_ca_file: ca };
  const clientTls = { ca_file: ca, cert_file: client.cert, key_file: client.key };
  const auth = { bearer: { token: 'a-long-enough-token' } };
  afterAll(() => files.remove());

  const receiving = (): Pick<CollectorConfig, 'receivers'> & Partial<CollectorConfig> => {
    const { nextGrpc, nextHttp } = chain.ports;
    return { receivers: { otlp: { protocols: { grpc: { endpoint: at(nextGrpc), tls: serverTls }, http: { endpoint: at(nextHttp), tls: serverTls } } } } };
  };
  const thresherOf = (exporters: ThresherConfig['exporters']): Partial<ThresherConfig> => {
    const { grpc, http } = chain.ports;
    return { receivers: { otlp: { grpc: { endpoint: at(grpc), tls: serverTls, auth }, http: { endpoint: at(http), tls: serverTls, auth } } }, exporters };
  };
  let chain: Chain;
  beforeAll(async () => {
    chain = await Chain.create();
  });
  afterAll(() => chain.stop());

  test('TLS, client certificates and a token over gRPC and HTTP; none without them', async () => {
    const { grpc, http, nextGrpc, nextHttp } = chain.ports;
    const headers = { authorization: 'Bearer a-long-enough-token' };
    const senders: readonly (readonly [CollectorConfig['exporters'], ThresherConfig['exporters']])[] = [
      [{ otlp_grpc: { endpoint: at(grpc), tls: clientTls, headers } }, { otlp: { endpoint: at(nextGrpc), tls: clientTls } }],
      [{ otlp_http: { endpoint: `https://${at(http)}`, tls: clientTls, headers } }, { otlphttp: { endpoint: `https://${at(nextHttp)}`, tls: clientTls } }],
    ];
    await chain.next('otlp', receiving());
    for (const [collectorExporters, exporters] of senders) {
      const thresher = await chain.thresher('otlp', 'otlp', thresherOf(exporters));
      const first = await chain.first('otlp', { exporters: collectorExporters });
      await expectAllThrough(chain);
      for (const child of first) await child.stop();
      const [refused] = await chain.first('otlp', { exporters: withoutToken(collectorExporters) });
      await post(chain.ports.entry, 'logs', recorded(streams.logs));
      await refused?.says('Exporting failed');
      await refused?.stop();
      await thresher.stop();
      expect(chain.output.take('logs')).toEqual([]);
    }
  });
});

const compressions = [['zstd', 'zstd'], ['none', 'none']] as const;

describeWith('compression', ['collector'], () => {
  test.each(compressions)('%s over gRPC in, %s out', (into, outOf) => through(
    ({ grpc }) => ({ otlp_grpc: { endpoint: at(grpc), tls: { insecure: true }, compression: into } }),
    ({ nextGrpc }) => ({ otlp: { endpoint: at(nextGrpc), tls: { insecure: true }, compression: outOf } })));
  test.each([...compressions, ['deflate', 'gzip']] as const)('%s over HTTP in, %s out', (into, outOf) => through(
    ({ http }) => ({ otlp_http: { endpoint: `http://${at(http)}`, compression: into } }),
    ({ nextHttp }) => ({ otlphttp: { endpoint: `http://${at(nextHttp)}`, compression: outOf } })));
});

async function through(collectorExporters: (ports: Chain['ports']) => CollectorConfig['exporters'], exporters: (ports: Chain['ports']) => ThresherConfig['exporters']): Promise<void> {
  const chain = await Chain.create();
  try {
    await chain.next('otlp');
    await chain.thresher('otlphttp', 'otlp', { exporters: exporters(chain.ports) });
    await chain.first('otlp', { exporters: collectorExporters(chain.ports) });
    await expectAllThrough(chain);
  } finally {
    await chain.stop();
  }
}

/** Sends a little of each signal; all of it comes. */
async function expectAllThrough(chain: Chain): Promise<void> {
  for (const signal of signals) {
    const bodies = recorded(streams[signal]);
    const sent = requestsOf(signal, bodies);
    await post(chain.ports.entry, signal, bodies);
    const arrived = Arrived.kept(signal, await chain.output.takeItems(signal, countItems(signal, sent), () => ''));
    expect(arrived.missing(sent)).toBeNull();
    expect(arrived.left()).toBeNull();
  }
}

function withoutToken(exporters: CollectorConfig['exporters']): CollectorConfig['exporters'] {
  return Object.fromEntries(Object.entries(exporters).map(([name, options]) => [name, { ...(options as object), headers: { authorization: 'Bearer another-token' } }]));
}
