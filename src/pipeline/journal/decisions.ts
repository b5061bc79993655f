import type { CodedError } from '../../base/errors.ts';
import { retryAfterMs } from '../../storage/record-log.ts';
import type { JournalObserver, JournalOptions } from './options.ts';

export interface DecisionLogOptions extends Pick<JournalOptions, 'onError' | 'seam'> {
  readonly observer: Pick<JournalObserver, 'unlogged'>;
}

/** Writes a decision; resolves with its segment when it is durable, and rejects where it is not. */
type WriteDecision = () => Promise<number>;

/**
 * Decisions on their way into the log. One that cannot be written now is tried again, so that nothing of it leaves unlogged and is decided anew after a crash;
 * with `on_error: memory` it leaves all the same, and is counted.
 */
export class DecisionLog {
  readonly #options: DecisionLogOptions;
  readonly #stop = new AbortController();
  #durable: Promise<unknown> = Promise.resolve();
  #failure: CodedError | null = null;
  #waiting = 0;

  constructor(options: DecisionLogOptions) {
    this.#options = options;
  }

  /** Why decisions wait, which new batches must not overtake; null where none does. */
  get failure(): CodedError | null {
    return this.#waiting > 0 ? this.#failure : null;
  }

  /** Resolves when all decisions so far are durable, or leave unlogged, or never leave. */
  get durable(): Promise<unknown> {
    return this.#durable;
  }

  /** Resolves with its segment when the decision is durable; with null where it is to leave without. Rejects where the end comes before that. */
  append(write: WriteDecision): Promise<number | null> {
    const logged = this.#try(write);
    // Takes a rejection, too: whoever decided may look at it much later, or be dead.
    this.#durable = Promise.allSettled([this.#durable, logged]).then(() => undefined);
    return logged;
  }

  /** Nothing is tried again: decisions that wait are rejected, and nothing of them leaves. */
  stop(): void {
    this.#stop.abort();
  }

  #try(write: WriteDecision): Promise<number | null> {
    return write().catch((error: CodedError) => this.#failed(error, write));
  }

  #failed(error: CodedError, write: WriteDecision): Promise<number | null> | null {
    const { onError, observer, seam } = this.#options;
    if (onError === 'memory') {
      observer.unlogged?.();
      return null;
    }
    this.#failure = error;
    this.#waiting++;
    return seam.sleepMs(retryAfterMs, this.#stop.signal).finally(() => this.#waiting--).then(() => this.#try(write), () => Promise.reject(error));
  }
}
