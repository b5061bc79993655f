import { encodeDictionaryBatch } from '../ipc/write-dictionary.ts';
import type { PayloadInfo } from '../payload-type.ts';
import { encodeBatchArrowRecords, type OutgoingPayload } from '../proto/batch-arrow-records.ts';
import type { ArrowDictionaryStore } from './dictionary-store.ts';
import type { SchemaPlan } from '../ipc/schema-plan.ts';

/** What must be sent to bring a decoder to the state of one payload type's stream. */
export interface PayloadState {
  readonly info: PayloadInfo;
  readonly schemaId: string;
  /** Encapsulated Schema message. */
  readonly schemaMessage: Uint8Array;
  readonly plan?: SchemaPlan;
  /** One for each of `plan.dictionaries`. */
  readonly stores: readonly (ArrowDictionaryStore | null)[];
}

/** A BatchArrowRecords with batch_id 0 of the Schema and, whole, the dictionaries of each stream. */
export function encodeState(states: readonly PayloadState[]): Uint8Array {
  return encodeBatchArrowRecords(0n, states.map(payloadOf));
}

function payloadOf({ info, schemaId, schemaMessage, plan, stores }: PayloadState): OutgoingPayload {
  const record = [schemaMessage];
  stores.forEach((store, slot) => {
    if (store !== null && plan !== undefined) record.push(encodeDictionaryBatch(plan.dictionaries[slot].id, store.plain()));
  });
  return { schemaId, type: info.type, record };
}
