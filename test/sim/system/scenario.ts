import { mulberry } from '../../support/mulberry.ts';

/** What a run is like; all of it from the seed. Times in ms of its clock. */
export interface Scenario {
  readonly seed: number;
  /** How long services make telemetry. */
  readonly activeMs: number;
  readonly lengthMs: number;
  readonly waitMs: number;
  readonly horizonMs: number;
  readonly pastHorizon: 'policy' | 'fallback' | 'drop';
  readonly waitAfterRootMs: number | null;
  readonly spansMax: number | null;
  /** Traces are decided at once when their outcome can no longer change. */
  readonly isAtOnce: boolean;
  /** Traces are waited for while they grow. */
  readonly sessions: { readonly gapMs: number; readonly maxMs: number } | null;
  readonly memoryLimitBytes: number;
  readonly softLimit: number | null;
  readonly isDurable: boolean;
  readonly sync: 'fsync' | 'async';
  /** Batches that wait leave memory. */
  readonly retainsOnDisk: boolean;
  /** After so many operations of the disk each process dies; as many processes as there are entries, and one more. */
  readonly crashes: readonly { readonly afterOperations: number; readonly by: 'kill' | 'powerLoss' }[];
  readonly disk: { readonly shortWrite: number; readonly writeError: number; readonly syncError: number };
  /** When the disk takes no more. */
  readonly diskAway: { readonly fromMs: number; readonly toMs: number; readonly by: 'full' | 'readOnly' } | null;
  readonly network: { readonly lost: number; readonly answerLost: number; readonly delayed: number };
  readonly backend: { readonly latencyMs: number; readonly failing: number; readonly answerLost: number; readonly downFromMs: number; readonly downToMs: number; readonly queueBytesMax: number };
  /** The next hop takes OTLP as it came. */
  readonly splices: boolean;
  /** What is dropped goes to a next hop of its own. */
  readonly routesDropped: boolean;
  /** The chance that a call of the engine takes until the clock moves. */
  readonly slowEngine: number;
  /** The set of policies in force from a time on; the first at 0. */
  readonly policies: readonly { readonly atMs: number; readonly set: number }[];
  /** When the main thread is late, so that stress relief takes less in; null where it is off. */
  readonly relief: { readonly fromMs: number; readonly toMs: number } | null;
  /** The probability that items are taken in with from a time on, whatever the load is. */
  readonly stress: readonly { readonly atMs: number; readonly p: number }[];
}

const activeMs = 30_000;

export function scenarioOf(seed: number): Scenario {
  const chance = mulberry(seed * 2654435761);
  const one = <T>(...of: readonly T[]): T => of[Math.floor(chance() * of.length)];
  const some = (share: number): boolean => chance() < share;
  const at = (): number => Math.round(chance() * activeMs);
  const isDurable = some(0.5);
  const hasDiskFaults = isDurable && some(0.3);
  const downFromMs = some(0.3) ? at() : Infinity;
  const isTight = some(0.3);
  const relief = some(0.2) ? spanOf(at(), 5000, {}) : null;
  const scenario: Omit<Scenario, 'sessions'> = {
    seed, activeMs, lengthMs: one(4000, 8000), waitMs: one(0, 4000, 8000), horizonMs: one(15_000, 60_000, 60_000), pastHorizon: one('policy', 'fallback', 'drop'),
    waitAfterRootMs: some(0.3) ? one(1000, 3000) : null, spansMax: some(0.3) ? 5 : null, isAtOnce: some(0.2),
    memoryLimitBytes: isTight ? one(250_000, 400_000) : 2 ** 28, softLimit: some(0.5) ? 0.6 : null,
    isDurable, sync: some(0.3) ? 'async' : 'fsync', retainsOnDisk: isDurable && some(0.3), diskAway: isDurable && some(0.2) ? spanOf(at(), 6000, { by: one('full', 'readOnly') }) : null,
    crashes: isDurable ? Array.from({ length: one(0, 1, 1, 2, 3) }, () => ({ afterOperations: 3 + Math.floor(chance() * 80), by: one('kill', 'powerLoss') })) : [],
    disk: { shortWrite: isDurable ? 0.1 : 0, writeError: hasDiskFaults ? 0.01 : 0, syncError: hasDiskFaults ? 0.01 : 0 },
    network: { lost: one(0, 0.1), answerLost: one(0, 0.1, 0.3), delayed: one(0, 0.2, 0.5) },
    backend: { latencyMs: one(0, 500, 3000), failing: one(0, 0.2), answerLost: one(0, 0.1), downFromMs, downToMs: downFromMs + 12_000, queueBytesMax: one(2000, 20_000, isTight ? 60_000 : 1e9) },
    splices: some(0.5), routesDropped: some(0.3), slowEngine: some(0.3) ? 0.1 : 0,
    policies: [{ atMs: 0, set: one(0, 0, 1, 1, 2) }, ...(some(0.4) ? [{ atMs: at(), set: one(0, 1, 2) }] : [])],
    relief, stress: relief === null && some(0.3) ? [{ atMs: at(), p: one(0.3, 0.6) }, { atMs: at(), p: one(0.5, 1) }].sort((a, b) => a.atMs - b.atMs) : [],
  };
  const hasSessions = mulberry(seed * 2654435761 + 1)() < 0.3 && scenario.waitAfterRootMs === null && scenario.horizonMs > 30_000;
  return { ...scenario, sessions: hasSessions ? { gapMs: 3000, maxMs: scenario.waitMs + 12_000 } : null };
}

function spanOf<T>(fromMs: number, lengthMs: number, more: T): { readonly fromMs: number; readonly toMs: number } & T {
  return { fromMs, toMs: fromMs + lengthMs, ...more };
}

/** Whether a time is within a span; never where there is none. */
export function isWithin(span: { readonly fromMs: number; readonly toMs: number } | null, ms: number): boolean {
  return span !== null && ms >= span.fromMs && ms < span.toMs;
}
