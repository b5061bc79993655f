import type { Seam } from '../base/seam.ts';
import type { BatchSink } from './sink.ts';

export interface DrainTimes {
  /** For deciding and exporting together. */
  readonly deadlineMs: number;
  /** A sink that has something to send, and of which nothing is acknowledged for this long, is waited for no longer. */
  readonly stallMs: number;
}

/**
 * The end: `decide` brings what is open to the sinks, then these send what waits. Nobody waits for a sink that makes no progress: its queue
 * drops from then on, and when all is decided it gives up what it has. At the deadline all give up. Resolves with whether all was decided by
 * then; what sinks gave up they have counted. Rejects as `decide` does.
 */
export async function drainSinks(decide: () => Promise<void>, sinks: readonly BatchSink[], seam: Seam, { deadlineMs, stallMs }: DrainTimes): Promise<boolean> {
  const startMs = seam.monotonicMs();
  const over = new AbortController();
  try {
    const stalls = sinks.map((sink) => stalled(sink, seam, stallMs, over.signal));
    stalls.forEach((stall, index) => void stall.then(() => sinks[index].dropWhenFull?.()));
    const isDecided = await within(deadlineMs, seam, decide());
    if (!isDecided) for (const sink of sinks) sink.dropWhenFull?.();
    const leftMs = isDecided ? Math.max(0, startMs + deadlineMs - seam.monotonicMs()) : 0;
    await Promise.all(sinks.map((sink, index) => drained(sink, leftMs, stalls[index])));
    return isDecided;
  } finally {
    over.abort();
  }
}

/** A sink that is told to drain again, at once, gives up what it has. */
async function drained(sink: BatchSink, deadlineMs: number, stall: Promise<void>): Promise<void> {
  let isDrained = false;
  void stall.then(() => (isDrained ? undefined : sink.drain(0)));
  await sink.drain(deadlineMs).finally(() => { isDrained = true; });
}

/** Resolves when the sink has made no progress for `stallMs`; never where it does, or `over` comes first. */
async function stalled(sink: BatchSink, seam: Seam, stallMs: number, over: AbortSignal): Promise<void> {
  let seen = sink.delivered;
  let sinceMs = seam.monotonicMs();
  for (;;) {
    const isOver = await seam.sleepMs(Math.min(250, stallMs), over).then(() => false, () => true);
    if (isOver) return new Promise(() => {});
    const nowMs = seam.monotonicMs();
    if (sink.queuedBytes === 0 || sink.delivered !== seen) sinceMs = nowMs;
    seen = sink.delivered;
    if (nowMs - sinceMs >= stallMs) return undefined;
  }
}

/** Whether `work` was done within `ms`. */
async function within(ms: number, seam: Seam, work: Promise<void>): Promise<boolean> {
  const timer = new AbortController();
  const late = seam.sleepMs(ms, timer.signal).then(() => false, () => false);
  return Promise.race([work.then(() => true), late]).finally(() => timer.abort());
}
