import { argument } from './children.ts';
import type { HeldPerItem } from './held.ts';
import { heldPerItem } from './held.ts';
import { liveOnce, type LiveOptions } from './live.ts';
import { coresAllowed, type Cost, peakRssBytes, startMeter } from './meter.ts';
import { profiled } from './profile.ts';
import { arrowReader } from './read-arrow.ts';
import { ownReader } from './read-own.ts';
import { costOfReader, firstMessages } from './readers.ts';
import { replayOnce, type ReplayCounts, type ReplayOptions } from './replay.ts';
import { type SamplingCost, samplingCosts } from './sampling.ts';

/** What a measured process is asked to do; the first round warms up and does not count. */
export type Task =
  | { readonly kind: 'replay'; readonly options: ReplayOptions; readonly rounds: number; readonly profile: string | null }
  | { readonly kind: 'live'; readonly options: LiveOptions; readonly rounds: number; readonly profile: string | null }
  | { readonly kind: 'held'; readonly options: ReplayOptions; readonly itemsPerSecond: number }
  | { readonly kind: 'readers'; readonly input: string; readonly items: number; readonly batchRows: number; readonly rounds: number }
  | { readonly kind: 'sampling'; readonly rounds: number };

/** Rounds of the whole path. */
export interface PathResult {
  readonly rounds: readonly { readonly counts: ReplayCounts; readonly cost: Cost; readonly windowsDue?: number; readonly windowsInTime?: number }[];
  readonly peakRssBytes: number;
  readonly cores: string | null;
}

export interface ReadersResult {
  /** CPU microseconds a span. */
  readonly own: number;
  readonly arrow: number;
}

export type TaskResult = PathResult | HeldPerItem | ReadersResult | readonly SamplingCost[];

/** Does one task in this process. */
export async function perform(task: Task): Promise<TaskResult> {
  switch (task.kind) {
    case 'replay': return rounds(task, async () => {
      const meter = startMeter();
      return { counts: await replayOnce(task.options), cost: meter() };
    });
    case 'live': return rounds(task, () => liveOnce(task.options));
    case 'held': return heldPerItem(task.options, task.itemsPerSecond);
    case 'sampling': return samplingCosts(task.rounds);
    case 'readers': {
      const messages = firstMessages(task.input, task.items, task.batchRows);
      return { own: costOfReader(ownReader, messages, task.batchRows, task.rounds), arrow: costOfReader(arrowReader, messages, task.batchRows, task.rounds) };
    }
  }
}

type Round = PathResult['rounds'][number];

async function rounds({ rounds: count, profile }: { readonly rounds: number; readonly profile: string | null }, once: () => Promise<Round>): Promise<PathResult> {
  await once();
  const all = async (): Promise<Round[]> => {
    const done: Round[] = [];
    for (let round = 0; round < count; round++) done.push(await once());
    return done;
  };
  const done = profile === null ? await all() : await profiled(profile, all);
  return { rounds: done, peakRssBytes: peakRssBytes(), cores: coresAllowed() };
}

if (import.meta.main) {
  const result = await perform(argument() as Task);
  process.send?.(result, () => process.exit());
}
