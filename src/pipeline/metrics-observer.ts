import { messageOf, type CodedError } from '../base/errors.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { DuckDBMemory } from '../store/duckdb.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { metrics } from '../telemetry/declared.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import { countCertificate } from './certificate-metrics.ts';
import { countPolicies, isByFallback } from './policy-metrics.ts';
import type { EarlyDecision } from './early-windows.ts';
import type { Lateness } from './lateness.ts';
import { suspicionText } from './randomness-watch.ts';
import type { TakenRows } from './signal-intake.ts';
import type { StampCounts } from './stamp-rows.ts';
import { TallyObserver } from './tally.ts';
import type { WindowDecision } from './trace-windows.ts';

/** What a signal holds in open windows. */
export interface Held {
  readonly items: number;
  readonly bytes: number;
}

/** Counts what a processor does as Prometheus metrics, and logs what somebody should look at. */
export class MetricsObserver extends TallyObserver {
  readonly #registry: MetricRegistry;
  readonly #log: Logger;

  constructor(registry: MetricRegistry, log: Logger) {
    super();
    this.#registry = registry;
    this.#log = log;
  }

  override accepted(signal: Signal, batch: { readonly receiver: string; readonly items: number; readonly wireBytes: number; readonly taken: TakenRows | null }): void {
    super.accepted(signal, batch);
    const labels = { signal, receiver: batch.receiver };
    this.#registry.counter(metrics.itemsReceived).add(batch.items, labels);
    this.#registry.counter(metrics.batchesReceived).add(1, labels);
    this.#registry.counter(metrics.wireBytesReceived).add(batch.wireBytes, labels);
    this.#countLateness(batch.taken?.pastHorizon ?? []);
    if (batch.taken?.shed !== undefined) this.#registry.counter(metrics.stressDropped).add(batch.taken.shed, { signal, at: 'arrival' });
  }

  override refused(signal: Signal, error: CodedError, receiver: string): void {
    super.refused(signal, error, receiver);
    this.#registry.counter(metrics.batchesRefused).add(1, { signal, receiver, reason: error.reason });
    this.#log.warn('batch_refused', error.message, { signal, receiver, reason: error.reason, status: error.status });
  }

