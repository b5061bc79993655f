import { OtapStreamEncoder } from '../../src/otap/encode/stream-encoder.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import { allRows } from '../../src/otap/take/split.ts';
import { batchOf, type Value } from './random-batch.ts';

/** A span of a service, as tests of head sampling write it. */
export interface ServiceSpan {
  /** 32 hex digits. */
  readonly trace: string;
  readonly service: string;
  readonly name: string;
  readonly startMs: number;
  readonly isError?: boolean;
  readonly isChild?: boolean;
  readonly traceState?: string;
}

/** Messages of one stream of traces, one for each list. */
export function serviceMessages(lists: readonly (readonly ServiceSpan[])[]): Uint8Array[] {
  const encoder = new OtapStreamEncoder('traces', { bodyCompression: 'none', zstdLevel: 1 });
  return lists.map((spans, index) => {
    const services = [...new Set(spans.map(({ service }) => service))];
    const batch = batchOf('traces', {
      SPANS: spans.map((span, row): { readonly [path: string]: Value } => ({
        'id': row, 'resource.id': services.indexOf(span.service), 'scope.id': 0, 'trace_id': Buffer.from(span.trace, 'hex'), 'span_id': Buffer.from((row + 1).toString(16).padStart(16, '0'), 'hex'),
        'parent_span_id': span.isChild === true ? Buffer.from('0a'.repeat(8), 'hex') : null, 'name': span.name, 'kind': 2,
        'start_time_unix_nano': BigInt(Math.round(span.startMs * 1000)) * 1000n, 'duration_time_unix_nano': 1000n,
        'trace_state': span.traceState ?? null, 'status.code': span.isError === true ? 2 : 0,
      })),
      RESOURCE_ATTRS: services.map((service, id) => ({ parent_id: id, key: 'service.name', type: 1, str: service })),
    });
    const builder = new OutputBatchBuilder('traces');
    builder.append(batch, allRows(batch), null);
    return encoder.encode(BigInt(index), builder.finish());
  });
}

/** A trace id whose randomness is R, 14 hex digits of it at the end; `number` tells ids of equal R apart. */
export function traceOfR(r: bigint, number: number): string {
  return (number + 1).toString(16).padStart(18, '0') + r.toString(16).padStart(14, '0');
}
