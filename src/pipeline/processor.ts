import { deferred } from '../base/deferred.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import { allRows } from '../otap/take/split.ts';
import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { Database, type DuckDBMemory, type Session } from '../store/duckdb.ts';
import { SideFiles } from '../storage/side-files.ts';
import type { HeldBytes } from '../store/held-batch.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { checkCombination } from './combining.ts';
import type { RememberedDecisions } from './decision-metrics.ts';
import { Dispatcher } from './dispatcher.ts';
import { KeptMarks } from './dropped-rows.ts';
import { Intake } from './intake.ts';
import { recover, type Recovered } from './journal/recover.ts';
import type { LateArrivals } from './late-arrivals.ts';
import { KeptTraces } from './kept-traces.ts';
import { buildLane, type Lane, onLostOf, type OnLate } from './lane.ts';
import { EarlyClosing } from './early-closing.ts';
import { MemoryBudget } from './memory-budget.ts';
import { memoryShares } from './memory-shares.ts';
import { passThroughs } from './pass-through.ts';
import type { ProcessorOptions } from './processor-options.ts';
import { settledSinks } from './settled-sinks.ts';
import { keptToAll } from './sink-routes.ts';
import type { StampCounts } from './stamp-rows.ts';
import { type StressParts, StressRelief } from './stress-relief.ts';
import { WindowClock } from './window-clock.ts';

export type { ProcessorObserver, ProcessorOptions } from './processor-options.ts';

