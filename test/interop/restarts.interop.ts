import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Signal } from '../../src/otap/payload-type.ts';
import { type Child, until } from '../support/child.ts';
import { at, Chain, exporterOf, type Transport } from './support/chain.ts';
import { numbered } from './support/numbered.ts';
import { Sink } from './support/sink.ts';
import { metricOf } from './support/thresher.ts';
import { describeWith } from './support/with-pieces.ts';

/**
 * Scenario: telemetry goes through Collector -> Thresher -> Collector while one of them is ended and started again. The first Collector
 * acknowledges what it has in a queue on disk; the next one acknowledges what stands behind it has taken. Exporters retry by default.
 * Guarantees: all that was acknowledged arrives, some of it twice (at least once). Thresher has nothing on disk, so it is asked to end, and
 * ends when what it holds is decided and delivered.
 */
const transports: readonly Transport[] = ['otlp', 'otlphttp', 'otap'];
const signals = ['traces', 'logs', 'metrics'] as const;
const batches = 120;
/** Long enough that much is held when Thresher is asked to end. */
const windows = { traces: { length: '1s', decision_wait: '2s' }, logs: { length: '1s' } };

for (const transport of transports) {
  describeWith(`nothing acknowledged is lost over ${transport}`, transport === 'otap' ? ['collector', 'otelarrow'] : ['collector'], () => {
    let chain: Chain;
    let sink: Sink;
    let first: readonly Child[];
    let next: readonly Child[];
    let thresher: Child;
    const startNext = async (): Promise<void> => {
      next = await chain.next(transport, { exporters: { otlp_http: { endpoint: `http://${at(sink.port)}`, encoding: 'json', compression: 'none', sending_queue: { enabled: false } } } });
    };
    const startThresher = async (): Promise<void> => {
      thresher = await chain.thresher(transport, transport, { more: { windows } });
    };
    const startFirst = async (): Promise<void> => {
      first = await chain.first(transport, withQueueOnDisk(chain, transport));
    };
    beforeAll(async () => {
      [chain, sink] = await Promise.all([Chain.create(), Sink.listen()]);
      await startNext();
      await startThresher();
      await startFirst();
    });
    afterAll(async () => {
      await chain.stop();
      sink.close();
    });

    test.each<readonly [string, () => Promise<void>]>([
      ['the next Collector is killed', async () => {
        await Promise.all(next.map((child) => child.kill()));
        await until(async () => await metricOf(thresher, 'thresher_export_retries_total') > 0, 30_000, () => 'nothing was sent again');
        await startNext();
      }],
      ['the first Collector is killed', async () => {
        await Promise.all(first.map((child) => child.kill()));
        await sleep(500);
        await startFirst();
      }],
      ['Thresher is asked to end', async () => {
        expect(await metricOf(thresher, 'thresher_buffered_items{signal="traces"}')).toBeGreaterThan(0);
        expect(await thresher.stop(60_000)).toBe(0);
        expect(thresher.said).not.toContain('export_failed');
        await startThresher();
      }],
    ])('when %s and started again', async (what, interrupt) => {
      const repeatedBefore = sink.repeated;
      const { acknowledged, refused } = await sendDuring(chain.ports.entry, what, interrupt);
      if (what.startsWith('the first')) expect(refused).toBeGreaterThan(0);
      const missing = (): string[] => signals.flatMap((signal) => sink.missing(signal, acknowledged[signal]));
      await until(() => missing().length === 0, 90_000, () => `${missing().length} are missing, such as ${missing()[0]}; ${thresher.said.slice(-2000)}`);
      const items = signals.reduce((sum, signal) => sum + acknowledged[signal].length, 0);
      process.stderr.write(`interop: ${transport}, ${what}: ${items} acknowledged, all came, ${sink.repeated - repeatedBefore} again\n`);
      expect(thresher.said).not.toContain('export_failed');
    });
  });
}

/** Guarantees: the tests above can fail. What a Thresher holds that is killed is lost, as docs/ARCHITECTURE.md says; what comes later is not. */
describeWith('a Thresher that is killed', ['collector'], () => {
  test('loses what it holds, and nothing else', async () => {
    const [chain, sink] = await Promise.all([Chain.create(), Sink.listen()]);
    try {
      await chain.next('otlp', { exporters: { otlp_http: { endpoint: `http://${at(sink.port)}`, encoding: 'json', compression: 'none', sending_queue: { enabled: false } } } });
      const killed = await chain.thresher('otlp', 'otlp', { more: { windows } });
      await chain.first('otlp', withQueueOnDisk(chain, 'otlp'));
      let held = 0;
      const { acknowledged } = await sendDuring(chain.ports.entry, 'killed', async () => {
        held = await metricOf(killed, 'thresher_buffered_items{signal="traces"}');
        await killed.kill();
        await chain.thresher('otlp', 'otlp', { more: { windows } });
      });
      const lastOnes = acknowledged.traces.slice(-20);
      await until(() => sink.missing('traces', lastOnes).length === 0, 60_000, () => 'nothing came after the kill');
      const lost = sink.missing('traces', acknowledged.traces);
      expect(held).toBeGreaterThan(0);
      expect(lost.length).toBeGreaterThanOrEqual(held);
      expect(Math.max(...lost.map((name) => Number(name.split('/')[1])))).toBeLessThan(batches / 2);
    } finally {
      await chain.stop();
      sink.close();
    }
  });
});

interface Sent {
  readonly acknowledged: Readonly<Record<Signal, readonly string[]>>;
  /** Attempts that were not acknowledged. */
  readonly refused: number;
}

/** Posts numbered requests until each is taken; the interruption begins when a third are. What was acknowledged, by name. */
async function sendDuring(port: number, tag: string, interrupt: () => Promise<void>): Promise<Sent> {
  let refused = 0;
  const acknowledged: Record<Signal, string[]> = { traces: [], logs: [], metrics: [] };
  let interrupted: Promise<void> = Promise.resolve();
  for (let batch = 0; batch < batches; batch++) {
    if (batch === batches / 3) interrupted = interrupt();
    for (const signal of signals) {
      const { request, names } = numbered(signal, tag, batch);
      await until(async () => await isTaken(port, signal, JSON.stringify(request)) || ++refused < 0, 60_000, () => `${signal} are refused`);
      acknowledged[signal].push(...names);
    }
    await sleep(10);
  }
  await interrupted;
  return { acknowledged, refused };
}

async function isTaken(port: number, signal: Signal, body: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${at(port)}/v1/${signal}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** No batch processor, which acknowledges what it only has in memory. */
function withQueueOnDisk(chain: Chain, transport: Transport): Parameters<Chain['first']>[1] {
  const { grpc, http, otapOut } = chain.ports;
  const exporters = Object.entries(exporterOf(transport, { grpc: transport === 'otap' ? otapOut : grpc, http }, 'collector'));
  return {
    extensions: { file_storage: { directory: `${chain.directory}/queue`, create_directory: true } },
    processing: [],
    exporters: Object.fromEntries(exporters.map(([name, options]) => [name, { ...options, sending_queue: { storage: 'file_storage' } }])),
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
