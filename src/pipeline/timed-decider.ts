import { TWO_56_DOUBLE } from '../sampling/word56.ts';
import type { SlotRing } from './slot-ring.ts';
import type { WindowDecider } from './window-loop.ts';

/** How long deciding a window took, or has taken so far, and the N that limited what came into it. */
export interface DecideTime {
  readonly ms: number;
  readonly nMax: number;
}

/** Notes how long a decider takes, without what comes before it and what its windows are handed on to. */
export class TimedDecider implements WindowDecider {
  readonly #inner: WindowDecider;
  readonly #ring: SlotRing;
  readonly #monotonicMs: () => number;
  #last: DecideTime & { readonly endMs: number } = { ms: 0, nMax: TWO_56_DOUBLE, endMs: -Infinity };
  #running: { readonly sinceMs: number; readonly nMax: number } | null = null;

  constructor(inner: WindowDecider, ring: SlotRing, monotonicMs: () => number) {
    this.#inner = inner;
    this.#ring = ring;
    this.#monotonicMs = monotonicMs;
  }

  readonly decide: WindowDecider['decide'] = async (slot, policies) => {
    const sinceMs = this.#monotonicMs();
    const nMax = Number(this.#ring.get(slot)?.nMax ?? TWO_56_DOUBLE);
    this.#running = { sinceMs, nMax };
    try {
      return await this.#inner.decide(slot, policies);
    } finally {
      const endMs = this.#monotonicMs();
      this.#running = null;
      this.#last = { ms: endMs - sinceMs, nMax, endMs };
    }
  };

  readonly fallBack: WindowDecider['fallBack'] = (slot) => this.#inner.fallBack(slot);

  /** The window that is being decided, where it has taken longer than the last one, else the last one, none where that ended more than `forgetMs` ago. */
  time(forgetMs: number): DecideTime | null {
    const nowMs = this.#monotonicMs();
    const running = this.#running === null ? null : { ms: nowMs - this.#running.sinceMs, nMax: this.#running.nMax };
    const last = nowMs - this.#last.endMs > forgetMs ? null : this.#last;
    return running !== null && (last === null || running.ms > last.ms) ? running : last;
  }
}
