import type { OtapBatch } from '../../otap/batch.ts';
import { rootPayload } from '../../otap/payload-type.ts';
import { writeUuid } from '../../store/field-readers.ts';
import { traceIdBytes } from '../../store/sampling-input.ts';

/** Trace ids of a batch's items. */
export interface BatchTraceIds {
  /** Four words a row. */
  readonly words: Uint32Array;
  /** 1 where the row has an id. */
  readonly has: Uint8Array;
}

/** Null where no item has one: metrics. An id that is all zero is none (sampling.md, rule 1). */
export function traceIdsOf(batch: OtapBatch): BatchTraceIds | null {
  const root = batch.signal === 'metrics' ? null : batch.table(rootPayload[batch.signal].name);
  const bytes = traceIdBytes(root?.column('trace_id') ?? null);
  if (bytes === null) return null;
  const words = new Uint32Array(batch.rowCount * 4);
  const has = new Uint8Array(batch.rowCount);
  for (let row = 0; row < has.length; row++) has[row] = writeUuid(words, row * 4, bytes, row * 16);
  return { words, has };
}
