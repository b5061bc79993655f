import { randomInt } from 'node:crypto';
import { FileWatch } from './base/file-watch.ts';
import { measureLoopDelay } from './base/loop-delay.ts';
import { autoLimitBytes, machineMemory } from './base/machine-memory.ts';
import { hashKeyOfSeed, realSeam, type Seam } from './base/seam.ts';
import { formatBytes } from './base/units.ts';
import { longestWaitMs } from './config/longest-wait.ts';
import type { ThresherConfig } from './config/load.ts';
import { findPolicyFiles, policyDirectories, type PolicyFiles } from './config/policy-files.ts';
import { routesOf, routesText, withoutUnused } from './config/routes.ts';
import { type BuiltRoutes, buildRoutes } from './exporters/build-routes.ts';
import { type HeadAddresses, HeadSampling } from './head-sampling.ts';
import { startHttp } from './http/server.ts';
import { registerDecisionMetrics } from './pipeline/decision-metrics.ts';
import { drainSinks } from './pipeline/drain-sinks.ts';
import { memoryShares } from './pipeline/memory-shares.ts';
import { MetricsObserver } from './pipeline/metrics-observer.ts';
import { openJournal } from './pipeline/journal/open-journal.ts';
import type { LinkedBy } from './pipeline/linked-groups.ts';
import type { RootSays } from './pipeline/root-inputs.ts';
import { openRetained } from './pipeline/open-retained.ts';
import { Processor, type ProcessorOptions } from './pipeline/processor.ts';
import { registerResourceMetrics, type Resources } from './pipeline/resource-metrics.ts';
import type { BatchSink } from './pipeline/sink.ts';
import { type OpenPolicies, openPolicies, readPolicyTexts } from './policies.ts';
import { PolicyReloader, type ReloadOutcome, type ReloadTrigger } from './policy-reload.ts';
import { openSpill } from './store/spill-directory.ts';
import { startReceivers } from './receivers/build.ts';
import { checkTakenBy } from './receivers/taken.ts';
import { probabilityOf } from './sampling/probability.ts';
import { openListenerSecurity } from './security/listener-security.ts';
import { lockDirectory } from './storage/directory-lock.ts';
import { metrics } from './telemetry/declared.ts';
import type { Logger } from './telemetry/log.ts';
import { MetricRegistry } from './telemetry/metrics.ts';
import { registerProcessMetrics } from './telemetry/process-metrics.ts';

/** How often windows are looked at. */
const tickMs = 200;
/** Every so many of them it is looked what DuckDB holds. */
const duckdbTicks = 25;
/** How often policy files are looked at where the file system tells nothing, and how long they must rest before they are read. */
const policyPollMs = 5000;
const policySettleMs = 100;
/** What connections get to finish at the end, at most, and of `shutdown.deadline`. */
const connectionsMs = 30_000;
const connectionsShare = 0.25;

/** A running processor with its receivers, exporters and HTTP server. */
export interface App {
  readonly registry: MetricRegistry;
  readonly observer: MetricsObserver;
  /** `host:port` of each gRPC receiver, of each that takes OTLP over HTTP, and of the HTTP server for metrics and health, as they are listened on. */
  readonly addresses: { readonly grpc: readonly string[]; readonly otlpHttp: readonly string[]; readonly http: string; /** Null without head sampling. */ readonly head: HeadAddresses | null };
  /** Reads the policy files again; null where `policy.reload` is off. Never rejects. */
  readonly reloadPolicies: ((trigger: ReloadTrigger) => Promise<ReloadOutcome>) | null;
  /**
   * Takes nothing more in, decides open windows, exports what is kept, then closes everything, all within `shutdown.deadline`. False when
   * something was lost by that, for example because the next hop does not answer. With durability nothing is: the next start goes on.
   */
  drain(): Promise<boolean>;
}

export interface AppOptions {
  readonly seam?: Seam;
  /** Counts decided spans by service, which needs service.name projected whatever the policies read. */
  readonly countServices?: boolean;
}

/** What senders are asked for at the head where windows close early, for want of memory. */
const closingEarlyStress = 0.5;

const serviceName = { source: 'resource', key: 'service.name', type: 'VARCHAR' } as const;

/** Composes and starts everything that a configuration asks for. Throws what cannot be started, with everything closed again. */
export async function startApp(config: ThresherConfig, log: Logger, options: AppOptions = {}): Promise<App> {
  const opened: (() => unknown)[] = [];
  try {
    return await start(config, log, options, opened);
  } catch (error) {
    for (const close of opened.reverse()) await close();
    throw error;
  }
}

