import { expect, test } from 'vitest';
import { type Child, until } from '../support/child.ts';
import { at, Chain } from './support/chain.ts';
import { numbered } from './support/numbered.ts';
import { countItems, post } from './support/telemetry.ts';
import { describeWith } from './support/with-pieces.ts';

/**
 * Scenario: OTAP streams on both sides of Thresher live a second or half of one, where the Collector's default is 30 s, while telemetry flows.
 * Guarantees: they are replaced again and again, each ends in order, and everything arrives, once.
 */
describeWith('OTAP streams that come to their end', ['collector', 'otelarrow'], () => {
  test('are replaced and lose nothing', async () => {
    const chain = await Chain.create();
    try {
      const { grpc, otapOut, otapIn } = chain.ports;
      const [, taking] = await chain.next('otap');
      const thresher = await chain.thresher('otap', 'otap', { exporters: { otap: { endpoint: at(otapIn), tls: { insecure: true }, max_stream_lifetime: '1s' } } });
      const giving = await chain.otelarrow('exporter', otapOut, grpc, '-lifetime', '500ms');
      await chain.first('otlp', { exporters: { otlp_grpc: { endpoint: at(otapOut), tls: { insecure: true } } } });
      const sent = { traces: 0, logs: 0, metrics: 0 };
      for (let batch = 0; batch < 80; batch++) {
        for (const signal of ['traces', 'logs', 'metrics'] as const) {
          const { request, names } = numbered(signal, 'streams', batch);
          await post(chain.ports.entry, signal, [{ contentType: 'application/json', body: Uint8Array.from(Buffer.from(JSON.stringify(request))) }]);
          sent[signal] += names.length;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      for (const signal of ['traces', 'logs', 'metrics'] as const) {
        const received = await chain.output.takeItems(signal, sent[signal], () => thresher.said.slice(-1500));
        expect(countItems(signal, received)).toBe(sent[signal]);
        expect(begun(giving, signal)).toBeGreaterThan(4);
        expect(taking === undefined ? 0 : begun(taking, signal)).toBeGreaterThan(3);
      }
      await until(() => ended(giving).length > 12, 10_000);
      expect(ended(giving).filter((line) => !/EOF/.test(line))).toEqual([]);
      expect(thresher.said).not.toMatch(/otap_stream_ended|export_failed/);
    } finally {
      await chain.stop();
    }
  });
});

/** Streams of a signal that began. */
function begun({ said }: Child, signal: string): number {
  return said.split('\n').filter((line) => line.includes(`"stream":"${signal}"`)).length;
}

/** How the exporter's streams ended. */
function ended({ said }: Child): string[] {
  return said.split('\n').filter((line) => line.includes('"ended"'));
}
