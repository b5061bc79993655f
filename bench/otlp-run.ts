import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goProgram } from '../test/support/built-program.ts';
import { numberIn, textIn } from './children.ts';
import { ensureBase, ensureCompressed, firstPlaying } from './otlp-load.ts';
import { type Server, type Side, startServer } from './otlp-servers.ts';
import { Talker } from './otlp-talk.ts';
import { threadsOf, useOf } from './process-cost.ts';

export interface OtlpLoad {
  readonly spansPerRequest: number;
  readonly encoding: 'none' | 'gzip';
}

export interface OtlpOptions {
  /** Steady spans a second at which CPU and memory are measured. */
  readonly rate: number;
  readonly waitSeconds: number;
  readonly windowSeconds: number;
  /** How long each of the two measured stretches is. */
  readonly measuredSeconds: number;
  /** Spans that are compressed ahead. */
  readonly spansMax: number;
  readonly measuredCore: number;
  readonly otherCore: number;
  readonly nodeFlags: readonly string[];
}

/** A stretch of time in which a side took requests. */
export interface Stretch {
  readonly spans: number;
  readonly seconds: number;
  readonly cpuMicros: number;
  /** Of these, by the names of its threads. */
  readonly threads: ReadonlyMap<string, number>;
  readonly refused: number;
  readonly slowestMs: number;
  /** How far the sender was behind its rate. */
  readonly behindMs: number;
  /** Of the sender and the sink together: share of their core. */
  readonly otherCoreShare: number;
}

export interface OtlpResult {
  readonly side: Side;
  readonly load: OtlpLoad;
  readonly steady: Stretch;
  /** As fast as requests are answered. */
  readonly full: Stretch;
  /** Growth of the resident size by what was held just before the first decision, and at the end of the steady stretch. */
  readonly held: { readonly spans: number; readonly rssBytes: number; readonly accountedBytes: number | null };
  readonly heldSteady: { readonly spans: number; readonly rssBytes: number };
  readonly idleRssBytes: number;
  /** Until the end of the steady stretch. */
  readonly peakRssBytes: number;
  readonly wireBytesPerSpan: number;
  readonly sent: { readonly spans: number; readonly traces: number };
  readonly kept: { readonly spans: number; readonly traces: number; readonly counted: number; readonly adjusted: number };
  readonly exitCode: unknown;
}

interface Parts {
  readonly server: Server;
  readonly sender: Talker;
  readonly sink: Talker;
}

/** Faster than any server has taken them. */
const fullRateMax = 400_000;

/** How many spans a run may need: each of its two loads, the steady one and the full one, fills the windows and is measured then. */
export function spansOfRun({ rate, waitSeconds, windowSeconds, measuredSeconds }: Omit<OtlpOptions, 'spansMax'>): number {
  return (rate + fullRateMax) * (waitSeconds + windowSeconds + 1 + measuredSeconds);
}

/** Runs one side under one load: fills its windows at a steady rate, measures it there, then as fast as it answers, then lets it drain. */
export async function runSide(side: Side, load: OtlpLoad, options: OtlpOptions): Promise<OtlpResult> {
  const program = await goProgram('otlpload');
  const directory = mkdtempSync(join(tmpdir(), 'thresher-bench-'));
  const { talker: sink, ready } = await Talker.start(program, ['sink'], options.otherCore);
  const tracesMax = 500_000;
  const server = await startServer(side, {
    directory, sinkPort: numberIn(ready, 'port'), waitSeconds: options.waitSeconds, windowSeconds: options.windowSeconds, tracesMax, core: options.measuredCore, nodeFlags: options.nodeFlags,
  });
  const { talker: sender } = await Talker.start(program, await senderArguments(program, load, options, server), options.otherCore);
  try {
    return { side, load, ...await measured({ server, sender, sink }, options) };
  } finally {
    sender.end();
    sink.end();
    await server.child.kill();
    rmSync(directory, { recursive: true });
  }
}

async function senderArguments(program: string, { spansPerRequest, encoding }: OtlpLoad, { spansMax }: OtlpOptions, { address }: Server): Promise<string[]> {
  const args = ['send', '-base', ensureBase(spansPerRequest), '-to', address, '-first', firstPlaying()];
  return encoding === 'none' ? args : [...args, '-compressed', await ensureCompressed(program, spansPerRequest, spansMax)];
}

