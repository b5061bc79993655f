import type { Seam } from '../base/seam.ts';
import type { DecodeLimits } from '../otap/decode/limits.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import type { PolicyLimits } from '../policy/window-policies.ts';
import type { SpillLimits } from '../store/duckdb.ts';
import type { KeyColumn } from '../store/key-columns.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import type { CertificateDetail } from './certificate.ts';
import type { Combine } from './combining.ts';
import type { IntakeObserver, LogRandomness } from './batch-taker.ts';
import type { EarlyClosingObserver } from './early-closing.ts';
import type { HeadSink } from './head-counts.ts';
import type { Lateness } from './lateness.ts';
import type { Journal } from './journal/journal.ts';
import type { LinkedBy } from './linked-groups.ts';
import type { EarlyDecision } from './early-windows.ts';
import type { TraceLimits } from './open-traces.ts';
import type { SessionOptions } from './quiet-slots.ts';
import type { PastHorizon } from './past-horizon.ts';
import type { RetainedStore } from './retained-store.ts';
import type { RootSays } from './root-inputs.ts';
import type { TimeSource } from './signal-intake.ts';
import type { BatchSink } from './sink.ts';
import type { SinkRoutes } from './sink-routes.ts';
import type { StampCounts } from './stamp-rows.ts';
import type { StressOptions } from './stress-relief.ts';
import type { Fallback, WindowDecision } from './window-decision.ts';

/** What is decided before its window; cannot go with linked traces. */
export interface EarlyOptions {
  /** How long after its root a trace is decided, null where that makes no difference. */
  readonly waitAfterRootMs: number | null;
  /** Traces larger than this are decided early; null where there are no limits. */
  readonly limits: TraceLimits | null;
  /** Whether traces are decided at once whose outcome can no longer change; not where it is left out. */
  readonly isAtOnce?: boolean;
  /** How traces are waited for while they grow, in windows whose wait is the longest; left out or null where they are not. */
  readonly sessions?: SessionOptions | null;
}

export interface ProcessorOptions {
  readonly seam: Seam;
  readonly time: TimeSource;
  readonly windows: { readonly tracesLengthMs: number; readonly tracesWaitMs: number; readonly logsLengthMs: number; readonly linked?: LinkedBy | null; readonly early?: EarlyOptions; readonly rootSays?: RootSays | null };
  /** The first set; `usePolicies` replaces it. */
  readonly policies: readonly CompiledPolicy[];
  /** How enforce policies come together; `union` by default. */
  readonly combine?: Combine;
  /** Whether kept items say which policies kept them (attribute `sampling.policy`). */
  readonly hasPolicyAttribute?: boolean;
  readonly limits: PolicyLimits;
  readonly fallback: Fallback;
  readonly memoryLimitBytes: number;
  /** The part of it that is DuckDB's (memory-shares.ts); half by default. */
  readonly duckdbShare?: number;
  /** How full memory is when windows are closed early, a fraction; never where it is left out, and in a replay by the items' own time. */
  readonly softLimit?: number;
  /** Where DuckDB may spill what does not fit into its part; nowhere where it is left out. */
  readonly spill?: SpillLimits | null;
  /** Keys hash tables against input that is made to collide; decides nothing. */
  readonly hashSeed?: number;
  /** Trusted SQL that every session needs: the sampling macros. */
  readonly setupSql: readonly string[];
  /** Remembered decisions of one generation; two are held. */
  readonly decisionsMax: number;
  /** How long decisions are remembered; where it is left out, as long as there is room. */
  readonly horizonMs?: number;
  /** What becomes of spans whose trace may have been decided and forgotten, N for those that go by the fallback; left out: they are taken for new ones. */
  readonly pastHorizon?: Pick<PastHorizon, 'by' | 'n'>;
  readonly batchRowsMax: number;
  readonly decodeLimits: Partial<DecodeLimits>;
  readonly sinks: readonly BatchSink[];
  /** Which of the sinks get what; where it is left out each gets all that is kept. */
  readonly routes?: SinkRoutes;
  /** When less is taken in, for stress; never where it is left out. */
  readonly stress?: StressOptions;
  /** Keys that the processor reads for its own telemetry. */
  readonly extraKeys: readonly Pick<KeyColumn, 'source' | 'key' | 'type'>[];
  readonly observer: ProcessorObserver;
  /** The log of what is taken and decided; nothing is durable where it is left out. `Processor.recover` must be called then, before anything is taken. */
  readonly journal?: Journal | null;
  /** Where batches that wait leave memory to; they stay where it is left out. With a journal its own segments (journal/journal-bodies.ts). */
  readonly retained?: RetainedStore | null;
  /** Whose randomness log records have; their traces' where it is left out. */
  readonly logRandomness?: LogRandomness;
  /** Who tells senders how much of their traces is needed; nothing is counted for it where it is left out. */
  readonly head?: HeadSink | null;
  /** How finely windows certify themselves; not at all where it is left out. */
  readonly certificate?: CertificateDetail;
}

/** Told what the processor does; counts and logs, and nothing else. */
export interface ProcessorObserver extends IntakeObserver, EarlyClosingObserver {
  decided(signal: SampledSignal, decision: WindowDecision, counts: StampCounts): void;
  late(signal: SampledSignal, counts: StampCounts, droppedCount: number, lateness: readonly Lateness[]): void;
  /** Some traces of an open slot were decided before its window. */
  early(signal: SampledSignal, decision: EarlyDecision, counts: StampCounts): void;
  /** So many traces were decided with a window that closed though some of its traces may not have ended. */
  sessionsCut(traces: number): void;
  /** Nothing could be decided early; it will be tried again, or the window decides. */
  earlyFailed(signal: SampledSignal, error: unknown): void;
  /** Stress relief takes items in with another probability from now on. */
  stressChanged(probability: number, before: number): void;
  mismatch(key: string, count: number): void;
  engineError(signal: SampledSignal, error: unknown): void;
  /** A set of policies begins to decide the signal's windows; the first is number 1. */
  policiesInForce(signal: SampledSignal, generation: number): void;
  unreadable(signal: SampledSignal, rows: number, error: unknown): void;
  /** So many dropped rows went to the sinks that want them. */
  droppedRouted(signal: SampledSignal, rows: number): void;
  /** So many windows, and lots of late items, wait on the disk for a sink that takes too little. */
  waiting(signal: SampledSignal, sink: string, lots: number): void;
  /** A sink did not take rows. */
  lost(signal: Signal, sink: string, rows: number, error: unknown): void;
}
