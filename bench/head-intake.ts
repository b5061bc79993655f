import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { goProgram } from '../test/support/built-program.ts';
import { freePorts } from '../test/support/free-ports.ts';
import { canPin, forkScript, nextMessage, numberIn } from './children.ts';
import { ensureBase, firstPlaying } from './otlp-load.ts';
import { type Server, startServer } from './otlp-servers.ts';
import { Talker } from './otlp-talk.ts';

/**
 * `node bench/head-intake.ts [requests a second] [seconds] [rounds]`: `thresher run` takes OTLP as fast as it answers, on one core, while SDKs ask its thread for
 * head sampling, on the other, where sender and sink are too. Intake with and without them, by turns. Needs Go, and two cores.
 */

const measuredCore = 0;
const otherCore = 1;
const waitSeconds = 5;
const windowSeconds = 5;

interface Turn {
  readonly spansPerSecond: number;
  /** What the load on the service found; null where nobody asked. */
  readonly found: unknown;
}

async function main(perSecond: number, seconds: number, rounds: number): Promise<void> {
  const program = await goProgram('otlpload');
  const directory = mkdtempSync(join(tmpdir(), 'thresher-bench-'));
  const { talker: sink, ready } = await Talker.start(program, ['sink'], otherCore);
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const server = await startServer('Thresher', {
    directory, sinkPort: numberIn(ready, 'port'), waitSeconds, windowSeconds, tracesMax: 0, core: measuredCore, nodeFlags: [],
    sections: { head: { http: { endpoint: address }, grpc: { enabled: false } } },
  });
  moveService(server);
  const { talker: sender } = await Talker.start(program, ['send', '-base', ensureBase(1000), '-to', server.address, '-first', firstPlaying()], otherCore);
  try {
    await sender.ask('rate 0');
    await sleepMs((waitSeconds + windowSeconds * 2) * 1000);
    const names = await servicesOf(address);
    const asked = { address, perSecond, seconds, connections: 50, names: names.join('\n') };
    await nextMessage(forkScript('./head-load.ts', { ...asked, seconds: 2 }, otherCore));
    for (let round = 0; round < rounds; round++) {
      const alone = await turn(sender, () => sleepMs(seconds * 1000, null));
      const both = await turn(sender, () => nextMessage(forkScript('./head-load.ts', asked, otherCore)));
      const after = await turn(sender, () => sleepMs(seconds * 1000, null));
      console.log(textOf(both, (alone.spansPerSecond + after.spansPerSecond) / 2, names.length));
    }
  } finally {
    sender.end();
    sink.end();
    await server.child.kill();
    rmSync(directory, { recursive: true });
  }
}

/** The thread that serves goes to the other core, where threads can be moved. */
function moveService({ child }: Server): void {
  const tasks = `/proc/${child.pid}/task`;
  const threads = readdirSync(tasks).filter((thread) => readFileSync(`${tasks}/${thread}/comm`, 'utf8').trim() === 'WorkerThread');
  if (!canPin || threads.length === 0) throw new Error('the thread that serves cannot be moved to another core');
  for (const thread of threads) execFileSync('taskset', ['-cp', String(otherCore), thread], { stdio: 'ignore' });
}

/** Services that have a rate by now. */
async function servicesOf(address: string): Promise<string[]> {
  const found: unknown = await (await fetch(`http://${address}/head`, { headers: { accept: 'application/json' } })).json();
  const services: unknown = Reflect.get(Object(found), 'services');
  if (!Array.isArray(services) || services.length === 0) throw new Error('no service has a rate yet');
  return services.map((service) => String(Reflect.get(Object(service), 'service')));
}

async function turn(sender: Talker, work: () => Promise<unknown>): Promise<Turn> {
  const before = { spans: numberIn(await sender.ask('report'), 'spans'), ms: performance.now() };
  const found = await work();
  const spans = numberIn(await sender.ask('report'), 'spans') - before.spans;
  return { spansPerSecond: spans / ((performance.now() - before.ms) / 1000), found };
}

function textOf({ spansPerSecond, found }: Turn, aloneSpansPerSecond: number, services: number): string {
  const [requests, elapsed] = [numberIn(found, 'requests'), numberIn(found, 'seconds')];
  return `${Math.round(requests / elapsed)} requests/s of ${services} services, ${numberIn(found, 'errors')} errors, p50 ${numberIn(found, 'p50Ms').toFixed(2)} ms, p99 ${numberIn(found, 'p99Ms').toFixed(2)} ms, `
    + `max ${numberIn(found, 'maxMs').toFixed(1)} ms; intake ${Math.round(spansPerSecond)} spans/s, without ${Math.round(aloneSpansPerSecond)} (${((spansPerSecond / aloneSpansPerSecond - 1) * 100).toFixed(1)} %)`;
}

await main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 10), Number(process.argv[4] ?? 3));
