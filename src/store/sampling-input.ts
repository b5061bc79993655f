import type { OtapBatch, PayloadTable } from '../otap/batch.ts';
import type { Column } from '../otap/column.ts';
import { anyValueText, valueColumnsOf } from '../otap/decode/any-value.ts';
import { rootPayload } from '../otap/payload-type.ts';
import { isValid } from '../otap/decode/bits.ts';
import type { SamplingInput } from '../sampling/input-state.ts';
import { readTexts, visitFixedBytes } from './field-readers.ts';

/** Attributes that say how an item was sampled (sampling.md, rules 1 to 4). */
const countKey = 'sampling.adjusted_count';
const randomnessKey = 'sampling.randomness';
const thresholdKey = 'sampling.threshold';

/** Reads what a batch's rows say of their own sampling; where `rows` are given, tracestates of those alone. */
export function readSamplingInput(batch: OtapBatch, batchOrdinal: number, rows: Uint32Array | null = null): SamplingInput {
  const root = batch.table(rootPayload[batch.signal].name);
  const isSpans = batch.signal === 'traces';
  const attributes = batch.table(isSpans ? 'SPAN_ATTRS' : 'LOG_ATTRS');
  const texts = (key: string): (string | null)[] | null => (root === null || attributes === null ? null : textsOfKey(root, attributes, key));
  const counts = texts(countKey);
  const states = isSpans ? root?.column('trace_state') ?? null : null;
  return {
    signal: isSpans ? 'spans' : 'logs',
    rowCount: batch.rowCount,
    traceIds: traceIdBytes(root?.column('trace_id') ?? null),
    traceStates: states === null ? null : readTexts(states, rows),
    adjustedCounts: counts === null ? null : Float64Array.from(counts, countOf),
    randomness: texts(randomnessKey),
    thresholds: isSpans ? null : texts(thresholdKey),
    batchOrdinal,
  };
}

/** 16 bytes a row; rows without an id are zero. */
export function traceIdBytes(column: Column | null): Uint8Array | null {
  if (column === null) return null;
  if (column.kind === 'fixed_binary' && column.validity === null) return column.data;
  const bytes = new Uint8Array(column.length * 16);
  visitFixedBytes(column, (row, data, offset) => {
    for (let i = 0; i < 16; i++) bytes[row * 16 + i] = data[offset + i];
  });
  return bytes;
}

/** Values of a key as text, one a root row; null altogether where no row has the key. */
function textsOfKey(root: PayloadTable, attributes: PayloadTable, key: string): (string | null)[] | null {
  const { rows, parents } = attributes.rowsOfKey(key);
  const ids = rows.length === 0 ? null : root.ids('id');
  if (ids === null) return null;
  const columns = valueColumnsOf(attributes, '');
  const byParent = new Map<number, string>();
  for (let i = 0; i < rows.length; i++) byParent.set(parents[i], anyValueText(columns, rows[i]) ?? '');
  const texts = new Array<string | null>(root.rowCount).fill(null);
  for (let row = 0; row < texts.length; row++) {
    if (isValid(ids.validity, row)) texts[row] = byParent.get(ids.values[row]) ?? null;
  }
  return texts;
}

/** NaN where there is none, 0 (no valid count) where the text is no number. */
function countOf(text: string | null): number {
  if (text === null) return Number.NaN;
  const count = text.trim() === '' ? 0 : Number(text);
  return Number.isNaN(count) ? 0 : count;
}
