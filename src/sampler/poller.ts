import { poll, type PollTarget } from './poll.ts';
import type { HeadRates } from './rates.ts';

/** How polling goes. */
export interface PollState {
  /** Whether any answer could be used yet. */
  readonly hasRates: boolean;
  /** Polls that failed since the last that did not. */
  readonly failures: number;
  readonly lastError: Error | null;
}

export interface PollerParts {
  readonly target: PollTarget;
  /** After which a poll is given up. */
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** Uniform in [0, 1). */
  readonly jitter: () => number;
  /** New rates; not called while they stay as they were. */
  readonly onRates: (rates: HeadRates) => void;
  /** A poll that failed; the rates stay as they were. */
  readonly onFailed: (error: Error, failures: number) => void;
  /** How a poll is run: without spans of its own. */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>;
}

/** After failures polls are this much further apart at most. */
const backOffMax = 8;

/**
 * The wait before the next poll: the interval, spread by a tenth to both sides so that a fleet that started at once does not come at once,
 * and doubled with each failure in a row, up to eight times the interval.
 */
export function waitMs(intervalMs: number, failures: number, jitter: number): number {
  const backOff = Math.min(2 ** Math.max(0, failures - 1), backOffMax);
  return intervalMs * backOff * (0.9 + 0.2 * jitter);
}

/** Polls at once and then for as long as the process lives; its timer keeps no process alive. */
export class Poller {
  readonly #parts: PollerParts;
  /** Ends the poll that is under way. One for each: signals of AbortSignal.any would stay with one that outlives them, on Node.js 18 and 20 for ever. */
  #polling = new AbortController();
  #isStopped = false;
  #endFirst: () => void = () => {};
  /** Resolves once the first poll has ended, well or not. Made by hand: applications may run on Node.js 18, which has no Promise.withResolvers. */
  readonly polledOnce = new Promise<void>((resolve) => { this.#endFirst = resolve; });
  #timer: NodeJS.Timeout | null = null;
  #etag: string | null = null;
  #state: PollState = { hasRates: false, failures: 0, lastError: null };

  constructor(parts: PollerParts) {
    this.#parts = parts;
    void this.#poll();
  }

  get state(): PollState {
    return this.#state;
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#isStopped = true;
    this.#polling.abort();
    this.#endFirst();
  }

  async #poll(): Promise<void> {
    const { target, timeoutMs, run } = this.#parts;
    const polling = new AbortController();
    this.#polling = polling;
    const late = setTimeout(() => polling.abort(new Error(`${target.url} gave no answer within ${timeoutMs} ms`)), timeoutMs).unref();
    try {
      const { rates, etag } = await run(() => poll(target, this.#etag, polling.signal));
      if (this.#isStopped) return;
      this.#etag = etag;
      this.#state = { hasRates: true, failures: 0, lastError: null };
      if (rates !== null) this.#parts.onRates(rates);
    } catch (error) {
      if (this.#isStopped) return;
      const lastError = error instanceof Error ? error : new Error(String(error));
      this.#state = { ...this.#state, failures: this.#state.failures + 1, lastError };
      this.#parts.onFailed(lastError, this.#state.failures);
    } finally {
      clearTimeout(late);
    }
    this.#endFirst();
    this.#timer = setTimeout(() => void this.#poll(), waitMs(this.#parts.intervalMs, this.#state.failures, this.#parts.jitter()));
    this.#timer.unref();
  }
}
