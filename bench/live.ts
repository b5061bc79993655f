import { once } from 'node:events';
import { startApp } from '../src/app.ts';
import { realSeam, type Seam } from '../src/base/seam.ts';
import { parseConfig, type ThresherConfig } from '../src/config/load.ts';
import { silentLogger } from '../src/telemetry/log.ts';
import { forkScript, nextMessage, numberIn } from './children.ts';
import { startUnixNano } from './generate.ts';
import { type Cost, startMeter } from './meter.ts';
import type { ReplayCounts } from './replay.ts';

export interface LiveOptions {
  /** Capture file of spans, `batchRows` a message, of which `items` are sent. */
  readonly input: string;
  readonly items: number;
  readonly batchRows: number;
  readonly policy: string;
  /** Of the receiver: whether every value is checked before a batch is acknowledged, or what is read of it only. */
  readonly validate: 'all' | 'read';
  readonly windowMs: number;
  readonly waitMs: number;
  /** The clock that windows go by moves with the traffic: a second for so many items taken in. */
  readonly itemsPerSecond: number;
  /** Core of sender and sink; null leaves it to the system. */
  readonly otherCore: number | null;
}

export interface LiveResult {
  readonly counts: ReplayCounts;
  /** From the first message to the last acknowledgement of what was kept. */
  readonly cost: Cost;
  /** Until the last message was acknowledged. */
  readonly receivingMs: number;
  /** Windows that were due by then, and those of them that were decided. */
  readonly windowsDue: number;
  readonly windowsInTime: number;
  readonly exported: { readonly batches: number; readonly bytes: number };
}

/** Runs the whole program of `thresher run` in this process between a sender and a sink in two others. */
export async function liveOnce(options: LiveOptions): Promise<LiveResult> {
  const sink = forkScript('sink.ts', null, options.otherCore);
  const clock = trafficClock(options.itemsPerSecond);
  const config = configOf(options, numberIn(await nextMessage(sink), 'port'));
  const app = await startApp(config, silentLogger, { seam: clock.seam });
  const tally = app.observer.bySignal.traces;
  clock.follow(() => tally.items);
  const port = Number(app.addresses.grpc[0].split(':').at(-1));
  const sender = forkScript('sender.ts', { port, input: options.input, items: options.items, batchRows: options.batchRows }, options.otherCore);
  try {
    await nextMessage(sender);
    const meter = startMeter();
    sender.send('start');
    await nextMessage(sender);
    const elapsedMs = (options.items / options.itemsPerSecond) * 1000;
    const windowsDue = Math.max(0, Math.floor((elapsedMs - options.waitMs) / options.windowMs));
    const received = { receivingMs: meter().wallMs, windowsDue, windowsInTime: tally.windows };
    await app.drain();
    const cost = meter();
    sink.send('report');
    const [report] = await once(sink, 'message');
    if (app.observer.firstError !== null) throw new Error(app.observer.firstError);
    const { items, kept, windows } = tally;
    return { counts: { items, kept, windows }, cost, ...received, exported: { batches: numberIn(report, 'batches'), bytes: numberIn(report, 'bytes') } };
  } finally {
    sender.disconnect();
    sink.disconnect();
  }
}

function configOf({ policy, validate, windowMs, waitMs }: LiveOptions, sinkPort: number): ThresherConfig {
  const text = JSON.stringify({
    receivers: { otap: { grpc: { endpoint: '127.0.0.1:0' }, validate } },
    windows: { traces: { length: `${windowMs}ms`, decision_wait: `${waitMs}ms` } },
    policies: [policy], memory: { limit: '4GiB' },
    exporters: { otap: { endpoint: `127.0.0.1:${sinkPort}`, tls: { insecure: true } } },
    http: { endpoint: '127.0.0.1:0' },
  });
  return parseConfig({ text, name: 'bench', environment: {}, directory: process.cwd() });
}

/** A seam whose wall clock stands at a boundary of windows plus what has been taken in; waits and timeouts are real. */
function trafficClock(itemsPerSecond: number): { readonly seam: Seam; follow(taken: () => number): void } {
  let items = (): number => 0;
  return {
    seam: { ...realSeam({ firstBatchOrdinal: 0 }), nowUnixNano: () => BigInt(startUnixNano) + BigInt(Math.round((items() / itemsPerSecond) * 1e9)) },
    follow: (taken) => {
      items = taken;
    },
  };
}
