import type { BatchAck } from '../../../src/pipeline/intake-port.ts';
import type { Scenario } from './scenario.ts';
import type { SimBatch } from './world.ts';

/** A batch on its way into the system. */
export interface Delivery {
  readonly batch: SimBatch;
  readonly atMs: number;
  /** Nobody will hear the answer. */
  readonly isAnswerLost: boolean;
}

interface Sending {
  readonly batch: SimBatch;
  nextMs: number;
  isDone: boolean;
}

/** How long a sender waits for an answer before it sends again. */
const timeoutMs = 1500;

/** Senders that send a batch again until they hear that it is taken, over a network that loses, delays and so reorders and duplicates. */
export class Network {
  readonly injected = { requestLost: 0, answerLost: 0, delayed: 0 };
  readonly #sendings: readonly Sending[];
  #onTheWay: Delivery[] = [];
  readonly #faults: Scenario['network'];
  readonly #chance: () => number;

  constructor(batches: readonly SimBatch[], faults: Scenario['network'], chance: () => number) {
    this.#sendings = batches.map((batch) => ({ batch, nextMs: batch.atMs, isDone: batch.items.length === 0 }));
    this.#faults = faults;
    this.#chance = chance;
  }

  get isDone(): boolean {
    return this.#onTheWay.length === 0 && this.#sendings.every(({ isDone }) => isDone);
  }

  /** What arrives by `nowMs`. */
  arrivals(nowMs: number): Delivery[] {
    for (const sending of this.#sendings) if (!sending.isDone && sending.nextMs <= nowMs) this.#send(sending, nowMs);
    const due = this.#onTheWay.filter(({ atMs }) => atMs <= nowMs);
    this.#onTheWay = this.#onTheWay.filter(({ atMs }) => atMs > nowMs);
    return due;
  }

  /** The answer to a delivery, null where there is none since the process died. */
  answered({ batch, isAnswerLost }: Delivery, ack: BatchAck | null, nowMs: number): void {
    const sending = this.#sendings[batch.number];
    if (ack === null || isAnswerLost || sending.isDone) return;
    if (ack.status === 'OK') sending.isDone = true;
    else sending.nextMs = nowMs + (ack.retryAfterMs ?? timeoutMs);
  }

  #send(sending: Sending, nowMs: number): void {
    sending.nextMs = nowMs + timeoutMs;
    const { lost, answerLost, delayed } = this.#faults;
    if (this.#chance() < lost) {
      this.injected.requestLost++;
      return;
    }
    const [isAnswerLost, isDelayed] = [this.#chance() < answerLost, this.#chance() < delayed];
    if (isAnswerLost) this.injected.answerLost++;
    if (isDelayed) this.injected.delayed++;
    this.#onTheWay.push({ batch: sending.batch, atMs: nowMs + (isDelayed ? this.#chance() * 5000 : 0), isAnswerLost });
  }
}
