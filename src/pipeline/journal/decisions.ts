import type { CodedError } from '../../base/errors.ts';
import { retryAfterMs } from '../../storage/record-log.ts';
import type { JournalOptions } from './options.ts';

export interface DecisionLogParts {
  readonly options: JournalOptions;
  /** Writes a record; rejects where it is not durable. */
  readonly append: (kind: number, parts: readonly Uint8Array[]) => Promise<void>;
  /** The segment that the next record goes to. */
  readonly segment: () => number;
}

/**
 * Decisions on their way into the log. One that cannot be written now is tried again, so that nothing of it leaves unlogged and is decided anew after a crash;
 * with `on_error: memory` it leaves all the same, and is counted.
 */
export class DecisionLog {
  readonly #parts: DecisionLogParts;
  readonly #stop = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #failure: CodedError | null = null;
  #waiting = 0;

  constructor(parts: DecisionLogParts) {
    this.#parts = parts;
  }

  /** Why decisions wait, which new batches must not overtake; null where none does. */
  get failure(): CodedError | null {
    return this.#waiting > 0 ? this.#failure : null;
  }

  /** Resolves when all decisions so far are durable, or leave unlogged, or never leave. */
  get durable(): Promise<unknown> {
    return this.#last.catch(() => undefined);
  }

  /** Resolves with its segment when the decision is durable; with null where it is to leave without. Rejects where the end comes before that. */
  append(kind: number, parts: readonly Uint8Array[]): Promise<number | null> {
    const logged = this.#try(kind, parts);
    // Whoever decided may look at it much later, or be dead.
    logged.catch(() => undefined);
    this.#last = logged;
    return logged;
  }

  /** Nothing is tried again: decisions that wait are rejected, and nothing of them leaves. */
  stop(): void {
    this.#stop.abort();
  }

  #try(kind: number, parts: readonly Uint8Array[]): Promise<number | null> {
    const segment = this.#parts.segment();
    return this.#parts.append(kind, parts).then(() => segment, (error: CodedError) => this.#failed(error, kind, parts));
  }

  #failed(error: CodedError, kind: number, parts: readonly Uint8Array[]): Promise<number | null> | null {
    const { onError, observer, seam } = this.#parts.options;
    if (onError === 'memory') {
      observer.unlogged?.();
      return null;
    }
    this.#failure = error;
    this.#waiting++;
    return seam.sleepMs(retryAfterMs, this.#stop.signal).finally(() => this.#waiting--).then(() => this.#try(kind, parts), () => Promise.reject(error));
  }
}
