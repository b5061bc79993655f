import { OtapStreamEncoder } from '../../src/otap/encode/stream-encoder.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import { allRows } from '../../src/otap/take/split.ts';
import { itemKey, type Items, readItems } from '../../src/authoring/kept-items.ts';
import { batchOf, type Rows, type Value } from './random-batch.ts';

/** Spans and records as tests write them, and the messages of a stream that bring them. */

export interface GivenSpan {
  /** 32 hex digits. */
  readonly trace: string;
  /** 16 hex digits of the parent's id; a root where left out. */
  readonly parent?: string;
  readonly name?: string;
  readonly startMs: number;
  readonly traceState?: string;
  readonly attributes?: { readonly [key: string]: string | number };
  /** Trace ids that it links to. */
  readonly links?: readonly string[];
}

export interface GivenRecord {
  /** 32 hex digits; null for a record outside of a trace. */
  readonly trace: string | null;
  readonly timeMs: number;
  readonly body?: string;
  readonly attributes?: { readonly [key: string]: string | number };
}

type Row = { readonly [path: string]: Value };

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const nano = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n;

function attributeRows(items: readonly { readonly attributes?: { readonly [key: string]: string | number } }[]): Row[] {
  return items.flatMap(({ attributes = {} }, index) => Object.entries(attributes).map(([key, value]): Row => (
    typeof value === 'string' ? { parent_id: index, key, type: 1, str: value } : { parent_id: index, key, type: 3, double: value })));
}

/** Messages of one stream of traces, one for each list. */
export function spansMessages(lists: readonly (readonly GivenSpan[])[]): Uint8Array[] {
  return messagesOf('traces', lists.map((spans): Rows => {
    const links = spans.flatMap(({ links: own = [] }, index) => own.map((trace): Row => ({ parent_id: index, trace_id: bytes(trace), span_id: bytes('01'.repeat(8)) })));
    return {
      SPANS: spans.map(({ trace, parent, name = 'root', startMs, traceState }, index): Row => ({
        'id': index, 'resource.id': 0, 'scope.id': 0, 'trace_id': bytes(trace), 'span_id': bytes((index + 1).toString(16).padStart(16, '0')), name, 'kind': 1,
        ...(parent === undefined ? {} : { parent_span_id: bytes(parent) }),
        'start_time_unix_nano': nano(startMs), 'duration_time_unix_nano': 1000n, 'trace_state': traceState ?? null,
      })),
      ...(links.length === 0 ? {} : { SPAN_LINKS: links.map((link, index) => ({ id: index, ...link })) }),
      ...rest(attributeRows(spans), 'SPAN_ATTRS'),
    };
  }));
}

/** The same of logs. Two records of one trace differ in their observed time. */
export function recordsMessages(lists: readonly (readonly GivenRecord[])[]): Uint8Array[] {
  return messagesOf('logs', lists.map((records): Rows => ({
    LOGS: records.map(({ trace, timeMs, body = 'x' }, index): Row => ({
      'id': index, 'resource.id': 0, 'scope.id': 0, 'trace_id': trace === null ? null : bytes(trace), 'time_unix_nano': nano(timeMs), 'observed_time_unix_nano': nano(timeMs) + BigInt(index),
      'body.type': 1, 'body.str': body,
    })),
    ...rest(attributeRows(records), 'LOG_ATTRS'),
  })));
}

function rest(attributes: readonly Row[], name: 'SPAN_ATTRS' | 'LOG_ATTRS'): Rows {
  return { ...(attributes.length === 0 ? {} : { [name]: attributes }), RESOURCE_ATTRS: [{ parent_id: 0, key: 'service.name', type: 1, str: 'test' }] };
}

function messagesOf(signal: 'traces' | 'logs', tables: readonly Rows[]): Uint8Array[] {
  const encoder = new OtapStreamEncoder(signal, { bodyCompression: 'none', zstdLevel: 1 });
  return tables.map((rows, index) => {
    const builder = new OutputBatchBuilder(signal);
    const batch = batchOf(signal, rows);
    builder.append(batch, allRows(batch), null);
    return encoder.encode(BigInt(index), builder.finish());
  });
}

export interface SeenItem {
  readonly key: string;
  readonly trace: string;
  readonly count: number;
  readonly isUnknown: boolean;
  readonly threshold: string | null;
}

/** Items of a stream's messages, in their order; `withoutThreshold` says what those are that say nothing. */
export function itemsSeen(signal: 'traces' | 'logs', messages: readonly Uint8Array[], withoutThreshold: 'unsampled' | 'unknown' = 'unsampled'): SeenItem[] {
  const decoder = new OtapStreamDecoder(signal);
  return messages.flatMap((message) => seenOf(readItems(decoder.decode(message), withoutThreshold)));
}

function seenOf(items: Items): SeenItem[] {
  return Array.from({ length: items.count }, (_, row) => (
    { key: itemKey(items, row), trace: items.traceIds[row], count: items.counts[row], isUnknown: items.isUnknown[row] === 1, threshold: items.thresholds[row] }));
}

/** 32 hex digits by a source of chance, the last 14 uniform. */
export function randomTrace(chance: () => number): string {
  return Array.from({ length: 4 }, () => Math.floor(chance() * 2 ** 32).toString(16).padStart(8, '0')).join('');
}

/** N = 2^56 - R of a trace by its id, as a fraction of 2^56 in (0, 1]. */
export function shareOf(trace: string): number {
  return Number(2n ** 56n - BigInt(`0x${trace.slice(-14)}`)) / 2 ** 56;
}