/** The main path, from the intake to the sinks; composed by src/app.ts and by replay. */
export class Processor {
  readonly intake: Intake;
  /** What is held, and the limit. */
  readonly memory: MemoryBudget;
  /** Null where stress is not relieved. */
  readonly stress: StressRelief | null;
  readonly #options: ProcessorOptions;
  readonly #database: Database;
  readonly #sessions: readonly Session[];
  readonly #lanes: { readonly [signal in SampledSignal]: Lane };
  readonly #keptTraces: KeptTraces;
  readonly #metrics: Dispatcher;
  readonly #account: HeldBytes;
  readonly #late: Set<Promise<void>> = new Set();
  /** Null where windows are not closed early. */
  readonly #early: EarlyClosing | null;
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
    this.memory = budget;
    this.#early = options.softLimit === undefined || options.softLimit >= 1 || options.time === 'event' ? null
      : new EarlyClosing({ lanes, fullness: () => budget.fullness, fullnessBeside: () => budget.fullnessBeside, softLimit: options.softLimit, logsFollowTraces: () => keptTraces.isRead, seam: options.seam, observer: options.observer });
    if (this.#early !== null) budget.watch(options.softLimit ?? 1, () => this.#relieve());
    this.stress = options.stress === undefined ? null : new StressRelief(options.stress, this.#stressParts(options));
    this.#account = account;
    const { kept } = (options.routes ?? keptToAll(options.sinks)).metrics;
    this.#metrics = new Dispatcher('metrics', options.batchRowsMax, kept, options.seam.monotonicMs, onLostOf(options, 'metrics'), options.hashSeed);
    this.intake = new Intake({
      seam: options.seam, budget, retryAfterMs: () => this.#retryAfterMs(), account, decodeLimits: options.decodeLimits, observer: options.observer,
      traces: lanes.traces.intake, logs: lanes.logs.intake, logRandomness: options.logRandomness ?? 'trace', hashSeed: options.hashSeed ?? 0,
      journal: options.journal ?? null, retained: options.retained ?? null,
      passThrough: passThroughs(options, async (batch) => {
        await this.#metrics.add(batch, allRows(batch), null);
        await this.#metrics.flush();
        if (options.journal != null) await settledSinks(kept);
      }),
    });
  }

  /** Opens the store and builds the way of the data. Throws PolicyError where the policies cannot be combined as asked. */
  static async open(options: ProcessorOptions): Promise<Processor> {
    checkCombination(options.policies, options.combine ?? 'union');
    const shares = memoryShares(options.memoryLimitBytes, options.duckdbShare, options.spill?.bytesMax);
    const database = await Database.open({ memoryLimitBytes: shares.duckdbBytes, threads: 1, ...(options.spill == null ? {} : { spill: options.spill }) }, options.setupSql);
    const writer = await database.connectToAppend();
    const engines = { traces: await database.connect(), logs: await database.connect() };
    const account: HeldBytes = { retained: 0 };
    const late: { [signal in SampledSignal]: OnLate } = { traces: ignoreLate, logs: ignoreLate };
    const clocks = { traces: new WindowClock(options.windows.tracesLengthMs, options.windows.tracesWaitMs), logs: new WindowClock(options.windows.logsLengthMs, 0) };
    const files = sideFilesOf(options);
    const keptTraces = new KeptTraces(clocks.traces, clocks.logs, options.decisionsMax, files);
    const build = (signal: SampledSignal): Lane => buildLane(options, signal, { database, writer, engine: engines[signal], clock: clocks[signal], keptTraces, account, files }, (rows) => late[signal](rows));
    const lanes = { traces: build('traces'), logs: build('logs') };
    const budget = new MemoryBudget(shares);
    budget.count('retained', () => account.retained);
    budget.count('streams', () => processor.intake.streamBytes);
    for (const { ring, traces } of [lanes.traces, lanes.logs]) {
      budget.count('tables', () => ring.byteLength);
      if (options.spill != null) budget.countLargest(() => ring.largestByteLength);
      budget.count('open_traces', () => traces?.open.byteLength ?? 0);
      budget.count('decisions', () => traces?.decided.byteLength ?? 0);
    }
    for (const sink of options.sinks) budget.count('queues', () => sink.queuedBytes + (sink.tableBytes ?? 0));
    for (const { outbox } of [lanes.traces, lanes.logs]) if (outbox !== null) budget.count('queues', () => outbox.waitingBytes);
    const processor = new Processor(
      options, database, [writer, engines.traces, engines.logs], lanes, keptTraces, budget, account);
    late.traces = (rows) => processor.#followLate('traces', rows);
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

  /**
   * Brings windows, remembered decisions and what waits to be delivered back to what the journal says; before anything is taken. Null where there is
   * no journal. Throws as `recover` of journal/recover.ts.
   */
  async recover(): Promise<Recovered | null> {
    const { journal = null, retained = null, seam, decodeLimits, hashSeed = 0, windows, observer } = this.#options;
    if (journal === null) return null;
    const { traces, logs } = this.#lanes;
    await this.#keptTraces.restore(this.#sessions[1]);
    await Promise.all([traces.runner.restore('traces'), logs.runner.restore('logs')]);
    const recovered = await recover({
      journal, retained, seam, decodeLimits, hashSeed, account: this.#account, lanes: { traces: traces.recovering, logs: logs.recovering },
      windows: { lengthMs: { traces: windows.tracesLengthMs, logs: windows.logsLengthMs }, lowest: () => ({ traces: traces.ring.lowest, logs: logs.ring.lowest }), firstOpen: () => ({ traces: traces.ring.firstOpen, logs: logs.ring.firstOpen }), nMax: () => traces.ring.nMax },
      onMissing: (signal, rows) => observer.unreadable(signal, rows, new Error('their batches are not in the journal any more')),
    });
    this.intake.startAfter(recovered.lastOrdinal);
    journal.options.observer.recovered(recovered);
    return recovered;
  }

  /**
   * From now on nothing is taken in that R does not keep at N, 2^56 at most; what waits for its decision, or comes to a window that is open now, is decided
   * as if it had come with that probability at most (sampling.md, rule 19).
   */
  limitInput(n: bigint): void {
    for (const { ring } of Object.values(this.#lanes)) ring.limitInput(n);
    this.#options.journal?.limited(n);
  }

  /** What DuckDB holds in memory, and has spilled. */
  duckdbMemory(): Promise<DuckDBMemory> {
    return this.#database.memory();
  }

  /** Whether windows are being closed before they are due, since memory is short. */
  get isClosingEarly(): boolean {
    return this.#early?.isActive === true;
  }

  #stressParts({ seam, windows, observer }: ProcessorOptions): StressParts {
    const { traces, logs } = this.#lanes;
    const deciders = ([[traces.timed, windows.tracesLengthMs], [logs.timed, windows.logsLengthMs]] as const).flatMap(([decider, lengthMs]) => (decider === null ? [] : [{ decider, lengthMs }]));
    return {
      monotonicMs: seam.monotonicMs, fullness: () => this.memory.fullness, deciders,
      limitInput: (n) => this.limitInput(n), onChange: (probability, before) => observer.stressChanged(probability, before),
    };
  }

  /** What is remembered of decided traces. */
  get decisions(): RememberedDecisions {
    const decided = this.#lanes.traces.traces?.decided;
    return { count: decided?.size ?? 0, reachMs: decided === undefined ? 0 : decided.nowMs - decided.forgottenBeforeMs };
  }

  /** What open windows hold: items, and bytes of their tables. */
  held(signal: SampledSignal): { readonly items: number; readonly bytes: number } {
    const { ring } = this.#lanes[signal];
    const items = ring.numbers.reduce((sum, slot) => sum + (ring.get(slot)?.rows.rowCount ?? 0), 0);
    return { items, bytes: ring.byteLength };
  }

  /** How long (ms) the oldest window of a signal that is not decided and handed on has been due at `nowUnixNano`; 0 where none is. */
  lagMs(signal: SampledSignal, nowUnixNano: bigint): number {
    return this.#lanes[signal].loop.lagMs(nowUnixNano);
  }

  /** Decides the windows that are due: by arrival at `nowUnixNano`, with event time by how far the items' own time has come. */
  async advance(nowUnixNano: bigint): Promise<void> {
    this.#relieve();
    const { traces, logs } = this.#lanes;
    const now = ({ intake }: Lane): bigint => (this.#options.time === 'arrival' ? nowUnixNano : BigInt(Math.floor(intake.watermark ?? 0)));
    if (this.#keptTraces.isRead) await this.#advanceTogether(now(traces), now(logs));
    else await Promise.all([traces.loop.advance(now(traces)), logs.loop.advance(now(logs))]);
    await Promise.all(this.#late);
    await this.#options.journal?.tick();
  }

  /** Windows close early while memory is short; a failure is that of the window, which was told. */
  #relieve(): void {
    this.#early?.check().catch((error: unknown) => this.#options.observer.engineError('traces', error));
  }

  /** When a sender that found no room should come again, ms: soon where windows are being closed, else when the next one is due. */
  #retryAfterMs(): number {
    if (this.isClosingEarly || this.#options.time === 'event') return retryMs.min;
    const { traces, logs } = this.#lanes;
    const nowNano = this.#options.seam.nowUnixNano();
    const waits = [traces, logs].flatMap(({ ring, clock }) => ring.numbers.slice(0, 1).map((slot) => Number(clock.dueAt(slot) - nowNano) / 1e6));
    return Math.round(Math.min(retryMs.max, Math.max(retryMs.min, Math.min(...waits))));
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
    for (const lane of Object.values(this.#lanes)) await Promise.all([lane.dispatcher.flush(), lane.droppedDispatch?.flush()]);
    await this.#metrics.flush();
    await Promise.all(Object.values(this.#lanes).map(({ outbox }) => outbox?.caughtUp()));
  }

  /** What waits on the disk for sinks stays there, and so does what waits for the disk. */
  stopSending(): void {
    this.#options.journal?.leaveUndecided();
    for (const { outbox } of Object.values(this.#lanes)) outbox?.stop();
  }

  close(): void {
    this.stopSending();
    for (const lane of Object.values(this.#lanes)) lane.runner.close();
    for (const session of this.#sessions) session.close();
    this.#database.close();
  }

  /** Late spans go out at once, those of dropped traces where somebody wants them; their batch is held until they have been read. */
  #followLate(signal: SampledSignal, { batch, kept, droppedCount, arrived, lateness }: LateArrivals): void {
    const { sender, droppedDispatch } = this.#lanes[signal];
    const { journal = null, routes, sinks } = this.#options;
    const onDelivered = journal?.lateLot(batch);
    if (onDelivered === null) return;
    const marks = droppedDispatch === null ? null : new KeptMarks();
    batch.hold();
    const delivered = deferred<void>();
    const send = (): Promise<StampCounts> => sender.send({ kept, record: 'none', marks }, delivered.resolve);
    const work = (journal === null ? send() : journal.followable(batch).then(send))
      .then((counts) => this.#options.observer.late(signal, counts, droppedCount, lateness))
      .then(() => droppedDispatch?.dispatch(marks?.othersOf([{ batch, rows: arrived }]) ?? []))
      .then(() => {
        // Nothing that waits for this may see the batch: what waits lies on the disk.
        if (journal !== null) void Promise.all([delivered.promise, settledSinks((routes ?? keptToAll(sinks))[signal].dropped)]).then(onDelivered);
      })
      .finally(() => {
        batch.release();
        this.#late.delete(work);
      });
    this.#late.add(work);
  }
}

/** Bounds of when a sender should come again, ms. */
const retryMs = { min: 1000, max: 10_000 };

function ignoreLate(): void {}

/** Beside the log; what fails there is told as a failure of it. */
function sideFilesOf({ journal = null }: ProcessorOptions): SideFiles | null {
  if (journal === null) return null;
  const { disk, directory, observer } = journal.options;
  return new SideFiles(disk, `${directory}/state`, (error) => observer.state(new CodedError('UNAVAILABLE', 'storage_failed', `what windows remember cannot be saved: ${messageOf(error)}`, { cause: error })));
}
