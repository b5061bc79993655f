import { realSeam } from '../src/base/seam.ts';
import type { HeadUpdate } from '../src/head/controller.ts';
import { HeadThread } from '../src/http/head/thread.ts';
import { silentLogger } from '../src/telemetry/log.ts';
import { MetricRegistry } from '../src/telemetry/metrics.ts';
import { forkScript, nextMessage, numberIn } from './children.ts';

/** `node bench/head.ts [requests a second] [seconds]`: the head-sampling service under load from a process of its own, while this thread does nothing. */

const names = Array.from({ length: 1000 }, (_, index) => `s${index}`);

/** The service with a rate for each of its services, half of them with operations. */
export async function startService(): Promise<HeadThread> {
  const operations = Array.from({ length: 10 }, (_, index) => ({ operation: `GET /path/${index}`, rate: 0.01 * (index + 1) }));
  const update: HeadUpdate = {
    atNano: 0n, defaultRate: 1, removed: [], summaries: [],
    strategies: names.map((service, index) => ({ service, rate: 0.5, reason: 'bench', changedNano: 0n, operations: index % 2 === 0 ? [] : operations })) };
  const listener = { endpoint: '127.0.0.1:0', tls: null, auth: null, insecure: false };
  const thread = new HeadThread({ http: listener, grpc: { ...listener, enabled: false, moreEndpoints: [] } }, { seam: realSeam(), log: silentLogger, registry: new MetricRegistry(), snapshot: () => update });
  await thread.start();
  return thread;
}

async function main(perSecond: number, seconds: number): Promise<void> {
  const thread = await startService();
  const options = { address: thread.addresses.http, perSecond, seconds, connections: 50, names: names.join('\n') };
  await nextMessage(forkScript('./head-load.ts', { ...options, seconds: 1 }, null));
  const before = process.cpuUsage();
  const found = await nextMessage(forkScript('./head-load.ts', options, null));
  const { user, system } = process.cpuUsage(before);
  await thread.close();
  const requests = numberIn(found, 'requests');
  console.log(`${requests} requests in ${numberIn(found, 'seconds').toFixed(2)} s, ${numberIn(found, 'errors')} errors; p50 ${numberIn(found, 'p50Ms').toFixed(2)} ms, p99 ${numberIn(found, 'p99Ms').toFixed(2)} ms, max ${numberIn(found, 'maxMs').toFixed(1)} ms; `
    + `${((user + system) / requests).toFixed(1)} us of CPU a request`);
}

if (process.argv[1].endsWith('bench/head.ts')) await main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 5));