async function measured(parts: Parts, { rate, waitSeconds, windowSeconds, measuredSeconds }: OtlpOptions): Promise<Omit<OtlpResult, 'side' | 'load'>> {
  const { server, sender, sink } = parts;
  await seconds(1);
  const idleRssBytes = useOf(server.child.pid).rssBytes;
  await sender.ask(`rate ${rate}`);
  await seconds(waitSeconds - 1);
  const held = { spans: numberIn(await sender.ask('report'), 'spans'), rssBytes: useOf(server.child.pid).rssBytes - idleRssBytes, accountedBytes: await heldBytesOf(server) };
  await seconds(windowSeconds + 2);
  const steady = await stretch(parts, measuredSeconds);
  const { rssBytes, peakRssBytes } = useOf(server.child.pid);
  // What came waits for the end of its window, the Collector's for the end of its second: half of that on the average.
  const heldSeconds = waitSeconds + (server.http === null ? 1 : windowSeconds) / 2;
  const heldSteady = { spans: (steady.spans / steady.seconds) * heldSeconds, rssBytes: rssBytes - idleRssBytes };
  await sender.ask('rate 0');
  await seconds(waitSeconds + windowSeconds + 1);
  const full = await stretch(parts, measuredSeconds);
  const sent = await sender.ask('pause');
  if (Reflect.get(Object(sent), 'exhausted') === true) throw new Error(ranOut(server, sent));
  const exitCode = await server.child.stop(120_000);
  const kept = await sink.ask('report');
  return {
    steady, full, held, heldSteady, idleRssBytes, peakRssBytes, exitCode,
    wireBytesPerSpan: numberIn(sent, 'bytes') / numberIn(sent, 'spans'),
    sent: { spans: numberIn(sent, 'spans'), traces: numberIn(sent, 'traces') },
    kept: { spans: numberIn(kept, 'spans'), traces: numberIn(kept, 'traces'), counted: numberIn(kept, 'counted'), adjusted: numberIn(kept, 'adjusted') },
  };
}

/** Requests that are refused are not sent again, so they use up what was compressed ahead, too. */
function ranOut({ child }: Server, sent: unknown): string {
  const [spans, refused] = [numberIn(sent, 'spans'), numberIn(sent, 'refused')];
  const refusals = refused === 0 ? 'refused none' : `refused ${refused} requests, the last with ${textIn(sent, 'refusal')}`;
  return `nothing that was compressed ahead is left: ${child.name} took ${spans} spans and ${refusals}; --otlp-spans asks for more`;
}

async function stretch({ server, sender, sink }: Parts, measuredSeconds: number): Promise<Stretch> {
  const otherMicros = (): number => useOf(sender.pid).cpuMicros + useOf(sink.pid).cpuMicros;
  const before = { report: await sender.ask('report'), use: useOf(server.child.pid), threads: threadsOf(server.child.pid), otherMicros: otherMicros(), ms: performance.now() };
  await seconds(measuredSeconds);
  const report = await sender.ask('report');
  const use = useOf(server.child.pid);
  const threads = new Map([...threadsOf(server.child.pid)].map(([name, micros]) => [name, micros - (before.threads.get(name) ?? 0)]));
  const elapsed = (performance.now() - before.ms) / 1000;
  const refused = numberIn(report, 'refused') - numberIn(before.report, 'refused');
  if (refused > 0) process.stderr.write(`${server.child.name} refused ${refused} requests: ${textIn(report, 'refusal')}\n`);
  return {
    spans: numberIn(report, 'spans') - numberIn(before.report, 'spans'), seconds: elapsed,
    cpuMicros: use.cpuMicros - before.use.cpuMicros, threads,
    refused, slowestMs: numberIn(report, 'slowestMs'), behindMs: numberIn(report, 'behindMs'),
    otherCoreShare: (otherMicros() - before.otherMicros) / 1e6 / elapsed,
  };
}

/** What Thresher itself says that it holds; null of others. */
async function heldBytesOf({ http }: Server): Promise<number | null> {
  if (http === null) return null;
  const text = await (await fetch(`http://${http}/metrics`)).text();
  return Number(/^thresher_memory_held_bytes (\S+)/m.exec(text)?.[1] ?? NaN);
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
