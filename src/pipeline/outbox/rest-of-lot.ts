import type { OtapBatch } from '../../otap/batch.ts';
import { type ItemStamps, sliceStamps } from '../../otap/take/item-stamps.ts';
import { OtlpBatch } from '../../otlp/decode/otlp-batch.ts';
import type { Dispatcher } from '../dispatcher.ts';
import type { TakenOfLot } from './lot.ts';

/** Hands rows on but for those at the beginning of a lot that its sink has taken. */
export class RestOfLot implements Pick<Dispatcher, 'add'> {
  readonly #dispatcher: Dispatcher;
  readonly #splices: boolean;
  #left = { tables: 0, spliced: 0 };

  /** `splices`: the sink gets rows of OTLP as they are. */
  constructor(dispatcher: Dispatcher, splices: boolean) {
    this.#dispatcher = dispatcher;
    this.#splices = splices;
  }

  begin(taken: TakenOfLot): void {
    this.#left = { ...taken };
  }

  async add(batch: OtapBatch, rows: Uint32Array, stamps: ItemStamps | null): Promise<void> {
    const form = this.#splices && batch instanceof OtlpBatch ? 'spliced' : 'tables';
    const skipped = Math.min(this.#left[form], rows.length);
    this.#left[form] -= skipped;
    if (skipped < rows.length) await this.#dispatcher.add(batch, rows.subarray(skipped), stamps === null ? null : sliceStamps(stamps, skipped, rows.length));
  }
}
