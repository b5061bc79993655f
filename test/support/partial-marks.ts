import { readItems } from '../../src/authoring/kept-items.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';

/** What a span that was sent says of its sampling. */
export interface SentSpan {
  readonly trace: string;
  readonly count: number;
  readonly threshold: string | null;
  /** Attribute `sampling.partial`. */
  readonly partial: string | null;
}

/** Spans of a stream's messages, in their order. */
export function sentSpans(messages: readonly Uint8Array[]): SentSpan[] {
  const decoder = new OtapStreamDecoder('traces');
  return messages.flatMap((message) => {
    const batch = decoder.decode(message);
    const items = readItems(batch);
    const ids = batch.table('SPANS')?.ids('id')?.values ?? new Uint32Array(0);
    const attributes = batch.table('SPAN_ATTRS');
    const { rows, parents } = attributes?.rowsOfKey('sampling.partial') ?? { rows: new Uint32Array(0), parents: new Uint32Array(0) };
    const texts = attributes?.column('str') ?? null;
    const partial = new Map(Array.from(parents, (parent, index) => [parent, texts?.kind === 'dictionary' ? texts.dictionary.store.text(texts.codes[rows[index]]) : '?']));
    return Array.from({ length: items.count }, (_, row): SentSpan => (
      { trace: items.traceIds[row], count: items.counts[row], threshold: items.thresholds[row], partial: partial.get(ids[row]) ?? null }));
  });
}
