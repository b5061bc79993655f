import type { OtapBatch } from '../../otap/batch.ts';
import type { WindowDecision } from '../../pipeline/trace-windows.ts';
import type { OpenPolicies } from '../../policies.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import type { GivenItems } from '../given/given-items.ts';
import type { TraceKeys } from '../given/trace-keys.ts';
import { type Items, readItems } from '../kept-items.ts';
import { PipelineRun, type RunListener, type RunSettings } from '../pipeline-run.ts';

/** What is kept of one window. */
export interface WindowSums {
  readonly traces: Set<string>;
  spans: number;
  logs: number;
  bytes: number;
}

/** What came out of a run: kept items, and sums by window. */
export interface Kept {
  readonly items: readonly Items[];
  readonly windows: ReadonlyMap<number, WindowSums>;
  /** The first failure of a policy or of the engine; null where there was none. */
  readonly error: string | null;
}

function noSums(): WindowSums {
  return { traces: new Set(), spans: 0, logs: 0, bytes: 0 };
}

/** Gathers what is kept; `take` empties it. */
export class Gathered implements RunListener {
  #items: Items[] = [];
  #windows = new Map<number, WindowSums>();
  readonly #open: { readonly [signal in SampledSignal]: WindowSums[] } = { traces: [], logs: [] };
  readonly #withoutThreshold: RunSettings['inputWithoutThreshold'];

  constructor(withoutThreshold: RunSettings['inputWithoutThreshold']) {
    this.#withoutThreshold = withoutThreshold;
  }

  kept(batch: OtapBatch, bytes: number): void {
    const items = readItems(batch, this.#withoutThreshold);
    this.#items.push(items);
    const isSpans = items.signal === 'traces';
    this.#open[items.signal].push({ traces: new Set(isSpans ? items.traceIds : []), spans: isSpans ? items.count : 0, logs: isSpans ? 0 : items.count, bytes });
  }

  decided(signal: SampledSignal, { slot }: WindowDecision): void {
    const window = this.#windows.get(slot) ?? noSums();
    this.#windows.set(slot, window);
    for (const part of this.#open[signal].splice(0)) {
      part.traces.forEach((id) => window.traces.add(id));
      window.spans += part.spans;
      window.logs += part.logs;
      window.bytes += part.bytes;
    }
  }

  take(): { readonly items: readonly Items[]; readonly windows: ReadonlyMap<number, WindowSums> } {
    const taken = { items: this.#items, windows: this.#windows };
    this.#items = [];
    this.#windows = new Map();
    return taken;
  }
}

/** What is given, with one seed's ids. */
export interface NamedItems {
  readonly items: GivenItems;
  readonly keys: TraceKeys;
  readonly ids: Uint8Array;
}

/** Runs everything given once, under one seed's ids. */
export async function runOnce(compiled: OpenPolicies, settings: RunSettings, { items, keys, ids }: NamedItems): Promise<Kept> {
  const gathered = new Gathered(settings.inputWithoutThreshold);
  const run = await PipelineRun.open(compiled, settings, gathered);
  try {
    for (const number of items.batches.keys()) await run.give(keys.renamed(number, ids, 0n));
    await run.drain();
    return { ...gathered.take(), error: run.tally.firstError };
  } finally {
    run.close();
  }
}
