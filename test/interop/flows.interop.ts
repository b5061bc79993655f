import { afterAll, beforeAll, expect, test } from 'vitest';
import { captures } from '../support/captures.ts';
import { at, Chain, type Transport } from './support/chain.ts';
import { keptDifference, plainDifference, readByOtelarrow, throughOtelarrow } from './support/compare.ts';
import { countItems, post, recorded, requestsOf } from './support/telemetry.ts';
import { describeWith } from './support/with-pieces.ts';

/**
 * Scenario: the telemetry of every recorded stream is given to a Collector, goes through Thresher under a policy that keeps all, and on
 * to another Collector, which writes it to a file. Senders have their default settings: gzip for OTLP, zstd for OTAP.
 * Guarantees: what the second Collector understood is what was sent, attribute by attribute; beside it only what sampling writes.
 */
const ways: readonly (readonly [Transport, Transport])[] = [
  ['otlp', 'otlp'], ['otlphttp', 'otlphttp'], ['otlphttp-json', 'otlphttp-json'], ['otap', 'otap'], ['otlp', 'otap'], ['otap', 'otlphttp'],
];

for (const [into, outOf] of ways) {
  const hasOtap = into === 'otap' || outOf === 'otap';
  describeWith(`Collector -${into}-> Thresher -${outOf}-> Collector`, hasOtap ? ['collector', 'otelarrow'] : ['collector'], () => {
    let chain: Chain;
    let said = (): string => '';
    beforeAll(async () => {
      chain = await Chain.create();
      await chain.next();
      const thresher = await chain.thresher(into, outOf);
      said = () => thresher.said.slice(-2000);
      await chain.first(into);
    });
    afterAll(() => chain.stop());

    test.each(captures)('$name', async ({ name, signal }) => {
      const bodies = recorded(name);
      await post(chain.ports.entry, signal, bodies);
      const sent = requestsOf(signal, bodies);
      const truth = into === 'otap' ? sent.map(throughOtelarrow) : outOf === 'otap' ? sent.map(readByOtelarrow) : sent;
      expect(keptDifference(signal, await chain.output.takeItems(signal, countItems(signal, truth), said), truth)).toBeNull();
    });
  });
}

/** Guarantees: what the tests above do not ask of OTAP is what its reference library does not keep either. */
describeWith('Collector -otap-> Collector, without Thresher', ['collector', 'otelarrow'], () => {
  let chain: Chain;
  beforeAll(async () => {
    chain = await Chain.create();
    const { otapOut, otapIn, nextGrpc } = chain.ports;
    await chain.next();
    await chain.otelarrow('receiver', otapIn, nextGrpc);
    await chain.otelarrow('exporter', otapOut, otapIn);
    await chain.firstTo({ otlp_grpc: { endpoint: at(otapOut), tls: { insecure: true } } });
  });
  afterAll(() => chain.stop());

  test.each(captures)('$name', async ({ name, signal }) => {
    const bodies = recorded(name);
    await post(chain.ports.entry, signal, bodies);
    const truth = requestsOf(signal, bodies).map(throughOtelarrow);
    expect(plainDifference(await chain.output.takeItems(signal, countItems(signal, truth), () => ''), truth)).toBeNull();
  });
});
