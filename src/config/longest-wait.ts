import type { ThresherConfig } from './declaration.ts';

/** How long after its end the window of a slot closes at the latest, ms: with sessions that is what a trace is waited for at most. */
export function longestWaitMs({ decisionWaitMs, sessionGapMs, sessionMaxMs }: ThresherConfig['windows']['traces']): number {
  return sessionGapMs === null ? decisionWaitMs : Math.max(decisionWaitMs, sessionMaxMs);
}
