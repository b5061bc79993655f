import { chiSquareUniform } from '../audit/uniform-sample.ts';

/** Equal parts of R's range that traces are counted in. */
export const randomnessBins = 64;

/** How the randomness of traces that came as unsampled lies, for one key of a window. */
export interface RandomnessCounts {
  readonly key: string;
  /** Traces in each of 64 equal parts of [0, 2^56). */
  readonly bins: Uint32Array;
}

/** What is known of one key over windows. */
export interface WatchedRandomness {
  readonly key: string;
  readonly bins: Float64Array;
  count: number;
  /** Half the sum of differences from equal shares: 0 even, 1 all in one place. */
  distance: number;
  isSuspect: boolean;
}

const keysMax = 201;
/** The test is repeated after each window, for each key, for as long as the process runs; so it asks for more than a test made once. */
const level = 1e-9;
/** A suspicion stays until the test is passed at this level, so that it does not come and go. */
const calmLevel = 1e-3;
/** Less than this is true of any generator, given enough traces, and spoils no count. */
const distanceMin = 0.01;
const countMin = 200;
/** Beyond this, counts are halved: what was long ago is forgotten, and the test only becomes less sharp by it. */
const countMax = 2 ** 20;

/**
 * The running test that input which says nothing of sampling is unsampled (sampling.md, rule 4): its R must be uniform, for each service. What
 * it finds: legacy ratio samplers, thresholds that were lost on the way, broken id generators.
 */
export class RandomnessWatch {
  readonly #keys = new Map<string, WatchedRandomness>();

  get keys(): Iterable<WatchedRandomness> {
    return this.#keys.values();
  }

  /** Adds a window; gives what it touched, and of that what became suspect by it. */
  add(counts: readonly RandomnessCounts[]): { readonly touched: readonly WatchedRandomness[]; readonly suspects: readonly WatchedRandomness[] } {
    const touched = counts.flatMap(({ key, bins }) => this.#addKey(key, bins) ?? []);
    const suspects = touched.filter((watched) => {
      const before = watched.isSuspect;
      judge(watched);
      return watched.isSuspect && !before;
    });
    return { touched, suspects };
  }

  #addKey(key: string, bins: Uint32Array): WatchedRandomness | null {
    const known = this.#keys.get(key);
    if (known === undefined && this.#keys.size >= keysMax) return null;
    const watched = known ?? { key, bins: new Float64Array(randomnessBins), count: 0, distance: 0, isSuspect: false };
    this.#keys.set(key, watched);
    bins.forEach((count, bin) => { watched.bins[bin] += count; });
    watched.count = watched.bins.reduce((sum, count) => sum + count, 0);
    if (watched.count > countMax) halve(watched);
    return watched;
  }
}

function halve(watched: WatchedRandomness): void {
  for (let bin = 0; bin < watched.bins.length; bin++) watched.bins[bin] /= 2;
  watched.count /= 2;
}

function judge(watched: WatchedRandomness): void {
  const { bins, count } = watched;
  watched.distance = count === 0 ? 0 : bins.reduce((sum, seen) => sum + Math.abs(seen / count - 1 / bins.length), 0) / 2;
  watched.isSuspect = count >= countMin && watched.distance > distanceMin && chiSquareUniform(bins, count) < (watched.isSuspect ? calmLevel : level);
}

/** What a suspicion means, in words. */
export function suspicionText({ key, count, distance }: WatchedRandomness): string {
  return `${key === '(all)' ? 'traces' : `traces of service ${key}`} say nothing of sampling, but their randomness is not uniform (${Math.round(count)} traces, ${(100 * distance).toFixed(1)} % out of place): `
    + 'sampled by something that does not say so, or a broken id generator; thresher audit tells more, and input_without_threshold: unknown takes them for what they are';
}
