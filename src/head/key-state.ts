import type { HeadKeyCounts } from '../pipeline/head-counts.ts';
import type { RateRow } from './rate-row.ts';

/** How much the newest window weighs in what is smoothed. */
const newestWeight = 0.5;

/** p within so much of p_in counts as p_in: both come from thresholds of 56 bits by division. */
const equalWithin = 1e-9;

/** Most windows looked back, however short they are. */
const windowsMax = 1000;

/** What outlives the process of one key. */
export interface SavedKey {
  readonly rate: number;
  readonly reason: string;
  readonly changedNano: bigint;
  readonly logArrivals: number | null;
  readonly logBudget: number | null;
}

/** What is remembered of one service, or one of its operations. Arrivals are (n + 1) / p, smoothed in logarithms; where nothing came nothing changes (sampling.md, rules 21 and 22). */
export class KeyState {
  /** The rate that is served; null before the first. */
  rate: number | null = null;
  reason = 'new';
  /** When the rate that is served last changed, ns since the epoch. */
  changedNano = 0n;
  /** When it came last. */
  seenNano = 0n;
  readonly #recent: { readonly endNano: bigint; readonly p: number }[] = [];
  #logArrivals: number | null = null;
  #logBudget: number | null = null;
  #isCensored = false;
  #pIn = 1;

  /** Takes what a window of `seconds` says. */
  take({ traces, arrivals, pIn, p, unknown }: HeadKeyCounts, seconds: number, endNano: bigint): void {
    this.seenNano = endNano;
    // Where most are of unknown probability, those that are known are no measure.
    if (traces === 0 || unknown > traces || !(seconds > 0)) return;
    const perSecond = ((arrivals * (traces + 1)) / traces) * ((traces + unknown) / traces) / seconds;
    this.#logArrivals = smoothed(this.#logArrivals, Math.log(perSecond));
    this.#pIn = pIn;
    const keepsAll = p >= pIn * (1 - equalWithin);
    this.#isCensored = keepsAll && pIn < 1;
    const budget = Math.log(Math.min(p, keepsAll ? pIn : 1) * perSecond);
    if (p > 0) this.#logBudget = keepsAll ? Math.max(this.#logBudget ?? budget, budget) : smoothed(this.#logBudget, budget);
    this.#recent.push({ endNano, p });
    if (this.#recent.length > windowsMax) this.#recent.shift();
  }

  /** Forgets windows that ended before `sinceNano`. */
  forgetBefore(sinceNano: bigint): void {
    while (this.#recent.length > 0 && this.#recent[0].endNano < sinceNano) this.#recent.shift();
  }

  row(service: string, operation: string | null, defaultRate: number): RateRow {
    return {
      service, operation, rate: this.rate ?? defaultRate, windows: this.#recent.length,
      probability: this.#recent.length === 0 ? null : Math.max(...this.#recent.map(({ p }) => p)),
      arrivalsPerSecond: exponential(this.#logArrivals), budgetPerSecond: exponential(this.#logBudget), isCensored: this.#isCensored, cameProbability: this.#pIn,
    };
  }

  saved(): SavedKey | null {
    const { rate, reason, changedNano } = this;
    return rate === null ? null : { rate, reason, changedNano, logArrivals: this.#logArrivals, logBudget: this.#logBudget };
  }

  restore({ rate, reason, changedNano, logArrivals, logBudget }: SavedKey): void {
    this.rate = rate;
    this.reason = reason;
    this.changedNano = changedNano;
    this.#logArrivals = logArrivals;
    this.#logBudget = logBudget;
  }
}

function smoothed(before: number | null, now: number): number {
  return before === null ? now : before + newestWeight * (now - before);
}

function exponential(log: number | null): number | null {
  return log === null ? null : Math.exp(log);
}
