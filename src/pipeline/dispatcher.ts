import type { OtapBatch } from '../otap/batch.ts';
import type { Signal } from '../otap/payload-type.ts';
import { OutputBatchBuilder } from '../otap/take/builder.ts';
import type { ItemStamps } from '../otap/take/item-stamps.ts';
import { sliceStamps } from '../otap/take/item-stamps.ts';
import { FanOut, type OnLost } from './fan-out.ts';
import type { BatchSink } from './sink.ts';

/** After how much taking other work gets its turn: intake must not wait for a large window to be rebuilt. */
const turnMs = 8;

/**
 * Gathers kept rows into few, large batches and hands them to the sinks. Callers may overlap: each batch of rows
 * goes in whole, in the order of the calls. `hashSeed` keys hash tables against input that is made to collide.
 */
export class Dispatcher {
  readonly #builder: OutputBatchBuilder;
  readonly #rowsMax: number;
  readonly #sinks: FanOut;
  readonly #monotonicMs: () => number;
  #turn: Promise<void> = Promise.resolve();
  #turnStartMs: number;

  constructor(signal: Signal, rowsMax: number, sinks: readonly BatchSink[], monotonicMs: () => number, onLost: OnLost, hashSeed = 0) {
    this.#builder = new OutputBatchBuilder(signal, rowsMax, hashSeed);
    this.#rowsMax = rowsMax;
    this.#sinks = new FanOut(sinks, onLost);
    this.#monotonicMs = monotonicMs;
    this.#turnStartMs = monotonicMs();
  }

  /** Takes `rows` of a batch with everything that belongs to them; waits while the sinks are full. */
  add(batch: OtapBatch, rows: Uint32Array, stamps: ItemStamps | null): Promise<void> {
    return this.#inTurn(async () => {
      for (let from = 0; from < rows.length; ) {
        const to = Math.min(rows.length, from + this.#rowsMax - this.#builder.rowCount);
        this.#builder.append(batch, rows.subarray(from, to), stamps === null ? null : sliceStamps(stamps, from, to));
        if (this.#builder.rowCount >= this.#rowsMax) await this.#send();
        from = to;
      }
      await this.#yield();
    });
  }

  /** Hands over what has been gathered, however little. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#send());
  }

  async #send(): Promise<void> {
    if (this.#builder.rowCount === 0) return;
    await this.#sinks.push(this.#builder.finish());
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
