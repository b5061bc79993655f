import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../../../src/otap/encode/stream-encoder.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { decodeOtlp } from '../../../src/otlp/decode/decode-otlp.ts';
import type { SplicedItems } from '../../../src/otlp/splice/spliced-items.ts';
import type { OutputBatch } from '../../../src/otap/take/output-batch.ts';
import { OutputBatchBuilder } from '../../../src/otap/take/builder.ts';
import { allRows } from '../../../src/otap/take/split.ts';
import { itemKey, readItems } from '../../../src/authoring/kept-items.ts';
import { readSamplingInput } from '../../../src/store/sampling-input.ts';
import type { SampledSignal } from '../../../src/store/slot-plan.ts';
import { otlpBytes } from '../../support/otlp-bytes.ts';
import type { JsonObject } from '../../support/otlp-json.ts';
import { batchOf, type Rows, type Value } from '../../support/random-batch.ts';
import { startUnixNano } from './clock.ts';

export type ItemClass = 'must' | 'often' | 'plain';

/** A span or record as its service made it; all of a trace are of one class. */
export interface SimItem {
  readonly signal: SampledSignal;
  /** Nonzero, of its own in the run. */
  readonly number: number;
  /** 32 hex digits; null for a record outside of a trace. */
  readonly trace: string | null;
  readonly class: ItemClass;
  readonly isRoot: boolean;
  /** When it began, ms of the clock; may be before its start. */
  readonly startMs: number;
  /** Threshold that upstream sampled with, hex digits; null: it did not sample. */
  readonly threshold: string | null;
}

const nanoOf = ({ startMs, number }: SimItem): bigint => startUnixNano + BigInt(Math.round(startMs * 1e6)) + BigInt(number);
const spanIdOf = ({ number }: SimItem): string => number.toString(16).padStart(16, '0');
const parentId = 'ff'.repeat(8);
const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');

/** As `itemKey` says it of what leaves. */
export function keyOf(item: SimItem): string {
  return item.signal === 'traces' ? `${item.trace} ${spanIdOf(item)}` : `${item.trace ?? ''} ${nanoOf(item)} 0`;
}

/** One message of an OTAP stream. */
export function otapMessage(encoder: OtapStreamEncoder, batchId: bigint, signal: SampledSignal, items: readonly SimItem[]): Uint8Array {
  const builder = new OutputBatchBuilder(signal);
  const batch = batchOf(signal, signal === 'traces' ? spanRows(items) : recordRows(items));
  builder.append(batch, allRows(batch), null);
  return encoder.encode(batchId, builder.finish());
}

const resource = { RESOURCE_ATTRS: [{ parent_id: 0, key: 'service.name', type: 1, str: 'sim' }] };

function spanRows(items: readonly SimItem[]): Rows {
  return {
    ...resource,
    SPANS: items.map((item, id): { readonly [path: string]: Value } => ({
      'id': id, 'resource.id': 0, 'scope.id': 0, 'trace_id': bytes(item.trace ?? ''), 'span_id': bytes(spanIdOf(item)), 'parent_span_id': item.isRoot ? null : bytes(parentId), 'name': item.class, 'kind': 1,
      'start_time_unix_nano': nanoOf(item), 'duration_time_unix_nano': 1000n, 'trace_state': item.threshold === null ? null : `ot=th:${item.threshold}`,
    })),
  };
}

function recordRows(items: readonly SimItem[]): Rows {
  const thresholds = items.flatMap(({ threshold }, index) => (threshold === null ? [] : [{ parent_id: index, key: 'sampling.threshold', type: 1, str: threshold }]));
  return {
    ...resource,
    LOGS: items.map((item, id): { readonly [path: string]: Value } => ({
      'id': id, 'resource.id': 0, 'scope.id': 0, 'trace_id': item.trace === null ? null : bytes(item.trace), 'time_unix_nano': nanoOf(item), 'observed_time_unix_nano': nanoOf(item), 'body.type': 1, 'body.str': item.class,
    })),
    ...(thresholds.length === 0 ? {} : { LOG_ATTRS: thresholds }),
  };
}

/** The same as an OTLP request. */
export function otlpMessage(signal: SampledSignal, items: readonly SimItem[]): Uint8Array {
  const resourceOf = { attributes: [{ key: 'service.name', value: { stringValue: 'sim' } }] };
  return otlpBytes(signal, signal === 'traces' ? { resourceSpans: [{ resource: resourceOf, scopeSpans: [{ spans: items.map(otlpSpan) }] }] }
    : { resourceLogs: [{ resource: resourceOf, scopeLogs: [{ logRecords: items.map(otlpRecord) }] }] });
}

function otlpSpan(item: SimItem): JsonObject {
  return {
    traceId: item.trace ?? '', spanId: spanIdOf(item), ...(item.isRoot ? {} : { parentSpanId: parentId }), name: item.class, kind: 1,
    startTimeUnixNano: String(nanoOf(item)), endTimeUnixNano: String(nanoOf(item) + 1000n), ...(item.threshold === null ? {} : { traceState: `ot=th:${item.threshold}` }),
  };
}

function otlpRecord(item: SimItem): JsonObject {
  return {
    ...(item.trace === null ? {} : { traceId: item.trace }), timeUnixNano: String(nanoOf(item)), observedTimeUnixNano: String(nanoOf(item)), body: { stringValue: item.class },
    attributes: item.threshold === null ? [] : [{ key: 'sampling.threshold', value: { stringValue: item.threshold } }],
  };
}

/** An item as the next hop got it, by what is written on it alone. */
export interface SentItem {
  readonly key: string;
  readonly signal: SampledSignal;
  /** 32 hex digits, '' where it has none. */
  readonly trace: string;
  /** `sampling.adjusted_count`, NaN where it says none. */
  readonly count: number;
  /** Hex digits; null where it says none. */
  readonly threshold: string | null;
  /** `sampling.randomness`; null where it says none. */
  readonly randomness: string | null;
}

/** So few that items of one hand-over lie in several. */
const requestBytesMax = 1000;

/** What a batch of tables says of its items. */
export function sentItems(given: OutputBatch): SentItem[] {
  const message = new OtapStreamEncoder(given.signal, { bodyCompression: 'none', zstdLevel: 1 }).encode(0n, given);
  return itemsOf(new OtapStreamDecoder(given.signal).decode(message));
}

/** The same of OTLP requests. */
export function splicedItems(given: SplicedItems): SentItem[] {
  return given.requests(requestBytesMax).flatMap(({ bytes: request }) => itemsOf(decodeOtlp(given.signal, request, { isChecked: true })));
}

function itemsOf(batch: OtapBatch): SentItem[] {
  const items = readItems(batch);
  const { adjustedCounts, randomness } = readSamplingInput(batch, 0);
  return Array.from({ length: items.count }, (_, row) => (
    { key: itemKey(items, row), signal: items.signal, trace: items.traceIds[row], count: adjustedCounts?.[row] ?? Number.NaN, threshold: items.thresholds[row], randomness: randomness?.[row] ?? null }));
}

const one56 = 2n ** 56n;

/** N = 2^56 - T of a threshold's hex digits. */
export function nOfThreshold(threshold: string): bigint {
  return one56 - BigInt(`0x${threshold.padEnd(14, '0')}`);
}

/** N = 2^56 - R of a trace by its id. */
export function nOfTrace(trace: string): bigint {
  return one56 - BigInt(`0x${trace.slice(-14)}`);
}
