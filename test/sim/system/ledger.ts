import type { BatchAck } from '../../../src/pipeline/intake-port.ts';
import { keyOf, type SimItem } from './items.ts';
import type { SimBatch } from './world.ts';

/** What is known of an item: when it came to the system, and whether its sender could hear that it is taken. */
export interface Known {
  readonly item: SimItem;
  readonly arrivedMs: number[];
  /** When its sender was told so. */
  readonly acknowledgedMs: number[];
}

/** What a run's senders were told. */
export class Ledger {
  readonly items = new Map<string, Known>();
  readonly answers = new Map<string, number>();
  /** How often each batch came, by its number. */
  readonly arrivals = new Map<number, number>();

  /** A batch came to the system. */
  arrived({ number, items }: SimBatch, nowMs: number): void {
    this.arrivals.set(number, (this.arrivals.get(number) ?? 0) + 1);
    for (const item of items) {
      const key = keyOf(item);
      const known = this.items.get(key) ?? { item, arrivedMs: [], acknowledgedMs: [] };
      this.items.set(key, known);
      known.arrivedMs.push(nowMs);
    }
  }

  /** It was answered. */
  answered({ items }: SimBatch, ack: BatchAck, nowMs: number): void {
    this.answers.set(ack.status, (this.answers.get(ack.status) ?? 0) + 1);
    if (ack.status !== 'OK') return;
    for (const item of items) this.items.get(keyOf(item))?.acknowledgedMs.push(nowMs);
  }
}
