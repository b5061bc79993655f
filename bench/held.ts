import { HeldBatch } from '../src/store/held-batch.ts';
import { settledRssBytes } from './meter.ts';
import { feedFile, openReplay, type ReplayOptions } from './replay.ts';

/** What a buffered item holds, bytes. */
export interface HeldPerItem {
  /** Items in open windows when it was measured: just before the first window closed. */
  readonly items: number;
  /** As the processor counts it: retained batches with their layouts. */
  readonly retained: number;
  /** As the processor counts it: columns and texts in DuckDB's tables. */
  readonly tables: number;
  /** As the operating system sees it: what the resident size grew from a fifth of the items to all of them. */
  readonly rss: number;
}

/**
 * Fills windows until the first is about to close. Run in a process of its own with --expose-gc, since memory that was
 * used before would be used again.
 */
export async function heldPerItem(options: ReplayOptions, itemsPerSecond: number): Promise<HeldPerItem> {
  const retained = countRetained();
  const itemsMax = Math.floor(Math.min(options.itemsMax, ((options.windowMs + options.waitMs) / 1000) * itemsPerSecond) * 0.97);
  const open = await openReplay(options);
  try {
    let start: { readonly items: number; readonly rss: number } | null = null;
    await feedFile({ ...options, itemsMax }, open, (items) => {
      if (start === null && items >= itemsMax / 5) start = { items, rss: settledRssBytes() };
    });
    const { items, bytes } = open.processor.held(options.signal);
    const from = start ?? { items: 0, rss: 0 };
    if (open.observer.bySignal[options.signal].windows > 0) throw new Error('a window closed before memory was measured');
    return { items, retained: retained() / items, tables: bytes / items, rss: (settledRssBytes() - from.rss) / (items - from.items) };
  } finally {
    await open.close();
  }
}

/** Follows what all retained batches of the process hold, which the processor keeps to itself. */
function countRetained(): () => number {
  const { hold, release } = HeldBatch.prototype;
  const holders = new Map<HeldBatch, number>();
  HeldBatch.prototype.hold = function held(this: HeldBatch): void {
    holders.set(this, (holders.get(this) ?? 0) + 1);
    hold.call(this);
  };
  HeldBatch.prototype.release = function released(this: HeldBatch): void {
    const left = (holders.get(this) ?? 0) - 1;
    if (left === 0) holders.delete(this);
    else holders.set(this, left);
    release.call(this);
  };
  return () => [...holders.keys()].reduce((sum, batch) => sum + batch.byteLength, 0);
}