/** `opened` gets how to close each thing that was opened. */
async function start(written: ThresherConfig, log: Logger, options: AppOptions, opened: (() => unknown)[]): Promise<App> {
  const routes = routesOf(written);
  for (const path of routes.unused) log.warn('component_unused', `${path} is in no pipeline, and is not started`, { component: path });
  if (routes.isWritten) log.info('pipelines', routesText(routes));
  const config = withoutUnused(written, routes);
  const seam = options.seam ?? seamOf(config);
  const registry = new MetricRegistry();
  const stopMeasuring = registerProcessMetrics(registry);
  opened.push(stopMeasuring);
  const observer = new MetricsObserver(registry, log);
  const exporters = buildRoutes(config.exporters, routes, { seam, log, registry, isDurable: config.durability !== 'none', tableBytesMax: tableBytesMaxOf(config) });
  const { sinks } = exporters;
  opened.push(() => Promise.all(sinks.map((sink) => sink.drain(0))));
  const texts = readPolicyTexts(config.policies.files);
  const keepsRest = config.policy.signalsWithoutPolicy === 'keep';
  const compiled = await openPolicies(texts, { keepsRest });
  const journal = openJournal(config, horizonMsOf(config), { seam, log, registry });
  if (journal !== null) opened.push(await lockDirectory(config.storage.directory));
  const retained = await openRetained(config, journal, { seam, log, registry });
  if (retained !== null) opened.push(() => retained.close());
  const head = await HeadSampling.open(config, { seam, log, registry, stress: () => (processor.stress?.probability ?? 1) * (processor.isClosingEarly ? closingEarlyStress : 1) });
  if (head !== null) opened.push(() => head.close());
  const processor = await openProcessor(config, seam, exporters, observer, compiled, { countServices: options.countServices === true, journal, retained: retained?.store ?? null, head: head?.controller ?? null });
  opened.push(() => processor.close());
  const { bytes: grantedBytes } = machineMemory();
  registerDecisionMetrics(registry, () => processor.decisions);
  registerResourceMetrics(registry, () => ({ memory: processor.memory, grantedBytes, queues: queuesOf(config, sinks), lagMs: (signal) => processor.lagMs(signal, seam.nowUnixNano()), stress: processor.stress }));
  const reloader = new PolicyReloader(
    { seam, log, registry, patterns: config.policies.patterns, keepsRest, atOnceBy: config.windows.traces.isAtOnce ? config.policy.combine : null, use: (policies) => processor.usePolicies(policies) }, { texts, policies: compiled.policies });
  const reloadPolicies = config.policy.reload === 'off' ? null : (trigger: ReloadTrigger) => Promise.all([reloader.reload(trigger), head?.reload()]).then(([outcome]) => outcome);
  const stored = journal ?? retained?.files ?? null;
  const state = { isReady: false, lastTickMs: seam.monotonicMs() };
  const http = await startHttp({
    endpoint: config.http.endpoint, security: openListenerSecurity(config.http, { name: 'http', seam, log, registry }), registry, log, ready: () => state.isReady,
    health: () => ({ ok: seam.monotonicMs() - state.lastTickMs < 60_000, detail: { ready: state.isReady, ...(stored === null ? {} : { storage: stored.failure?.reason ?? 'ok' }), policies: reloader.loaded, ...(processor.stress === null ? {} : { stress: { probability: processor.stress.probability, pressure: Object.fromEntries(processor.stress.pressures) } }) } }),
    reload: reloadPolicies === null ? null : () => reloadPolicies('http'),
  });
  opened.push(() => http.close());
  await processor.recover();
  const headAddresses = await head?.listen(config.policy.reload === 'auto') ?? null;
  const receivers = await startReceivers(config.receivers, { seam, log, registry, intake: processor.intake, checkTaken: checkTakenBy(routes), memoryLimitBytes: processor.memory.limitBytes });
  opened.push(() => receivers.drain(0));
  processor.memory.count('receiving', () => receivers.underWayBytes);
  const stopping = new AbortController();
  const ticking = tick(processor, observer, seam, log, stopping.signal, () => {
    state.lastTickMs = seam.monotonicMs();
    // A window that waits for an exporter must not hold up what `async` promises to sync.
    void journal?.tick();
  });
  receivers.start();
  const policyWatch = config.policy.reload === 'auto' ? watchPolicies(config.policies, seam, reloader) : null;
  state.isReady = true;
  log.info('started', 'taking telemetry in', {
    memory_limit: formatBytes(processor.memory.limitBytes), grpc: receivers.grpcAddresses.join(', '), otlp_http: receivers.httpAddresses.join(', '), http: http.address, ...(headAddresses === null ? {} : { head: headAddresses.http }) });
  return {
    registry, observer, reloadPolicies,
    addresses: { grpc: receivers.grpcAddresses, otlpHttp: receivers.httpAddresses, http: http.address, head: headAddresses },
    drain: async () => {
      state.isReady = false;
      const { deadlineMs, exporterStallMs: stallMs } = config.shutdown;
      const endMs = seam.monotonicMs() + deadlineMs;
      const lostBefore = registry.total(metrics.itemsLost);
      await policyWatch?.stop();
      await receivers.drain(Math.min(connectionsMs, deadlineMs * connectionsShare));
      stopping.abort();
      await ticking;
      const decide = (): Promise<void> => (journal !== null && config.storage.shutdown === 'keep' ? processor.advance(0n).then(() => processor.stopSending()) : processor.drain());
      const isDone = await drainSinks(decide, sinks, seam, { deadlineMs: Math.max(0, endMs - seam.monotonicMs()), stallMs });
      processor.stopSending();
      await journal?.close();
      if (isDone) {
        processor.close();
        await retained?.close();
      } else log.error('drain_incomplete', `not all was decided within shutdown.deadline; ${journal === null ? 'the rest is lost' : 'the next start goes on with the rest'}`, { spans: processor.held('traces').items, logs: processor.held('logs').items });
      const lost = registry.total(metrics.itemsLost) - lostBefore;
      if (lost > 0) log.error('drain_lost', `${lost} kept items were not exported${journal === null ? ' and are lost' : '; the next start sends those that were not refused for good'}`, { items: lost });
      await head?.close();
      await http.close();
      stopMeasuring();
      return lost === 0 && (isDone || journal !== null);
    },
  };
}

