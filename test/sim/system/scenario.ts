import { mulberry } from '../../support/mulberry.ts';

/** What a run is like; all of it from the seed. Times in ms of its clock. */
export interface Scenario {
  readonly seed: number;
  readonly lengthMs: number;
  readonly waitMs: number;
  readonly horizonMs: number;
  readonly pastHorizon: 'policy' | 'fallback' | 'drop';
  readonly waitAfterRootMs: number | null;
  readonly spansMax: number | null;
  readonly memoryLimitBytes: number;
  readonly softLimit: number | null;
  readonly isDurable: boolean;
  /** After so many operations of the disk each process dies; as many processes as there are entries, and one more. */
  readonly crashes: readonly { readonly afterOperations: number; readonly by: 'kill' | 'powerLoss' }[];
  readonly disk: { readonly shortWrite: number; readonly writeError: number; readonly syncError: number };
  readonly network: { readonly lost: number; readonly answerLost: number; readonly delayed: number };
  readonly backend: { readonly latencyMs: number; readonly failing: number; readonly answerLost: number; readonly downFromMs: number; readonly downToMs: number; readonly queueBytesMax: number };
  /** The chance that a call of the engine takes until the clock moves. */
  readonly slowEngine: number;
  /** The set of policies in force from a time on; the first at 0. */
  readonly policies: readonly { readonly atMs: number; readonly set: number }[];
  /** The probability that stress relief takes items in with. */
  readonly stress: readonly { readonly atMs: number; readonly p: number }[];
}

/** How long services make telemetry. */
export const activeMs = 30_000;

export function scenarioOf(seed: number): Scenario {
  const chance = mulberry(seed * 2654435761);
  const one = <T>(...of: readonly T[]): T => of[Math.floor(chance() * of.length)];
  const some = (share: number): boolean => chance() < share;
  const at = (): number => Math.round(chance() * activeMs);
  const isDurable = some(0.5);
  const slowEngine = mulberry(seed * 2654435761 + 1)() < 0.3 ? 0.1 : 0;
  // What is decided before its window cannot be logged yet.
  const early = <T>(of: T): T | null => (isDurable ? null : of);
  const hasDiskFaults = isDurable && some(0.3);
  const downFromMs = some(0.3) ? at() : Infinity;
  const isTight = some(0.3);
  return {
    seed, lengthMs: one(4000, 8000), waitMs: one(0, 4000, 8000), horizonMs: one(15_000, 60_000, 60_000), pastHorizon: one('policy', 'fallback', 'drop'),
    waitAfterRootMs: early(some(0.3) ? one(1000, 3000) : null), spansMax: early(some(0.3) ? 5 : null),
    memoryLimitBytes: isTight ? one(250_000, 400_000) : 2 ** 28, softLimit: some(0.5) ? 0.6 : null, isDurable,
    crashes: isDurable ? Array.from({ length: one(0, 1, 1, 2, 3) }, () => ({ afterOperations: 3 + Math.floor(chance() * 80), by: one('kill', 'powerLoss') })) : [],
    disk: { shortWrite: isDurable ? 0.1 : 0, writeError: hasDiskFaults ? 0.01 : 0, syncError: hasDiskFaults ? 0.01 : 0 },
    network: { lost: one(0, 0.1), answerLost: one(0, 0.1, 0.3), delayed: one(0, 0.2, 0.5) },
    backend: { latencyMs: one(0, 500, 3000), failing: one(0, 0.2), answerLost: one(0, 0.1), downFromMs, downToMs: downFromMs + 12_000, queueBytesMax: one(2000, 1e9, 1e9) },
    slowEngine,
    policies: [{ atMs: 0, set: one(0, 0, 1, 1, 2) }, ...(some(0.4) ? [{ atMs: at(), set: one(0, 1, 2) }] : [])],
    stress: some(0.3) ? [{ atMs: at(), p: one(0.3, 0.6) }, { atMs: at(), p: one(0.5, 1) }].sort((a, b) => a.atMs - b.atMs) : [],
  };
}
