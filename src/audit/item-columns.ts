import type { OtapBatch } from '../otap/batch.ts';
import { anyValueText, valueColumnsOf } from '../otap/decode/any-value.ts';
import { isValid } from '../otap/decode/bits.ts';
import { rootPayload } from '../otap/payload-type.ts';
import type { SamplingInput } from '../sampling/sampling-input.ts';
import { visitFixedBytes } from '../store/field-readers.ts';
import { LookupCache, readNumbers } from '../store/lookup.ts';
import { readSamplingInput } from '../store/sampling-input.ts';

/** What the audit reads of a batch, one entry a span or log record. */
export interface ItemColumns {
  readonly said: SamplingInput;
  /** service.name; '(none)' where the resource has none. */
  readonly services: readonly string[];
  /** 8 bytes a row, zero where absent; null for logs. */
  readonly spanIds: Uint8Array | null;
  /** W3C trace flags and the bits beside them. */
  readonly flags: Uint32Array;
}

export const serviceless = '(none)';

/** Reads the columns of a batch of traces or logs. Errors: those of decoding, CodedError INVALID_ARGUMENT. */
export function readItemColumns(batch: OtapBatch, batchOrdinal: number): ItemColumns {
  const root = batch.table(rootPayload[batch.signal].name);
  const flags = new Uint32Array(batch.rowCount);
  const flagColumn = root?.column('flags') ?? null;
  if (flagColumn !== null) readNumbers(flagColumn, new LookupCache(), flags);
  return { said: readSamplingInput(batch, batchOrdinal), services: servicesOf(batch), spanIds: batch.signal === 'traces' ? spanIdsOf(batch) : null, flags };
}

function servicesOf(batch: OtapBatch): string[] {
  const services = new Array<string>(batch.rowCount).fill(serviceless);
  const resources = batch.table(rootPayload[batch.signal].name)?.ids('resource.id') ?? null;
  const attributes = batch.table('RESOURCE_ATTRS');
  if (resources === null || attributes === null) return services;
  const { rows, parents } = attributes.rowsOfKey('service.name');
  const columns = valueColumnsOf(attributes, '');
  const names = new Map<number, string>();
  for (let i = 0; i < rows.length; i++) names.set(parents[i], anyValueText(columns, rows[i]) ?? serviceless);
  for (let row = 0; row < services.length; row++) {
    if (isValid(resources.validity, row)) services[row] = names.get(resources.values[row]) ?? serviceless;
  }
  return services;
}

function spanIdsOf(batch: OtapBatch): Uint8Array | null {
  const column = batch.table('SPANS')?.column('span_id') ?? null;
  if (column === null) return null;
  const bytes = new Uint8Array(column.length * 8);
  visitFixedBytes(column, (row, data, offset) => {
    for (let i = 0; i < 8; i++) bytes[row * 8 + i] = data[offset + i];
  });
  return bytes;
}
