import { deferred } from '../../../src/base/deferred.ts';
import { outputBytes } from '../../../src/otap/take/output-size.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import type { BatchSink } from '../../../src/pipeline/sink.ts';
import { type SentItem, sentItems, splicedItems } from './items.ts';
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
  readonly name: string;
  readonly pushSpliced?: NonNullable<BatchSink['pushSpliced']>;
  readonly offerSpliced?: NonNullable<BatchSink['offerSpliced']>;
  readonly #backend: Backend;
  readonly #options: Scenario['backend'];
  readonly #nowMs: () => number;
  #queue: Queued[] = [];
  readonly #waiting: (() => void)[] = [];
  #isDead = false;

  constructor(name: string, backend: Backend, { backend: options, splices }: Pick<Scenario, 'backend' | 'splices'>, nowMs: () => number) {
    this.name = name;
    this.#backend = backend;
    this.#options = options;
    if (splices) {
      this.pushSpliced = (items) => this.#take(splicedItems(items), items.byteLength);
      this.offerSpliced = (items, until) => this.#takeBy(splicedItems(items), items.byteLength, until);
    }
    this.#nowMs = nowMs;
  }

  get queuedBytes(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  push(batch: OutputBatch): Promise<void> {
    return this.#take(sentItems(batch), outputBytes(batch));
  }

  offer(batch: OutputBatch, until: AbortSignal): Promise<boolean> {
    return this.#takeBy(sentItems(batch), outputBytes(batch), until);
  }

  async hasRoom(until: AbortSignal): Promise<boolean> {
    while (!this.#isDead && !until.aborted && this.queuedBytes > this.#options.queueBytesMax / 2) await this.#woken(until);
    return !this.#isDead && !until.aborted;
  }

  async #takeBy(items: readonly SentItem[], bytes: number, until: AbortSignal): Promise<boolean> {
    while (!this.#isDead && this.#isFullFor(bytes)) {
      if (until.aborted) return false;
      await this.#woken(until);
    }
    await this.#take(items, bytes);
    return true;
  }

  #isFullFor(bytes: number): boolean {
    return this.#queue.length > 0 && this.queuedBytes + bytes > this.#options.queueBytesMax;
  }

  /** Resolves when something was delivered, or `until` is aborted. */
  #woken(until: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      until.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async #take(items: readonly SentItem[], bytes: number): Promise<void> {
    if (this.#isDead) throw new Error('the process is dead');
    while (!this.#isDead && this.#isFullFor(bytes)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
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
