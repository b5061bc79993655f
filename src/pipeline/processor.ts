import type { Seam } from '../base/seam.ts';
import type { DecodeLimits } from '../otap/decode/limits.ts';
import type { Signal } from '../otap/payload-type.ts';
import { ArenaPool } from '../otap/ipc/buffer-source.ts';
import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { DecisionCache } from '../policy/decision-cache.ts';
import { type PolicyLimits, PolicyRunner } from '../policy/window-policies.ts';
import { KeyedHash } from '../sampling/keyed-hash.ts';
import { TracestateCache } from '../sampling/stamp.ts';
import { Database, type Session } from '../store/duckdb.ts';
import type { HeldBytes } from '../store/held-batch.ts';
import type { KeyColumn } from '../store/key-columns.ts';
import { LookupCache } from '../store/lookup.ts';
import type { ProjectionTools } from '../store/projector.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { type Combine, checkCombination } from './combining.ts';
import type { CertificateDetail } from './certificate.ts';
import { Dispatcher, type OnLost } from './dispatcher.ts';
import { Followers } from './followers.ts';
import { Intake, type IntakeObserver, type LogRandomness } from './intake.ts';
import { LanePolicies } from './lane-policies.ts';
import { KeepReasons } from './keep-reasons.ts';
import { KeptTraces } from './kept-traces.ts';
import { type LinkedBy, readsOfLinks } from './linked-groups.ts';
import { LogWindows } from './log-windows.ts';
import { MemoryBudget } from './memory-budget.ts';
import { OpenTraces } from './open-traces.ts';
import { SignalIntake, type TimeSource } from './signal-intake.ts';
import { PolicySets } from './policy-sets.ts';
import type { BatchSink } from './sink.ts';
import { SlotRing } from './slot-ring.ts';
import { noStamps, type StampCounts, stampKept } from './stamp-rows.ts';
import type { KeptRows } from './kept-rows.ts';
import type { TraceMemory } from './trace-memory.ts';
import { type Fallback, TraceWindows, type WindowDecision } from './trace-windows.ts';
import { WindowClock } from './window-clock.ts';
import { WindowLoop } from './window-loop.ts';

export interface ProcessorOptions {
  readonly seam: Seam;
  readonly time: TimeSource;
  readonly windows: { readonly tracesLengthMs: number; readonly tracesWaitMs: number; readonly logsLengthMs: number; readonly linked?: LinkedBy | null };
  /** The first set; `usePolicies` replaces it. */
  readonly policies: readonly CompiledPolicy[];
  /** How enforce policies come together; `union` by default. */
  readonly combine?: Combine;
  /** Whether kept items say which policies kept them (attribute `sampling.policy`). */
  readonly hasPolicyAttribute?: boolean;
  readonly limits: PolicyLimits;
  readonly fallback: Fallback;
  readonly memoryLimitBytes: number;
  /** Keys hash tables against input that is made to collide; decides nothing. */
  readonly hashSeed?: number;
  /** Trusted SQL that every session needs: the sampling macros. */
  readonly setupSql: readonly string[];
  /** Remembered decisions of one generation; two are held. */
  readonly decisionsMax: number;
  readonly batchRowsMax: number;
  readonly decodeLimits: Partial<DecodeLimits>;
  readonly sinks: readonly BatchSink[];
  /** Keys that the processor reads for its own telemetry. */
  readonly extraKeys: readonly Pick<KeyColumn, 'source' | 'key' | 'type'>[];
  readonly observer: ProcessorObserver;
  /** Whose randomness log records have; their traces' where it is left out. */
  readonly logRandomness?: LogRandomness;
  /** How finely windows certify themselves; not at all where it is left out. */
  readonly certificate?: CertificateDetail;
}

