import type { Seam } from '../base/seam.ts';

/** How a query ended: in time, after it was interrupted, or not at all. */
export type Timed<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'stopped' } | { readonly kind: 'running' };

/** How long an interrupted query may take to stop before its connection is given up, ms. */
const graceMs = 250;

/**
 * Runs `query`; at `deadlineMs` calls `interrupt` and waits no longer than a short grace. Some of DuckDB's functions do not look
 * for an interrupt: then the answer is `running`, and the query goes on without anybody listening. Errors of a
 * query that ends in time are thrown.
 */
export async function withinDeadline<T>(query: Promise<T>, interrupt: () => void, deadlineMs: number, seam: Seam): Promise<Timed<T>> {
  const timer = new AbortController();
  const done = query.then((value): Timed<T> => ({ kind: 'done', value }));
  const first = await Promise.race([done, pause(deadlineMs, seam, timer.signal)]).finally(() => timer.abort());
  if (first !== null) return first;
  interrupt();
  const grace = new AbortController();
  const stopped = query.then((): Timed<T> => ({ kind: 'stopped' }), (): Timed<T> => ({ kind: 'stopped' }));
  const second = await Promise.race([stopped, pause(graceMs, seam, grace.signal)]).finally(() => grace.abort());
  return second ?? { kind: 'running' };
}

async function pause(ms: number, seam: Seam, signal: AbortSignal): Promise<null> {
  try {
    await seam.sleepMs(ms, signal);
  } catch {
    // Aborted: the race is over.
  }
  return null;
}
