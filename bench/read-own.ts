import type { OtapBatch, PayloadTable } from '../src/otap/batch.ts';
import { OtapStreamDecoder } from '../src/otap/decode/stream-decoder.ts';
import { visitFixedBytes } from '../src/store/field-readers.ts';
import { isValid } from '../src/otap/decode/bits.ts';
import { LookupCache, readNumbers, readWide } from '../src/store/lookup.ts';
import { attributeKey, type FiveColumnReader, type FiveColumns, numberOf } from './five-columns.ts';

/** The five columns through this project's decoder and the readers that projection uses; only what is asked for is decompressed. */
export function ownReader(): FiveColumnReader {
  const decoder = new OtapStreamDecoder('traces');
  const lookups = new LookupCache();
  const texts = new Map<string, number>();
  return {
    texts,
    read: (bytes, out) => {
      const batch = decoder.decode(bytes);
      const spans = batch.table('SPANS');
      if (spans === null) return 0;
      const traceId = spans.column('trace_id');
      if (traceId?.kind === 'fixed_binary') out.traceId.set(traceId.data);
      else if (traceId !== null) visitFixedBytes(traceId, (row, data, offset) => out.traceId.set(data.subarray(offset, offset + 16), row * 16));
      readWords(spans, 'start_time_unix_nano', lookups, out.start);
      readWords(spans, 'duration_time_unix_nano', lookups, out.duration);
      const status = spans.column('status.code');
      out.status.fill(0);
      if (status !== null) readNumbers(status, lookups, out.status.subarray(0, batch.rowCount));
      readAttribute(batch, spans, texts, out);
      return batch.rowCount;
    },
  };
}

function readWords(table: PayloadTable, path: string, lookups: LookupCache, out: Uint32Array): void {
  const column = table.column(path);
  if (column !== null) out.set(new Uint32Array(readWide(column, lookups).buffer));
}

function readAttribute(batch: OtapBatch, spans: PayloadTable, texts: Map<string, number>, { attribute }: FiveColumns): void {
  attribute.fill(0);
  const table = batch.table('SPAN_ATTRS');
  const ids = spans.ids('id');
  const values = table?.column('str') ?? null;
  if (table === null || ids === null || values?.kind !== 'dictionary') return;
  const { rows, parents } = table.rowsOfKey(attributeKey);
  const byParent = new Uint32Array(65_536);
  for (let i = 0; i < rows.length; i++) byParent[parents[i]] = numberOf(texts, values.dictionary.store.text(values.codes[rows[i]]));
  for (let row = 0; row < batch.rowCount; row++) if (isValid(ids.validity, row)) attribute[row] = byParent[ids.values[row]];
}
