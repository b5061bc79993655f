import type { BatchAck } from '../../../src/pipeline/intake-port.ts';
import { errorCode } from '../../../src/storage/disk.ts';
import { FakeDisk } from '../../support/fake-disk.ts';
import { mulberry } from '../../support/mulberry.ts';
import { Backend, SimSink } from './backend.ts';
import { SimClock } from './clock.ts';
import { Ledger } from './ledger.ts';
import { type Delivery, Network } from './network.ts';
import { policySets, type PolicySet } from './policies.ts';
import { SimProcess, type SimSinks } from './process.ts';
import { probabilityOf } from '../../../src/sampling/probability.ts';
import { isWithin, type Scenario, scenarioOf } from './scenario.ts';
import { Turns } from './turns.ts';
import { type SimBatch, worldOf } from './world.ts';

/** A process that died, and what of the disk was lost with it. */
export interface Crash {
  readonly atMs: number;
  readonly by: 'kill' | 'powerLoss';
}

/** What a run did. */
export interface RunRecord {
  readonly scenario: Scenario;
  readonly batches: readonly SimBatch[];
  readonly sets: readonly PolicySet[];
  readonly ledger: Ledger;
  readonly backend: Backend;
  /** What was dropped, where it goes somewhere. */
  readonly dropped: Backend;
  readonly crashes: readonly Crash[];
  readonly faults: { readonly [name: string]: number };
  readonly processes: number;
  /** How full memory was at most: 1 is the limit. */
  readonly fullnessMax: number;
  readonly windows: number;
  readonly complaints: readonly string[];
  /** Of rows that were decided before a process died, and that the log does not have. */
  readonly missing: readonly string[];
  /** Operations of the disk that changed something, of all processes. */
  readonly operations: number;
  /** Windows that the store failed on, which the fallback decided. */
  readonly engineErrors: number;
}

export const stepMs = 500;
/** After this long nothing comes true any more. */
const limitMs = 240_000;
/** Starts that a failing disk prevents included. */
const processesMax = 12;
/** How long after a start that failed the next is tried. */
const restartMs = 2000;

/** One run of the system, from a seed. */
export class Simulation {
  readonly #scenario: Scenario;
  readonly #clock: SimClock;
  readonly #batches: readonly SimBatch[];
  readonly #network: Network;
  readonly #backend: Backend;
  readonly #dropped: Backend;
  readonly #crashes: Crash[] = [];
  readonly #ledger = new Ledger();
  readonly #complaints: string[] = [];
  readonly #missing: string[] = [];
  readonly #faults: { [name: string]: number } = {};
  #disk: FakeDisk | null;
  #processes = 0;
  #fullnessMax = 0;
  #windows = 0;
  #engineErrors = 0;
  #operations = 0;
  #diedMs = 0;

  /** `changed`: what is other than the seed says. */
  constructor(seed: number, changed: Partial<Scenario> = {}) {
    this.#scenario = { ...scenarioOf(seed), ...changed };
    this.#clock = new SimClock(seed);
    this.#batches = worldOf(this.#scenario);
    this.#network = new Network(this.#batches, this.#scenario.network, mulberry(seed + 1));
    this.#backend = new Backend(this.#scenario.backend, mulberry(seed + 2));
    this.#dropped = new Backend(this.#scenario.backend, mulberry(seed + 4));
    this.#disk = this.#scenario.isDurable ? this.#withFaults(new FakeDisk(seed, {})) : null;
  }

