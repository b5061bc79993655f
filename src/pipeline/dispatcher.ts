import type { OtapBatch } from '../otap/batch.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { ItemStamps } from '../otap/take/item-stamps.ts';
import type { OnLost } from './fan-out.ts';
import { type Gatherer, gathererFor } from './gatherers.ts';
import type { BatchSink } from './sink.ts';

/** After how much taking other work gets its turn: intake must not wait for a large window to be rebuilt. */
const turnMs = 8;

/**
 * Gathers kept rows into few, large batches and hands them to the sinks. Callers may overlap: each batch of rows
 * goes in whole, in the order of the calls. `hashSeed` keys hash tables against input that is made to collide.
 */
export class Dispatcher {
  readonly #gatherer: Gatherer;
  readonly #monotonicMs: () => number;
  #turn: Promise<void> = Promise.resolve();
  #turnStartMs: number;

  constructor(signal: Signal, rowsMax: number, sinks: readonly BatchSink[], monotonicMs: () => number, onLost: OnLost, hashSeed = 0) {
    this.#gatherer = gathererFor(sinks, { signal, rowsMax, onLost, hashSeed });
    this.#monotonicMs = monotonicMs;
    this.#turnStartMs = monotonicMs();
  }

  /** Takes `rows` of a batch with everything that belongs to them; waits while the sinks are full. */
  add(batch: OtapBatch, rows: Uint32Array, stamps: ItemStamps | null): Promise<void> {
    return this.#inTurn(async () => {
      await this.#gatherer.add(batch, rows, stamps);
      await this.#yield();
    });
  }

  /** Hands over what has been gathered, however little. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#gatherer.flush());
  }

  async #yield(): Promise<void> {
    if (this.#monotonicMs() - this.#turnStartMs < turnMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#turnStartMs = this.#monotonicMs();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
