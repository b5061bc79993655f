import type { BatchLayout } from '../batch.ts';
import type { DictionaryView } from '../column.ts';
import type { SchemaPlan } from '../ipc/schema-plan.ts';
import type { PayloadInfo, Signal } from '../payload-type.ts';

/** What is needed to read a payload's record batch without the stream: shared by batches for which it is the same. */
export interface PayloadLayout {
  readonly info: PayloadInfo;
  readonly plan: SchemaPlan;
  /** One for each of `plan.dictionaries`. */
  readonly dictionaries: readonly DictionaryView[];
}

/** The layouts of a batch's payloads, in the order in which they came; null for one without rows. */
export class StreamLayout implements BatchLayout {
  readonly signal: Signal;
  readonly payloads: readonly (PayloadLayout | null)[];
  readonly byteLength: number;

  /** `ownBytes`: of payload layouts that no earlier batch has. */
  constructor(signal: Signal, payloads: readonly (PayloadLayout | null)[], ownBytes: number) {
    this.signal = signal;
    this.payloads = payloads;
    this.byteLength = 64 + payloads.length * 8 + ownBytes;
  }
}