  async run(): Promise<RunRecord> {
    const sets = await policySets();
    const { seed, slowEngine } = this.#scenario;
    const turns = Turns.take(mulberry(seed + 3), slowEngine);
    try {
      while (!(await this.#life(sets, turns))) this.#restart();
    } finally {
      turns.release();
    }
    this.#count({ engineSlow: turns.held });
    if (this.#disk !== null) this.#leave(this.#disk);
    this.#count(this.#network.injected);
    this.#count(this.#backend.injected);
    return {
      scenario: this.#scenario, batches: this.#batches, sets, ledger: this.#ledger, backend: this.#backend, dropped: this.#dropped, crashes: this.#crashes, faults: this.#faults, processes: this.#processes,
      fullnessMax: this.#fullnessMax, windows: this.#windows, complaints: this.#complaints, missing: this.#missing, operations: this.#operations, engineErrors: this.#engineErrors,
    };
  }

  /** One process, to the end of the run (true) or its own. */
  async #life(sets: readonly PolicySet[], turns: Turns): Promise<boolean> {
    this.#processes++;
    const { policies } = this.#scenario;
    const sinks = this.#sinks();
    this.#moveDisk();
    const inForce = policies.findLast(({ atMs }) => atMs <= this.#clock.nowMs) ?? policies[0];
    let process: SimProcess;
    try {
      process = await turns.until(SimProcess.start(this.#scenario, this.#clock, sets[inForce.set], sinks, this.#disk, (complaint) => this.#complaints.push(complaint)));
    } catch (error) {
      if (this.#disk === null || this.#processes > processesMax) throw error;
      if (!this.#disk.isDead && !['EIO', 'EROFS', 'ENOSPC'].includes(String(errorCode(error)))) this.#complaints.push(`does not start: ${String(error)}`);
      this.#diedMs = this.#clock.nowMs;
      this.#clock.advanceTo(this.#clock.nowMs + restartMs);
      return false;
    }
    try {
      return await this.#steps(process, sinks, sets, turns);
    } finally {
      const { traces, logs } = process.tally.bySignal;
      this.#windows += traces.windows + logs.windows;
      this.#engineErrors += process.engineErrors;
      this.#missing.push(...process.tally.missing);
      process.processor.close();
    }
  }

  async #steps(process: SimProcess, sinks: SimSinks, sets: readonly PolicySet[], turns: Turns): Promise<boolean> {
    const under = new Map<Promise<void>, string>();
    const hops = [sinks.kept, ...(sinks.dropped === null ? [] : [sinks.dropped])];
    const isDelivered = (): boolean => hops.every(({ queuedBytes }) => queuedBytes === 0);
    let advancing: Promise<void> | null = null;
    const start = (name: string, work: Promise<void>): void => {
      const own: Promise<void> = work.catch((error: unknown) => this.#failed(error)).finally(() => under.delete(own));
      under.set(own, name);
    };
    for (let calm = 0; calm < this.#calmSteps || under.size > 0;) {
      const fromMs = this.#clock.nowMs;
      this.#clock.advanceTo(fromMs + stepMs);
      if (this.#clock.nowMs > limitMs) throw new Error(`the run does not end: ${[...under.values()].join(', ')}`);
      this.#change(process, sets, fromMs);
      this.#moveDisk();
      start('tick', process.tick());
      for (const hop of hops) hop.tick();
      if (advancing === null) {
        advancing = process.processor.advance(this.#clock.nowUnixNano()).finally(() => (advancing = null));
        start('advance', advancing);
      }
      for (const delivery of this.#network.arrivals(this.#clock.nowMs)) start('accept', this.#deliver(process, delivery));
      await turns.untilQuiet();
      this.#fullnessMax = Math.max(this.#fullnessMax, process.processor.memory.fullness);
      if (this.#disk?.isDead === true) return this.#dead(process, under, hops, turns);
      calm = this.#network.isDone && isDelivered() ? calm + 1 : 0;
    }
    let isDrained = false;
    start('drain', process.processor.drain().finally(() => (isDrained = true)));
    while (!isDrained || under.size > 0 || !isDelivered()) {
      this.#clock.advanceTo(this.#clock.nowMs + stepMs);
      for (const hop of hops) hop.tick();
      await turns.untilQuiet();
      if (this.#disk?.isDead === true) return this.#dead(process, under, hops, turns);
      if (this.#clock.nowMs > limitMs) throw new Error(`the run does not end: ${[...under.values()].join(', ')}`);
    }
    return true;
  }

  /** Steps without anything to send or deliver until all windows are decided. */
  get #calmSteps(): number {
    return Math.ceil((this.#scenario.lengthMs + (this.#scenario.sessions?.maxMs ?? this.#scenario.waitMs)) / stepMs) + 2;
  }

  /** Nobody is left to decide anything: what was under way ends, and whatever it says is not heard. */
  async #dead({ processor }: SimProcess, under: Map<Promise<void>, string>, hops: readonly SimSink[], turns: Turns): Promise<false> {
    this.#diedMs = this.#clock.nowMs;
    for (const hop of hops) hop.die();
    processor.stopSending();
    while (under.size > 0) {
      this.#clock.advanceTo(this.#clock.nowMs + stepMs);
      await turns.untilQuiet();
    }
    return false;
  }

  async #deliver(process: SimProcess, delivery: Delivery): Promise<void> {
    this.#ledger.arrived(delivery.batch, this.#clock.nowMs);
    const ack = await process.accept(delivery.batch);
    const isHeard = this.#disk?.isDead !== true;
    if (isHeard) this.#answered(delivery.batch, ack);
    this.#network.answered(delivery, isHeard ? ack : null, this.#clock.nowMs);
  }

  #answered(batch: SimBatch, ack: BatchAck): void {
    this.#ledger.answered(batch, ack, this.#clock.nowMs);
    if (ack.status === 'OK') return;
    if ((ack.status !== 'RESOURCE_EXHAUSTED' && ack.status !== 'UNAVAILABLE') || ack.retryAfterMs === null) this.#complaints.push(`refused so that it does not come again: ${ack.status} ${ack.message} ${ack.retryAfterMs}`);
  }

  /** Policies and stress whose time has come since `fromMs`. */
  #change({ processor }: SimProcess, sets: readonly PolicySet[], fromMs: number): void {
    const isNow = ({ atMs }: { readonly atMs: number }): boolean => atMs > fromMs && atMs <= this.#clock.nowMs;
    for (const { set } of this.#scenario.policies.filter(isNow)) processor.usePolicies(sets[set].open.policies);
    for (const { p } of this.#scenario.stress.filter(isNow)) processor.limitInput(probabilityOf(p));
  }

  #failed(error: unknown): void {
    if (this.#disk?.isDead !== true) this.#complaints.push(`failed: ${String(error)}`);
  }

  #restart(): void {
    if (this.#disk === null) return;
    this.#leave(this.#disk);
    const by = this.#scenario.crashes[this.#processes - 1]?.by ?? 'kill';
    this.#crashes.push({ atMs: this.#diedMs, by });
    this.#disk = this.#withFaults(this.#disk.restart(by));
  }

  #sinks(): SimSinks {
    const sinkOf = (name: string, backend: Backend): SimSink => new SimSink(name, backend, this.#scenario, () => this.#clock.nowMs);
    return { kept: sinkOf('backend', this.#backend), dropped: this.#scenario.routesDropped ? sinkOf('dropped', this.#dropped) : null };
  }

  /** The disk is full or read-only, or not. */
  #moveDisk(): void {
    const { diskAway } = this.#scenario;
    if (this.#disk === null || diskAway === null) return;
    const isAway = isWithin(diskAway, this.#clock.nowMs);
    this.#disk.faults.isReadOnly = isAway && diskAway.by === 'readOnly';
    this.#disk.faults.capacityBytes = isAway && diskAway.by === 'full' ? 0 : Infinity;
  }

  #withFaults(disk: FakeDisk): FakeDisk {
    Object.assign(disk.faults, this.#scenario.disk, { crashAfterOperations: this.#scenario.crashes[this.#processes]?.afterOperations ?? 0 });
    return disk;
  }

  #leave({ injected, operations }: FakeDisk): void {
    this.#count(injected);
    this.#operations += operations;
  }

  #count(injected: { readonly [name: string]: number }): void {
    for (const [name, count] of Object.entries(injected)) this.#faults[name] = (this.#faults[name] ?? 0) + count;
  }
}
