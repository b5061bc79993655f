import { messageOf, type CodedError } from '../base/errors.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { CertificateTally } from './certificate-tally.ts';
import { failureText } from './policy-counts-of.ts';
import { RandomnessWatch } from './randomness-watch.ts';
import type { ProcessorObserver } from './processor.ts';
import type { TakenRows } from './signal-intake.ts';
import type { StampCounts } from './stamp-rows.ts';
import type { EarlyDecision } from './early-windows.ts';
import type { Lateness } from './lateness.ts';
import type { ServiceCounts } from './service-counts.ts';
import type { WindowDecision } from './trace-windows.ts';

/** Counts of one service over decided windows. */
export interface ServiceTally {
  items: number;
  truth: number;
  kept: number;
  estimate: number;
}

/** Services that are counted apart; the rest goes under one name. */
const servicesMax = 200;

/** Running counts of one signal, for summaries and the live table. */
export interface SignalTally {
  items: number;
  /** Sum of the input's adjusted counts: what the items stand for. */
  truth: number;
  kept: number;
  /** Sum of the output's adjusted counts over kept items; an item of unknown probability counts one. */
  estimate: number;
  windows: number;
  /** Items of decided windows, and what they stand for. */
  decided: number;
  decidedTruth: number;
  lateKept: number;
  lateDropped: number;
  /** Spans whose trace may have been decided and forgotten. */
  pastHorizon: number;
  /** Traces that were decided before their window. */
  earlyTraces: number;
  policyFailures: number;
  unreadable: number;
  contradicted: number;
  unknown: number;
  mismatches: number;
}

function zero(): SignalTally {
  return {
    items: 0, truth: 0, kept: 0, estimate: 0, windows: 0, decided: 0, decidedTruth: 0, lateKept: 0, lateDropped: 0, pastHorizon: 0, earlyTraces: 0,
    policyFailures: 0, unreadable: 0, contradicted: 0, unknown: 0, mismatches: 0,
  };
}

/** Adds up what a processor does. */
export class TallyObserver implements ProcessorObserver {
  readonly bySignal: { readonly [signal in SampledSignal]: SignalTally } = { traces: zero(), logs: zero() };
  /** Spans of decided windows by service. */
  readonly services = new Map<string, ServiceTally>();
  /** Truth against estimate over all windows, by policy and key. */
  readonly certificates = new CertificateTally();
  /** How the randomness of unsampled traces lies over all windows, by service. */
  readonly randomness = new RandomnessWatch();
  metricsPassed = 0;
  /** Items that a sink did not take. */
  lostItems = 0;
  /** Dropped items that went to sinks which want them. */
  droppedRoutedItems = 0;
  /** Traces that were waited for while they grew, and decided with their window all the same. */
  sessionsCutTraces = 0;
  #firstError: string | null = null;

  /** The first failure of a policy, the engine or a batch, in words. */
  get firstError(): string | null {
    return this.#firstError;
  }

  accepted(signal: Signal, batch: { readonly items: number; readonly taken: TakenRows | null }): void {
    if (signal === 'metrics') {
      this.metricsPassed += batch.items;
      return;
    }
    const tally = this.bySignal[signal];
    tally.items += batch.items;
    tally.truth += batch.taken?.inputs.adjustedCount ?? 0;
    for (const { rows } of batch.taken?.pastHorizon ?? []) tally.pastHorizon += rows;
  }

  refused(_signal: Signal, error: CodedError, _receiver: string): void {
    this.#note(error.message);
  }

  decided(signal: SampledSignal, decision: WindowDecision, counts: StampCounts): void {
    const tally = this.bySignal[signal];
    tally.windows++;
    tally.decided += decision.items;
    tally.decidedTruth += decision.truth;
    this.#addKept(tally, counts);
    for (const service of decision.services) this.#addService(service);
    this.certified(signal, decision);
    this.watched(signal, decision);
    for (const outcome of decision.outcomes) {
      if (outcome.picks !== null) continue;
      tally.policyFailures++;
      this.#note(failureText(outcome));
    }
  }

  /** Adds up how the window's randomness lies. */
  protected watched(_signal: SampledSignal, { randomness }: WindowDecision): ReturnType<RandomnessWatch['add']> {
    return this.randomness.add(randomness ?? []);
  }

  /** Adds the window's certificate up. */
  protected certified(signal: SampledSignal, { certificate }: WindowDecision): ReturnType<CertificateTally['add']> {
    return this.certificates.add(signal, certificate);
  }

  late(signal: SampledSignal, counts: StampCounts, droppedCount: number, _lateness: readonly Lateness[] = []): void {
    const tally = this.bySignal[signal];
    this.#addKept(tally, counts);
    tally.lateKept += counts.kept;
    tally.lateDropped += droppedCount;
  }

  early(signal: SampledSignal, decision: EarlyDecision, counts: StampCounts): void {
    const tally = this.bySignal[signal];
    tally.decided += decision.items;
    tally.decidedTruth += decision.truth;
    tally.earlyTraces += decision.traces.afterRoot + decision.traces.traceSize + decision.traces.atOnce + decision.traces.quiet;
    this.#addKept(tally, counts);
  }

  sessionsCut(traces: number): void {
    this.sessionsCutTraces += traces;
  }

  earlyFailed(signal: SampledSignal, error: unknown): void {
    this.#note(`nothing of the ${signal} could be decided before its window: ${messageOf(error)}`);
  }

  mismatch(key: string, count: number): void {
    this.bySignal.traces.mismatches += count;
    this.#note(`${count} values of attribute ${key} have another type than the policy reads, and read as NULL`);
  }

  /** Windows that were closed before they were due. */
  closedEarlyCount = 0;

  closedEarly(_signal: SampledSignal): void {
    this.closedEarlyCount++;
  }

  pressed(_fullness: number): void {}

  relieved(_windows: number): void {}

  stressChanged(_probability: number, _before: number): void {}

  engineError(signal: SampledSignal, error: unknown): void {
    this.bySignal[signal].policyFailures++;
    this.#note(`a window of ${signal} went by the fallback: ${messageOf(error)}`);
  }

  policiesInForce(_signal: SampledSignal, _generation: number): void {}

  unreadable(signal: SampledSignal, rows: number, error: unknown): void {
    this.bySignal[signal].unreadable += rows;
    this.#note(`${rows} items could not be read again: ${messageOf(error)}`);
  }

  droppedRouted(_signal: SampledSignal, rows: number): void {
    this.droppedRoutedItems += rows;
  }

  waiting(_signal: SampledSignal, _sink: string, _lots: number): void {}

  lost(_signal: Signal, sink: string, rows: number, error: unknown): void {
    this.lostItems += rows;
    this.#note(`${rows} items were not taken by ${sink}: ${messageOf(error)}`);
  }

  #addKept(tally: SignalTally, counts: StampCounts): void {
    tally.kept += counts.kept;
    tally.estimate += counts.estimate;
    tally.unknown += counts.unknown;
    tally.contradicted += counts.contradicted;
  }

  #addService({ name, ...counts }: ServiceCounts): void {
    const key = this.services.has(name) || this.services.size < servicesMax ? name : '(others)';
    const tally = this.services.get(key) ?? { items: 0, truth: 0, kept: 0, estimate: 0 };
    tally.items += counts.items;
    tally.truth += counts.truth;
    tally.kept += counts.kept;
    tally.estimate += counts.estimate;
    this.services.set(key, tally);
  }

  #note(message: string): void {
    this.#firstError ??= message;
  }
}
