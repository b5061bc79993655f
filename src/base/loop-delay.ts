import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 20;

/** Begins to sample how late the event loop is; gives a function that says the mean delay (ms) since it was last asked. Keeps no process alive. */
export function measureLoopDelay(): () => number {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  return () => {
    const meanMs = delay.count === 0 ? 0 : delay.mean / 1e6;
    delay.reset();
    return Math.max(0, meanMs - resolutionMs);
  };
}