/** Told what the processor does; counts and logs, and nothing else. */
export interface ProcessorObserver extends IntakeObserver {
  decided(signal: SampledSignal, decision: WindowDecision, counts: StampCounts): void;
  late(signal: SampledSignal, counts: StampCounts, droppedCount: number): void;
  mismatch(key: string, count: number): void;
  engineError(signal: SampledSignal, error: unknown): void;
  /** A set of policies begins to decide the signal's windows; the first is number 1. */
  policiesInForce(signal: SampledSignal, generation: number): void;
  unreadable(signal: SampledSignal, rows: number, error: unknown): void;
  /** A sink did not take kept rows. */
  lost(signal: Signal, sink: string, rows: number, error: unknown): void;
}

/** The main path, from the intake to the sinks; composed by src/app.ts and by replay. */
export class Processor {
  readonly intake: Intake;
  readonly #options: ProcessorOptions;
  readonly #database: Database;
  readonly #sessions: readonly Session[];
  readonly #lanes: { readonly [signal in SampledSignal]: Lane };
  readonly #keptTraces: KeptTraces;
  readonly #metrics: Dispatcher;
  readonly #late: Set<Promise<void>> = new Set();
  #generation = 1;

  private constructor(
    options: ProcessorOptions, database: Database, sessions: readonly Session[],
    lanes: { readonly [signal in SampledSignal]: Lane }, keptTraces: KeptTraces, budget: MemoryBudget, account: HeldBytes,
  ) {
    this.#options = options;
    this.#database = database;
    this.#sessions = sessions;
    this.#lanes = lanes;
    this.#keptTraces = keptTraces;
    this.#metrics = new Dispatcher('metrics', options.batchRowsMax, options.sinks, options.seam.monotonicMs, onLost(options, 'metrics'), options.hashSeed);
    this.intake = new Intake({
      seam: options.seam, budget, account, decodeLimits: options.decodeLimits, observer: options.observer,
      traces: lanes.traces.intake, logs: lanes.logs.intake, logRandomness: options.logRandomness ?? 'trace',
      passThrough: async (batch) => {
        await this.#metrics.add(batch, Uint32Array.from({ length: batch.rowCount }, (_, row) => row), null);
        await this.#metrics.flush();
      },
    });
  }

  /** Opens the store and builds the way of the data. Throws PolicyError where the policies cannot be combined as asked. */
  static async open(options: ProcessorOptions): Promise<Processor> {
    checkCombination(options.policies, options.combine ?? 'union');
    const database = await Database.open(
      { memoryLimitBytes: Math.max(options.memoryLimitBytes, 64 * 2 ** 20), threads: 1 }, options.setupSql);
    const writer = await database.connect();
    const engines = { traces: await database.connect(), logs: await database.connect() };
    const account: HeldBytes = { retained: 0 };
    const late: { [signal in SampledSignal]: OnLate } = { traces: ignoreLate, logs: ignoreLate };
    const clocks = { traces: new WindowClock(options.windows.tracesLengthMs, options.windows.tracesWaitMs), logs: new WindowClock(options.windows.logsLengthMs, 0) };
    const keptTraces = new KeptTraces(clocks.traces, clocks.logs, options.decisionsMax);
    const build = (signal: SampledSignal): Lane => buildLane(options, signal, { database, writer, engine: engines[signal], clock: clocks[signal], keptTraces }, (kept, dropped) => late[signal](kept, dropped));
    const lanes = { traces: build('traces'), logs: build('logs') };
    const holdings = [
      () => account.retained,
      () => processor.intake.streamBytes,
      () => lanes.traces.ring.byteLength,
      () => lanes.logs.ring.byteLength,
      () => lanes.traces.traces?.open.byteLength ?? 0,
      ...options.sinks.map((sink) => () => sink.queuedBytes),
    ];
    const processor = new Processor(
      options, database, [writer, engines.traces, engines.logs], lanes, keptTraces, new MemoryBudget(options.memoryLimitBytes, holdings), account);
    late.traces = (kept, dropped) => processor.#followLate('traces', kept, dropped);
    return processor;
  }

