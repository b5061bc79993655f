import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Signal } from '../../src/otap/payload-type.ts';
import { captures } from '../support/captures.ts';
import type { OtlpRequest } from '../support/otlp-json.ts';
import { at, Chain, type Transport } from './support/chain.ts';
import { Arrived, readByOtelarrow, throughOtelarrow } from './support/compare.ts';
import { countItems, post, recorded, requestsOf } from './support/telemetry.ts';
import { describeWith } from './support/with-pieces.ts';

/**
 * Scenario: the telemetry of every recorded stream is given to a Collector, goes through Thresher under a policy that keeps all, and on
 * to another Collector, which writes it to a file. Senders have their default settings: gzip for OTLP, zstd for OTAP.
 * Guarantees: what the second Collector understood is what was sent, attribute by attribute; beside it only what sampling writes.
 */
const signals = ['traces', 'logs', 'metrics'] as const;
const ways: readonly (readonly [Transport, Transport])[] = [
  ['otlp', 'otlp'], ['otlphttp', 'otlphttp'], ['otlphttp-json', 'otlphttp-json'], ['otap', 'otap'], ['otlp', 'otap'], ['otap', 'otlphttp'],
];

for (const [into, outOf] of ways) {
  const hasOtap = into === 'otap' || outOf === 'otap';
  const expected = into === 'otap' ? throughOtelarrow : outOf === 'otap' ? readByOtelarrow : (request: OtlpRequest): OtlpRequest => request;
  describeWith(`Collector -${into}-> Thresher -${outOf}-> Collector`, hasOtap ? ['collector', 'otelarrow'] : ['collector'], () => allCome(expected, Arrived.kept, async (chain) => {
    await chain.next(outOf);
    const thresher = await chain.thresher(into, outOf, { more: { windows: { traces: { length: '500ms', decision_wait: '3s' }, logs: { length: '500ms' } } } });
    await chain.first(into);
    return () => thresher.said.slice(-2000);
  }));
}

/** Guarantees: what the tests above do not ask of OTAP is what its reference library does not keep either. */
describeWith('Collector -otap-> Collector, without Thresher', ['collector', 'otelarrow'], () => allCome(throughOtelarrow, (_, received) => Arrived.plain(received), async (chain) => {
  await chain.next('otap');
  const { otapOut, otapIn } = chain.ports;
  await chain.otelarrow('exporter', otapOut, otapIn);
  await chain.first('otlp', { exporters: { otlp_grpc: { endpoint: at(otapOut), tls: { insecure: true } } } });
  return () => '';
}));

/** Gives a chain all recorded telemetry, the signals side by side, waits until as many items have come, and compares them stream by stream. */
function allCome(
  expected: (request: OtlpRequest) => OtlpRequest,
  arrivedOf: (signal: Signal, received: readonly OtlpRequest[]) => Arrived,
  start: (chain: Chain) => Promise<() => string>,
): void {
  const arrived = new Map<Signal, Arrived>();
  let chain: Chain | null = null;
  beforeAll(async () => {
    const started = await Chain.create();
    chain = started;
    const said = await start(started);
    await Promise.all(signals.map(async (signal) => {
      let items = 0;
      for (const { name } of captures.filter((capture) => capture.signal === signal)) {
        const bodies = recorded(name);
        items += countItems(signal, requestsOf(signal, bodies));
        await post(started.ports.entry, signal, bodies);
      }
      arrived.set(signal, arrivedOf(signal, await started.output.takeItems(signal, items, said)));
    }));
  });
  afterAll(() => chain?.stop());

  test.each(captures)('$name', ({ name, signal }) => {
    expect(arrived.get(signal)?.missing(requestsOf(signal, recorded(name)).map(expected))).toBeNull();
  });
  test.each(signals)('nothing more, and nothing twice, of %s', (signal) => {
    expect(arrived.get(signal)?.left()).toBeNull();
  });
}