function seamOf({ sampling, seed }: ThresherConfig): Seam {
  if (seed !== null) return realSeam({ hashKey: hashKeyOfSeed(seed), firstBatchOrdinal: 0 });
  return realSeam(sampling.hashKey === null ? {} : { hashKey: sampling.hashKey });
}

async function openProcessor(
  config: ThresherConfig, seam: Seam, { sinks, routes }: BuiltRoutes, observer: MetricsObserver, { policies, setupSql }: OpenPolicies, { countServices, journal, retained, head }: { readonly countServices: boolean; readonly head: HeadSampling['controller'] | null } & Required<Pick<ProcessorOptions, 'journal' | 'retained'>>,
): Promise<Processor> {
  return Processor.open({
    seam, journal, retained, head, time: 'arrival', policies, setupSql, sinks, routes, observer,
    windows: {
      tracesLengthMs: config.windows.traces.lengthMs, tracesWaitMs: longestWaitMs(config.windows.traces),
      logsLengthMs: config.windows.logs.lengthMs, linked: linkedOf(config.windows.traces.linked), rootSays: rootSaysOf(config.windows.traces.unknownInput, head), ...earlyOf(config.windows.traces),
    },
    hashSeed: randomInt(2 ** 32),
    limits: { deadlineMs: config.policy.deadlineMs, rowsMax: config.policy.rowsMax },
    fallback: { n: probabilityOf(config.policy.fallback.probability) },
    combine: config.policy.combine, hasPolicyAttribute: config.output.policyAttribute,
    duckdbShare: config.memory.duckdbShare, softLimit: config.memory.softLimit, spill: openSpill(config.memory),
    memoryLimitBytes: memoryLimitOf(config.memory),
    decisionsMax: Math.ceil((config.decisionCache.keptMax + config.decisionCache.droppedMax) / 2), horizonMs: horizonMsOf(config),
    ...(config.stressRelief.enabled ? { stress: { ...config.stressRelief, takeLoopDelayMs: measureLoopDelay() } } : {}),
    pastHorizon: { by: config.lateSpans.pastHorizon, n: probabilityOf(config.lateSpans.probability) },
    batchRowsMax: batchRowsMax(config), decodeLimits: {}, extraKeys: countServices || (config.certificate.enabled && config.certificate.services) ? [serviceName] : [],
    logRandomness: config.windows.logs.randomness,
    ...(config.certificate.enabled ? { certificate: { services: config.certificate.services, policies: true } } : {}),
  });
}

function memoryLimitOf({ limit }: ThresherConfig['memory']): number {
  return limit === 'auto' ? autoLimitBytes(machineMemory()) : limit;
}

