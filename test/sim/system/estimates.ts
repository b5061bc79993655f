import type { SampledSignal } from '../../../src/store/slot-plan.ts';
import { keyOf, type SimItem } from './items.ts';
import { decidesAnew, spansTime } from './checks.ts';
import type { RunRecord } from './simulate.ts';

/** Sums over traces of what their items that left stand for, less how many items there were. */
export class Estimates {
  readonly #sums: { readonly [signal in SampledSignal]: { off: number; squares: number; truth: number } } = { traces: { off: 0, squares: 0, truth: 0 }, logs: { off: 0, squares: 0, truth: 0 } };

  add(run: RunRecord): void {
    for (const signal of ['traces', 'logs'] as const) for (const items of unitsOf(run, signal)) this.#unit(run, signal, items);
  }

  /** Standard deviations between estimate and truth, and their ratio. */
  of(signal: SampledSignal): { readonly z: number; readonly ratio: number } {
    const { off, squares, truth } = this.#sums[signal];
    return { z: squares === 0 ? 0 : off / Math.sqrt(squares), ratio: truth === 0 ? 1 : 1 + off / truth };
  }

  #unit({ backend }: RunRecord, signal: SampledSignal, items: readonly SimItem[]): void {
    const counts = countsOf(backend.received);
    const sum = this.#sums[signal];
    const off = items.reduce((total, item) => total + (counts.get(keyOf(item)) ?? 0), 0) - items.length;
    sum.off += off;
    sum.squares += off * off;
    sum.truth += items.length;
  }
}

const counted = new WeakMap<readonly object[], Map<string, number>>();

function countsOf(received: RunRecord['backend']['received']): Map<string, number> {
  const counts = counted.get(received) ?? new Map(received.map(({ key, count }) => [key, count]));
  counted.set(received, counts);
  return counts;
}

/**
 * Items by trace, with those that upstream left out. Left out are those of which nobody can say what they should come to: traces that outlived the memory
 * of their decision, all spans of runs that drop what is past the horizon, runs that
 * decide anew what was sent, and records that came more than once.
 */
function unitsOf(run: RunRecord, signal: SampledSignal): SimItem[][] {
  const { ledger, scenario } = run;
  if (decidesAnew(run) || (signal === 'traces' && scenario.pastHorizon === 'drop')) return [];
  const batches = run.batches.filter((batch) => batch.signal === signal && (signal === 'traces' || (ledger.arrivals.get(batch.number) ?? 1) === 1));
  const units = Map.groupBy(batches.flatMap(({ items, leftOut }) => [...items, ...leftOut]), ({ trace, number }) => trace ?? String(number));
  return [...units.values()].filter((items) => signal === 'logs' || !spansTime(run, items.flatMap((item) => ledger.items.get(keyOf(item)) ?? [])));
}
