import { expect, test } from 'vitest';
import { captures } from '../support/captures.ts';
import { until } from '../support/child.ts';
import type { CollectorConfig } from '../support/collector-process.ts';
import { at, Chain, exporterOf, type Transport } from './support/chain.ts';
import { Arrived, throughOtelarrow } from './support/compare.ts';
import { countItems, post, recorded, requestsOf } from './support/telemetry.ts';
import { metricOf } from './support/thresher.ts';
import { describeWith } from './support/with-pieces.ts';

/**
 * Scenario: a Collector sends more at once than Thresher may hold (memory.limit), so that Thresher says "come again" the way each protocol has
 * it: RetryInfo, 429 with Retry-After, or a BatchStatus of UNAVAILABLE.
 * Or the next hop is gone until Thresher's queue and windows are full.
 * Guarantees: the Collector comes again and in the end everything has arrived; nothing is given up. (Its exporters wait for 2 s at most, by default 30.)
 */
const transports: readonly Transport[] = ['otlp', 'otlphttp', 'otap'];
const streams = captures.filter(({ name }) => name === 'traces_zstd' || name === 'traces_tiny_nozstd');

/** Little, and windows that hold much; none is closed early for it, which would mark what is kept. */
const memory = { limit: '6MiB', soft_limit: 1 };
const windows = { traces: { length: '2s', decision_wait: '1s' }, logs: { length: '1s' } };

describeWith('more than Thresher may hold', ['collector', 'otelarrow'], () => {
  test.concurrent.each(transports)('comes when there is room, over %s', async (transport) => {
    const chain = await Chain.create();
    try {
      await chain.next('otlp');
      const thresher = await chain.thresher(transport, 'otlp', { more: { memory, windows } });
      const [first] = await chain.first(transport, smallAndSoon(chain, transport));
      const sent = streams.flatMap(({ name }) => requestsOf('traces', recorded(name)));
      for (const { name } of streams) await post(chain.ports.entry, 'traces', recorded(name));
      const received = await chain.output.takeItems('traces', countItems('traces', sent), () => `${first?.said.slice(-1500)}\n${thresher.said.slice(-1500)}`, 150_000);
      const refused = await metricOf(thresher, 'thresher_batches_refused_total') + await metricOf(thresher, 'thresher_requests_refused_total');
      expect(refused).toBeGreaterThan(0);
      expect(first?.said).not.toMatch(/Dropping data|rejected/i);
      expect(Arrived.kept('traces', received).missing(transport === 'otap' ? sent.map(throughOtelarrow) : sent)).toBeNull();
    } finally {
      await chain.stop();
    }
  });

  test.concurrent('waits in the first Collector while the next one is gone, and comes when it is back', async () => {
    const chain = await Chain.create();
    try {
      const { nextGrpc } = chain.ports;
      const otlp = { endpoint: at(nextGrpc), tls: { insecure: true }, sending_queue: { size_bytes: '256KiB' } };
      const thresher = await chain.thresher('otlp', 'otlp', { exporters: { otlp }, more: { memory, windows } });
      const [first] = await chain.first('otlp', smallAndSoon(chain, 'otlp'));
      const sent = streams.flatMap(({ name }) => requestsOf('traces', recorded(name)));
      for (const { name } of streams) await post(chain.ports.entry, 'traces', recorded(name));
      await until(async () => await metricOf(thresher, 'thresher_batches_refused_total') > 0, 60_000, () => 'nothing was refused');
      await chain.next('otlp');
      const received = await chain.output.takeItems('traces', countItems('traces', sent), () => `${first?.said.slice(-1500)}\n${thresher.said.slice(-1500)}`, 150_000);
      expect(first?.said).not.toMatch(/Dropping data|rejected/i);
      expect(await metricOf(thresher, 'thresher_items_lost_total')).toBe(0);
      expect(Arrived.kept('traces', received).missing(sent)).toBeNull();
    } finally {
      await chain.stop();
    }
  });
});

/** The first Collector's sections: its requests are small beside what Thresher may hold, and it does not wait as long as by default. */
function smallAndSoon(chain: Chain, transport: Transport): Partial<CollectorConfig> {
  const { grpc, http, otapOut } = chain.ports;
  const exporters = Object.entries(exporterOf(transport, { grpc: transport === 'otap' ? otapOut : grpc, http }, 'collector'));
  return {
    processors: { batch: { send_batch_size: 500, send_batch_max_size: 500 } }, processing: ['batch'],
    exporters: Object.fromEntries(exporters.map(([name, options]) => [name, { ...options, retry_on_failure: { initial_interval: '1s', max_interval: '2s' } }])),
  };
}
