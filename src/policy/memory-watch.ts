import type { Seam } from '../base/seam.ts';

/** How often it is looked, ms. */
const lookMs = 50;

/** What a query may take beside what DuckDB itself counts, bytes. */
export const memoryGrowthMax = 2 ** 30;

/**
 * Calls `onExceeded` once the process holds `growthMaxBytes` more than at the start, JavaScript's own memory not counted, until `stop` is
 * aborted. DuckDB's memory_limit does not see what mode(), entropy(), histogram() and quantiles collect: 2 GB in 4 s.
 */
export async function watchMemory(growthMaxBytes: number, seam: Seam, stop: AbortSignal, onExceeded: () => void): Promise<void> {
  const start = nativeBytes();
  while (!stop.aborted) {
    await seam.sleepMs(lookMs, stop).catch(() => undefined);
    if (!stop.aborted && nativeBytes() - start > growthMaxBytes) return onExceeded();
  }
}

function nativeBytes(): number {
  const { rss, heapTotal, external } = process.memoryUsage();
  return rss - heapTotal - external;
}