  override decided(signal: SampledSignal, decision: WindowDecision, counts: StampCounts): void {
    super.decided(signal, decision, counts);
    this.#registry.counter(metrics.windowsDecided).add(1, { signal, by: isByFallback(decision) ? 'fallback' : 'policy' });
    this.#registry.counter(metrics.itemsDecided).add(counts.kept, { signal, outcome: 'kept' });
    this.#registry.counter(metrics.itemsDecided).add(Math.max(0, decision.items - counts.kept), { signal, outcome: 'dropped' });
    if (signal === 'traces') this.#registry.counter(metrics.mixedTraces).add(decision.mixedTraces ?? 0);
    if (decision.shedRows !== undefined && decision.shedRows > 0) this.#registry.counter(metrics.stressDropped).add(decision.shedRows, { signal, at: 'close' });
    countPolicies(this.#registry, this.#log, signal, decision);
    this.#log.debug('window_decided', `window of ${decision.items} ${signal} items decided, ${counts.kept} kept`, { signal, items: decision.items, kept: counts.kept });
  }

  protected override certified(signal: SampledSignal, decision: WindowDecision): ReturnType<TallyObserver['certified']> {
    const found = super.certified(signal, decision);
    countCertificate(this.#registry, this.#log, signal, decision.certificate, found);
    return found;
  }

  protected override watched(signal: SampledSignal, decision: WindowDecision): ReturnType<TallyObserver['watched']> {
    const found = super.watched(signal, decision);
    for (const { key, distance, isSuspect } of found.touched) {
      this.#registry.gauge(metrics.randomnessDistance).set(distance, { key });
      this.#registry.gauge(metrics.randomnessSuspect).set(isSuspect ? 1 : 0, { key });
    }
    for (const suspect of found.suspects) this.#log.warn('randomness_uneven', suspicionText(suspect), { signal, key: suspect.key });
    return found;
  }

  override late(signal: SampledSignal, counts: StampCounts, droppedCount: number, lateness: readonly Lateness[] = []): void {
    super.late(signal, counts, droppedCount, lateness);
    this.#countLateness(lateness);
    this.#registry.counter(metrics.lateItems).add(counts.kept, { signal, outcome: 'kept' });
    this.#registry.counter(metrics.lateItems).add(droppedCount, { signal, outcome: 'dropped' });
  }

  override early(signal: SampledSignal, decision: EarlyDecision, counts: StampCounts): void {
    super.early(signal, decision, counts);
    this.#registry.counter(metrics.itemsDecided).add(counts.kept, { signal, outcome: 'kept' });
    this.#registry.counter(metrics.itemsDecided).add(Math.max(0, decision.items - counts.kept), { signal, outcome: 'dropped' });
    this.#registry.counter(metrics.earlyTraces).add(decision.traces.afterRoot, { cause: 'after_root' });
    this.#registry.counter(metrics.earlyTraces).add(decision.traces.traceSize, { cause: 'trace_size' });
    this.#registry.counter(metrics.earlyTraces).add(decision.traces.atOnce, { cause: 'at_once' });
    this.#registry.counter(metrics.earlyTraces).add(decision.traces.quiet, { cause: 'quiet' });
  }

  override sessionsCut(traces: number): void {
    super.sessionsCut(traces);
    this.#registry.counter(metrics.sessionsCut).add(traces);
  }

  override earlyFailed(signal: SampledSignal, error: unknown): void {
    super.earlyFailed(signal, error);
    this.#log.warn('early_failed', 'nothing could be decided before its window, which decides it', { signal, error });
  }

  #countLateness(lateness: readonly Lateness[]): void {
    for (const { outcome, ageMs, rows } of lateness) {
      this.#registry.histogram(metrics.lateSeconds).with({ outcome }).observe(ageMs / 1000, rows);
      if (outcome === 'past_horizon') this.#registry.counter(metrics.pastHorizonItems).add(rows);
    }
  }

  override mismatch(key: string, count: number): void {
    super.mismatch(key, count);
    this.#registry.counter(metrics.attributeMismatches).add(count, { key });
    this.#log.warn('attribute_type', `values of attribute ${key} have another type than the policy reads; they read as NULL`, { key, count });
  }

  override engineError(signal: SampledSignal, error: unknown): void {
    super.engineError(signal, error);
    this.#log.error('window_engine_failed', 'the engine failed on a window, which the fallback decides', { signal, error });
  }

  /** What DuckDB held when it was last looked. */
  duckdbMemory({ bytes, spilledBytes }: DuckDBMemory): void {
    this.#registry.gauge(metrics.duckdbBytes).set(bytes);
    this.#registry.gauge(metrics.duckdbSpilledBytes).set(spilledBytes);
  }

  override closedEarly(signal: SampledSignal): void {
    super.closedEarly(signal);
    this.#registry.counter(metrics.windowsClosedEarly).add(1, { signal, reason: 'memory' });
  }

  override pressed(fullness: number): void {
    this.#log.warn('memory_soft_limit', `memory is ${Math.round(fullness * 100)} % full: windows close early, on part of their evidence, until there is room`, { fullness });
  }

  override relieved(windows: number): void {
    this.#log.info('memory_relieved', `memory has room again; ${windows} windows were closed early`, { windows });
  }

  override stressChanged(probability: number, before: number): void {
    if (before === 1) this.#log.warn('stress_relief', `more comes than can be followed: from now on a share of ${probability.toFixed(3)} is taken in, with a threshold on each item`, { probability });
    else if (probability === 1) this.#log.info('stress_relieved', 'everything is taken in again', { probability });
  }

  override policiesInForce(signal: SampledSignal, generation: number): void {
    this.#registry.gauge(metrics.policyGenerationInForce).set(generation, { signal });
    this.#log.debug('policies_in_force', `policies number ${generation} decide the windows of ${signal}`, { signal, generation });
  }

  override unreadable(signal: SampledSignal, rows: number, error: unknown): void {
    super.unreadable(signal, rows, error);
    this.#registry.counter(metrics.itemsUnreadable).add(rows, { signal });
    this.#log.error('items_unreadable', `${rows} items could not be read again: ${messageOf(error)}`, { signal, rows });
  }

  override droppedRouted(signal: SampledSignal, rows: number): void {
    super.droppedRouted(signal, rows);
    this.#registry.counter(metrics.droppedRouted).add(rows, { signal });
  }

  override waiting(signal: SampledSignal, sink: string, lots: number): void {
    const gauge = this.#registry.gauge(metrics.exportWaiting);
    const labels = { signal, exporter: sink };
    const before = this.#registry.value(metrics.exportWaiting, labels);
    gauge.set(lots, labels);
    if (before === 0 && lots > 0) this.#log.warn('exporter_behind', `${sink} takes too little: what is kept of ${signal} waits on the disk until it takes more`, labels);
    if (before > 0 && lots === 0) this.#log.info('exporter_caught_up', `${sink} has taken all ${signal} that waited on the disk`, labels);
  }

  override lost(signal: Signal, sink: string, rows: number, error: unknown): void {
    super.lost(signal, sink, rows, error);
    this.#registry.counter(metrics.itemsLost).add(rows, { signal, exporter: sink, reason: 'not_taken' });
    this.#log.error('items_not_taken', `${rows} ${signal} items were not taken by ${sink}: ${messageOf(error)}`, { signal, exporter: sink, items: rows });
  }

  /** What open windows hold now. */
  buffered(signal: SampledSignal, held: Held): void {
    this.#registry.gauge(metrics.bufferedItems).set(held.items, { signal });
    this.#registry.gauge(metrics.bufferedBytes).set(held.bytes, { signal });
  }
}