  /**
   * Replaces all policies; returns the number of the new set, which counts from 1, the one that the processor was opened with. Each signal's
   * windows go over to it at the first window whose slots all have what it reads; until then the set before decides.
   * Throws PolicyError where the policies cannot be combined as asked; the set before stays.
   */
  usePolicies(policies: readonly CompiledPolicy[]): number {
    checkCombination(policies, this.#options.combine ?? 'union');
    const set = { generation: ++this.#generation, policies };
    for (const lane of Object.values(this.#lanes)) lane.policies.use(set);
    return set.generation;
  }

  /** What open windows hold: items, and bytes of their tables. */
  held(signal: SampledSignal): { readonly items: number; readonly bytes: number } {
    const { ring } = this.#lanes[signal];
    const items = ring.numbers.reduce((sum, slot) => sum + (ring.get(slot)?.rows.rowCount ?? 0), 0);
    return { items, bytes: ring.byteLength };
  }

  /** Decides the windows that are due: by arrival at `nowUnixNano`, with event time by how far the items' own time has come. */
  async advance(nowUnixNano: bigint): Promise<void> {
    const { traces, logs } = this.#lanes;
    const now = ({ intake }: Lane): bigint => (this.#options.time === 'arrival' ? nowUnixNano : BigInt(Math.floor(intake.watermark ?? 0)));
    if (this.#keptTraces.isRead) await this.#advanceTogether(now(traces), now(logs));
    else await Promise.all([traces.loop.advance(now(traces)), logs.loop.advance(now(logs))]);
    await Promise.all(this.#late);
  }

  /** Windows of logs whose policies read `kept_traces` wait until all windows of traces that they overlap are decided. */
  async #advanceTogether(tracesNow: bigint, logsNow: bigint): Promise<void> {
    const { traces, logs } = this.#lanes;
    await traces.loop.advance(tracesNow);
    const decidable = this.#keptTraces.logsDecidableUpTo(tracesNow);
    await logs.loop.advance(decidable < logsNow ? decidable : logsNow);
    await this.#keptTraces.expire(this.#sessions[1], logs.ring.numbers[0] ?? logs.intake.slotOf(logsNow));
  }

  /** Decides what is open, due or not, and hands everything to the sinks. */
  async drain(): Promise<void> {
    for (const lane of Object.values(this.#lanes)) await lane.loop.drain();
    await Promise.all(this.#late);
    for (const lane of Object.values(this.#lanes)) await lane.dispatcher.flush();
    await this.#metrics.flush();
  }

  close(): void {
    for (const lane of Object.values(this.#lanes)) lane.runner.close();
    for (const session of this.#sessions) session.close();
    this.#database.close();
  }

  /** Late spans of kept traces go out at once; their batch is held until they have been read. */
  #followLate(signal: SampledSignal, kept: KeptRows, droppedCount: number): void {
    const { dispatcher, reasons } = this.#lanes[signal];
    kept.batch.hold();
    const work = dispatchRows(this.#options, signal, dispatcher, [kept], reasons)
      .then((counts) => this.#options.observer.late(signal, counts, droppedCount))
      .then(() => dispatcher.flush())
      .finally(() => {
        kept.batch.release();
        this.#late.delete(work);
      });
    this.#late.add(work);
  }
}

/** Longest wait of a batch for windows that are behind. */
const paceMs = 1000;

interface Lane {
  readonly ring: SlotRing;
  readonly traces: TraceMemory | null;
  readonly intake: SignalIntake;
  readonly loop: WindowLoop;
  readonly policies: LanePolicies;
  readonly runner: PolicyRunner;
  readonly dispatcher: Dispatcher;
  readonly reasons: KeepReasons | null;
}

interface Store {
  readonly database: Database;
  readonly writer: Session;
  readonly engine: Session;
  readonly clock: WindowClock;
  readonly keptTraces: KeptTraces;
}

type OnLate = (kept: KeptRows, droppedCount: number) => void;

function ignoreLate(): void {}

function onLost({ observer }: ProcessorOptions, signal: Signal): OnLost {
  return (sink, rows, error) => observer.lost(signal, sink, rows, error);
}

function traceMemory({ decisionsMax, hashSeed }: ProcessorOptions, hasReasons: boolean): TraceMemory {
  return { open: new OpenTraces(hashSeed), decided: new DecisionCache(decisionsMax, hashSeed, hasReasons), followers: new Followers() };
}

function buildLane(
  options: ProcessorOptions, signal: SampledSignal, store: Store, onLate: OnLate,
): Lane {
  const { seam, limits, fallback, observer } = options;
  const { clock, keptTraces } = store;
  const linked = options.windows.linked ?? null;
  const ownViews = signal === 'traces' && linked !== null ? readsOfLinks(linked) : [];
  const sets = new PolicySets(signal, options.extraKeys, { generation: 1, policies: options.policies }, ownViews);
  const ring = new SlotRing(store.writer, signal === 'traces' ? 't' : 'l', sets.plan);
  const policies = new LanePolicies({ ring, sets, beside: signal === 'logs' ? keptTraces : null, onInForce: (generation) => observer.policiesInForce(signal, generation) });
  const runner = new PolicyRunner(() => store.database.connect(), { ...limits, windowNano: clock.lengthNano }, seam);
  const reasons = options.hasPolicyAttribute === true ? new KeepReasons() : null;
  const traces = signal === 'traces' ? traceMemory(options, reasons !== null) : null;
  const combining = { combine: options.combine ?? 'union', reasons };
  const decider = traces === null
    ? new LogWindows(store.engine, ring, runner, fallback, new KeyedHash(seam.hashKey), combining, keptTraces, options.certificate ?? null)
    : new TraceWindows(store.engine, ring, runner, traces, fallback, new KeyedHash(seam.hashKey), combining, keptTraces, options.certificate ?? null, linked);
  const tools: ProjectionTools = { lookups: new LookupCache(), onMismatch: (key, count) => observer.mismatch(key, count) };
  const intake = new SignalIntake({ signal, ring, clock, time: options.time, traces, hash: new KeyedHash(options.seam.hashKey), tools, onLate, pace: (unixNano) => loop.pace(signal === 'logs' && keptTraces.isRead ? keptTraces.logsDecidableUpTo(unixNano) : unixNano, paceMs, seam.sleepMs) });
  const dispatcher = new Dispatcher(signal, options.batchRowsMax, options.sinks, seam.monotonicMs, onLost(options, signal), options.hashSeed);
  const loop = new WindowLoop({
    ring, clock, decider, policies: (slot) => policies.decideBy(slot),
    dispatch: async (decision) => {
      const counts = await dispatchRows(options, signal, dispatcher, decision.kept, reasons);
      await dispatcher.flush();
      observer.decided(signal, decision, counts);
    },
    onEngineError: (_slot, error) => observer.engineError(signal, error),
  });
  return { ring, traces, intake, loop, policies, runner, dispatcher, reasons };
}

/** Reads kept rows out of their batches, stamps them and hands them on; a batch that cannot be read loses its own rows only. */
async function dispatchRows(
  options: ProcessorOptions, signal: SampledSignal, dispatcher: Dispatcher, kept: readonly KeptRows[], reasons: KeepReasons | null,
): Promise<StampCounts> {
  const counts = noStamps();
  const hash = new KeyedHash(options.seam.hashKey);
  const tracestates = new TracestateCache();
  const arenas = new ArenaPool();
  for (const part of kept) {
    if (part.rows.length === 0) continue;
    const arena = arenas.acquire();
    try {
      const batch = part.batch.open(arena);
      const { rows, stamps } = stampKept(batch, part, hash, tracestates, counts, reasons);
      await dispatcher.add(batch, rows, stamps);
    } catch (error) {
      options.observer.unreadable(signal, part.rows.length, error);
    } finally {
      arenas.release(arena);
    }
  }
  return counts;
}
