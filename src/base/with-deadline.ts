import type { Seam } from './seam.ts';

/** What `work` comes to; where it is not done after `ms`, `onLate` is called, which should make it end. Throws what the two throw. */
export async function withDeadline<T>(seam: Seam, ms: number, onLate: () => void, work: () => Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = seam.sleepMs(ms, done.signal).then(onLate, () => {});
  try {
    return await work();
  } finally {
    done.abort();
    await late;
  }
}
