import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { batchOf, type Rows, type Value } from '../../support/random-batch.ts';

export interface SpanSpec {
  /** 32 hex digits, or a number that becomes the first digits; the last 14 are `randomness`, else all f. */
  readonly trace: string | number;
  readonly name?: string;
  readonly startMs: number;
  readonly durationMs?: number;
  readonly attributes?: { readonly [key: string]: string | number | boolean };
  readonly traceState?: string;
  /** Whether another span is its parent; a root where it is left out. */
  readonly isChild?: boolean;
}

/** 16 bytes of a trace whose randomness is the greatest, so that any threshold keeps it, unless given whole. */
export function traceId(trace: string | number): string {
  return typeof trace === 'string' ? trace : `${trace.toString(16).padStart(18, '0')}${'f'.repeat(14)}`;
}

/** SPANS and SPAN_ATTRS of some spans, all of one resource. */
export function spanRows(spans: readonly SpanSpec[]): Rows {
  const root = spans.map((span, index): { readonly [path: string]: Value } => ({
    'id': index, 'resource.id': 0, 'scope.id': 0, 'trace_id': Buffer.from(traceId(span.trace), 'hex'), 'span_id': Buffer.from((index + 1).toString(16).padStart(16, '0'), 'hex'),
    'name': span.name ?? 'span', 'kind': 1, 'start_time_unix_nano': BigInt(Math.round(span.startMs * 1e6)), 'duration_time_unix_nano': BigInt(Math.round((span.durationMs ?? 1) * 1e6)),
    'trace_state': span.traceState ?? null,
    ...(spans.some(({ isChild }) => isChild === true) ? { 'parent_span_id': span.isChild === true ? Buffer.from('0a'.repeat(8), 'hex') : null } : {}),
  }));
  const attributes = spans.flatMap((span, index) => Object.entries(span.attributes ?? {}).map(([key, value]): { readonly [path: string]: Value } => ({
    parent_id: index, key,
    ...(typeof value === 'string' ? { type: 1, str: value } : typeof value === 'boolean' ? { type: 4, bool: value } : Number.isInteger(value) ? { type: 2, int: BigInt(value) } : { type: 3, double: value }),
  })));
  return {
    SPANS: root, ...(attributes.length > 0 ? { SPAN_ATTRS: attributes } : {}),
    RESOURCE_ATTRS: [{ parent_id: 0, key: 'service.name', type: 1, str: 'test' }],
  };
}

export function spanBatch(spans: readonly SpanSpec[]): OtapBatch {
  return batchOf('traces', spanRows(spans));
}

/** Messages of one stream, one for each list of spans. */
export function spanMessages(batches: readonly (readonly SpanSpec[])[]): Uint8Array[] {
  const encoder = new OtapStreamEncoder('traces', { bodyCompression: 'none', zstdLevel: 1 });
  return batches.map((spans, index) => encoder.encode(BigInt(index), outputOf(spans)));
}

export function outputOf(spans: readonly SpanSpec[]): OutputBatch {
  const builder = new OutputBatchBuilder('traces');
  const batch = spanBatch(spans);
  builder.append(batch, allRows(batch), null);
  return builder.finish();
}

export interface SpanSeen {
  readonly trace: string;
  readonly name: string;
  readonly count: number;
}

/** Trace, name and adjusted count of each span of some messages, in their order. */
export function spansOf(messages: readonly Uint8Array[]): SpanSeen[] {
  const decoder = new OtapStreamDecoder('traces');
  return messages.flatMap((message) => seenIn(decoder.decode(message)));
}

function seenIn(batch: OtapBatch): SpanSeen[] {
  const root = batch.table('SPANS');
  const ids = root?.ids('id') ?? null;
  const traces = root?.column('trace_id') ?? null;
  const names = root?.column('name') ?? null;
  const attributes = batch.table('SPAN_ATTRS');
  const { rows, parents } = attributes?.rowsOfKey('sampling.adjusted_count') ?? { rows: new Uint32Array(0), parents: new Uint32Array(0) };
  const doubles = attributes?.column('double') ?? null;
  return Array.from({ length: batch.rowCount }, (_, row) => {
    const at = parents.indexOf(ids?.values[row] ?? -1);
    const count = at === -1 ? Number.NaN : doubles?.kind === 'fixed' ? doubles.values[rows[at]] : doubles?.kind === 'dictionary' ? doubles.dictionary.store.number(doubles.codes[rows[at]]) : Number.NaN;
    return {
      trace: traces?.kind === 'fixed_binary' ? Buffer.from(traces.data.subarray(row * 16, row * 16 + 16)).toString('hex')
        : traces?.kind === 'dictionary' ? Buffer.from(traces.dictionary.store.bytes(traces.codes[row])).toString('hex') : '',
      name: names?.kind === 'dictionary' ? names.dictionary.store.text(names.codes[row]) : names?.kind === 'bytes' ? Buffer.from(names.data.subarray(names.offsets[row], names.offsets[row + 1])).toString() : '',
      count,
    };
  });
}
