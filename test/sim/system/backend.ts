import { deferred } from '../../../src/base/deferred.ts';
import { outputBytes } from '../../../src/otap/take/output-size.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import type { BatchSink } from '../../../src/pipeline/sink.ts';
import { type SentItem, sentItems } from './items.ts';
import type { Scenario } from './scenario.ts';

interface Queued {
  readonly items: readonly SentItem[];
  readonly bytes: number;
  dueMs: number;
  readonly done: ReturnType<typeof deferred<void>>;
}

/** What reached the next hop, over all processes, and what went wrong on the way. */
export class Backend {
  readonly received: SentItem[] = [];
  readonly injected = { backendFailed: 0, backendAnswerLost: 0, backendDown: 0 };
  readonly #options: Scenario['backend'];
  readonly #chance: () => number;

  constructor(options: Scenario['backend'], chance: () => number) {
    this.#options = options;
    this.#chance = chance;
  }

  /** Takes items, or not; whether the sender hears of it. */
  takes(items: readonly SentItem[], nowMs: number): boolean {
    const { downFromMs, downToMs, failing, answerLost } = this.#options;
    if (nowMs >= downFromMs && nowMs < downToMs) {
      this.injected.backendDown++;
      return false;
    }
    if (this.#chance() < failing) {
      this.injected.backendFailed++;
      return false;
    }
    this.received.push(...items);
    if (this.#chance() >= answerLost) return true;
    this.injected.backendAnswerLost++;
    return false;
  }
}

const retryMs = 1500;

/** The bounded queue of one process before the backend: at least once, as long as the process lives. */
export class SimSink implements BatchSink {
  readonly name = 'backend';
  readonly #backend: Backend;
  readonly #options: Scenario['backend'];
  readonly #nowMs: () => number;
  #queue: Queued[] = [];
  readonly #waiting: (() => void)[] = [];
  #isDead = false;

  constructor(backend: Backend, options: Scenario['backend'], nowMs: () => number) {
    this.#backend = backend;
    this.#options = options;
    this.#nowMs = nowMs;
  }

  get queuedBytes(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Who waits for room. */
  get waiting(): number {
    return this.#waiting.length;
  }

  async push(batch: OutputBatch): Promise<void> {
    if (this.#isDead) throw new Error('the process is dead');
    const items = sentItems(batch);
    const bytes = outputBytes(batch);
    while (!this.#isDead && this.#queue.length > 0 && this.queuedBytes + bytes > this.#options.queueBytesMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#queue.push({ items, bytes, dueMs: this.#nowMs() + this.#options.latencyMs, done: deferred<void>() });
  }

  async settled(): Promise<void> {
    await Promise.all(this.#queue.map(({ done }) => done.promise));
  }

  /** Its process is dead: nothing waits, nothing is taken. */
  die(): void {
    this.#isDead = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async drain(): Promise<void> {}

  /** Delivers what is due. */
  tick(): void {
    const nowMs = this.#nowMs();
    for (const entry of this.#queue.filter(({ dueMs }) => dueMs <= nowMs)) {
      if (this.#backend.takes(entry.items, nowMs)) {
        this.#queue = this.#queue.filter((other) => other !== entry);
        entry.done.resolve();
      } else {
        entry.dueMs = nowMs + retryMs;
      }
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
