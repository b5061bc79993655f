import type { OtapBatch, PayloadTable } from '../batch.ts';
import { rootPayload, type PayloadName, type Signal } from '../payload-type.ts';
import type { StreamLayout } from './layout.ts';

/** Tables of one BatchArrowRecords, over the bytes that came. */
export class DecodedBatch implements OtapBatch {
  readonly signal: Signal;
  readonly batchId: bigint;
  readonly rowCount: number;
  readonly layout: StreamLayout;
  readonly #tables: ReadonlyMap<PayloadName, PayloadTable>;

  constructor(batchId: bigint, layout: StreamLayout, tables: ReadonlyMap<PayloadName, PayloadTable>) {
    this.signal = layout.signal;
    this.batchId = batchId;
    this.layout = layout;
    this.#tables = tables;
    this.rowCount = tables.get(rootPayload[layout.signal].name)?.rowCount ?? 0;
  }

  table(name: PayloadName): PayloadTable | null {
    return this.#tables.get(name) ?? null;
  }
}