/** What each balancer may take to remember traces by: together half of what is not DuckDB's, and the rest is for what is under way. */
function tableBytesMaxOf({ memory, exporters }: ThresherConfig): number {
  const balancers = exporters.filter(({ type }) => type === 'load_balancing').length;
  return memoryShares(memoryLimitOf(memory), memory.duckdbShare).othersBytesMax / 2 / Math.max(1, balancers);
}

/** What is decided before its window; nothing where nobody asks for it. */
function earlyOf({ decisionWaitMs, decisionWaitAfterRootMs, sessionGapMs, isAtOnce, spansMax, bytesMax }: ThresherConfig['windows']['traces']): Pick<ProcessorOptions['windows'], 'early'> {
  const limits = spansMax === null && bytesMax === null ? null : { spansMax: spansMax ?? Infinity, bytesMax: bytesMax ?? Infinity };
  const sessions = sessionGapMs === null ? null : { gapMs: sessionGapMs, waitMs: decisionWaitMs };
  return decisionWaitAfterRootMs === null && limits === null && sessions === null && !isAtOnce ? {} : { early: { waitAfterRootMs: decisionWaitAfterRootMs, limits, isAtOnce, sessions } };
}

/** By default ten minutes, unless a window takes longer. */
function horizonMsOf({ decisionCache, windows: { traces } }: ThresherConfig): number {
  return decisionCache.horizonMs ?? Math.max(600_000, traces.lengthMs + longestWaitMs(traces));
}

/** Reloads policies when their files change, come or go. */
function watchPolicies({ patterns, files }: PolicyFiles, seam: Seam, reloader: PolicyReloader): FileWatch {
  const watch = new FileWatch({
    seam, find: () => findPolicyFiles(patterns), directories: () => policyDirectories({ patterns, files }), onChange: () => reloader.reload('files'),
    pollMs: policyPollMs, settleMs: policySettleMs,
  });
  watch.start();
  return watch;
}

/** The exporters that have a queue, and how full it is. */
function queuesOf({ exporters }: ThresherConfig, sinks: readonly BatchSink[]): Resources['queues'] {
  return exporters.flatMap((exporter) => {
    const sink = sinks.find(({ name }) => name === exporter.id);
    return 'sendingQueue' in exporter && sink !== undefined ? [{ name: sink.name, queuedBytes: sink.queuedBytes, bytesMax: exporter.sendingQueue.bytesMax }] : [];
  });
}

/** What is heard of roots; null where nothing is. */
function rootSaysOf(unknownInput: ThresherConfig['windows']['traces']['unknownInput'], head: HeadSampling['controller'] | null): RootSays | null {
  return unknownInput === 'unknown' ? null : { served: unknownInput === 'served' ? head : null };
}

/** Null where nothing links traces, so that nothing is looked for. */
function linkedOf(linked: LinkedBy): LinkedBy | null {
  return linked.spanLinks || linked.sessionKey !== null ? linked : null;
}

/** Rows of a batch where no exporter says. */
const batchRowsDefault = 8192;

/** All exporters get the same batches, so the least of their limits holds. */
function batchRowsMax({ exporters }: ThresherConfig): number {
  const limits = exporters.flatMap((exporter) => (exporter.type === 'otap' ? [exporter.maxBatchRows] : []));
  return limits.length === 0 ? batchRowsDefault : Math.min(...limits);
}

/** Closes windows as their time comes, until stopped. Ticks go on while a window waits, as for an exporter whose queue is full. */
async function tick(
  processor: Processor, observer: MetricsObserver, seam: Seam, log: Logger, stop: AbortSignal, onTick: () => void,
): Promise<void> {
  let isAdvancing = false;
  for (let ticks = 0; !stop.aborted; ticks++) {
    await seam.sleepMs(tickMs, stop).catch(() => undefined);
    // What DuckDB holds is for those who look; a query that fails says itself elsewhere what is wrong.
    if (ticks % duckdbTicks === 0 && !stop.aborted) void processor.duckdbMemory().then((memory) => observer.duckdbMemory(memory), () => undefined);
    if (!isAdvancing) {
      isAdvancing = true;
      void processor.advance(seam.nowUnixNano())
        .catch((error: unknown) => log.error('window_failed', 'a window could not be decided', { error }))
        .finally(() => { isAdvancing = false; });
    }
    observer.buffered('traces', processor.held('traces'));
    observer.buffered('logs', processor.held('logs'));
    processor.stress?.update();
    onTick();
  }
}
