import type { OtapBatch } from '../otap/batch.ts';
import { anyValueText, valueColumnsOf } from '../otap/decode/any-value.ts';
import { isValid } from '../otap/decode/bits.ts';
import { rootPayload } from '../otap/payload-type.ts';
import { inputStates, leaves, type SamplingInput } from '../sampling/input-state.ts';
import { KeyedHash } from '../sampling/keyed-hash.ts';
import { visitFixedBytes } from '../store/field-readers.ts';
import { LookupCache, readWide } from '../store/lookup.ts';
import { readSamplingInput } from '../store/sampling-input.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import type { WithoutThreshold } from '../store/retained-batch.ts';

/** Items of a batch, one entry a root row: who they are and what they say of their sampling. */
export interface Items {
  readonly signal: SampledSignal;
  readonly count: number;
  /** 32 hex digits, '' where there is none. */
  readonly traceIds: readonly string[];
  /** Spans: the span's id, 16 hex digits; log records: null. */
  readonly spanIds: readonly string[] | null;
  /** Log records: observed time minus time, ns, which tells given records apart; spans: null. */
  readonly marks: readonly number[] | null;
  /** Start of the span, time of the record, ns since the epoch; 0 where unset. */
  readonly times: BigInt64Array;
  /** `service.name` of the resource, '' where there is none. */
  readonly services: readonly string[];
  /** How many originals each stands for; 1 where nobody knows. */
  readonly counts: Float64Array;
  /** Whether the probability is unknown (sampling.md, rules 2 and 4). */
  readonly isUnknown: Uint8Array;
  /** Policies that kept each (`sampling.policy`), '' where the items do not say. */
  readonly policies: readonly string[];
  /** `th` of the item, or null where it carries none. */
  readonly thresholds: readonly (string | null)[];
}

const anyKey = new KeyedHash(new Uint8Array(16));

/** Reads the items of a batch; `withoutThreshold` as for a receiver. */
export function readItems(batch: OtapBatch, withoutThreshold: WithoutThreshold = 'unsampled'): Items {
  const signal = batch.signal === 'traces' ? 'traces' : 'logs';
  const root = batch.table(rootPayload[batch.signal].name);
  const said = readSamplingInput(batch, 0);
  const states = inputStates(said, withoutThreshold, anyKey);
  return {
    signal,
    count: batch.rowCount,
    traceIds: hexColumn(root?.column('trace_id') ?? null, batch.rowCount),
    spanIds: signal === 'traces' ? hexColumn(root?.column('span_id') ?? null, batch.rowCount) : null,
    marks: signal === 'logs' ? marksOf(batch) : null,
    times: timesOf(batch, signal === 'traces' ? 'start_time_unix_nano' : 'time_unix_nano'),
    services: servicesOf(batch),
    counts: states.adjustedCounts,
    isUnknown: states.leaves.map((way) => (way === leaves.unknown ? 1 : 0)),
    policies: policiesOf(batch),
    thresholds: statedThresholds(said),
  };
}

/** The threshold (`th`) that each row states, null where it states none; whether its randomness reaches it is not looked at. */
export function statedThresholds({ signal, rowCount, traceStates, thresholds }: SamplingInput): readonly (string | null)[] {
  if (signal === 'logs') return thresholds ?? new Array<string | null>(rowCount).fill(null);
  return traceStates?.map(thresholdIn) ?? new Array<string | null>(rowCount).fill(null);
}

function thresholdIn(state: string | null): string | null {
  return state === null ? null : /(?:^|,)\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})/.exec(state)?.[1] ?? null;
}

function hexColumn(column: Parameters<typeof visitFixedBytes>[0] | null, rowCount: number): string[] {
  const texts = new Array<string>(rowCount).fill('');
  if (column === null) return texts;
  const width = column.type === 'fixed8' ? 8 : 16;
  visitFixedBytes(column, (row, data, offset) => {
    const hex = Buffer.from(data.buffer, data.byteOffset + offset, width).toString('hex');
    texts[row] = /^0+$/.test(hex) ? '' : hex;
  });
  return texts;
}

function timesOf(batch: OtapBatch, path: string): BigInt64Array {
  const column = batch.table(rootPayload[batch.signal].name)?.column(path) ?? null;
  return column === null ? new BigInt64Array(batch.rowCount) : readWide(column, new LookupCache());
}

function marksOf(batch: OtapBatch): number[] {
  const times = timesOf(batch, 'time_unix_nano');
  return Array.from(timesOf(batch, 'observed_time_unix_nano'), (observed, row) => Number(observed - times[row]));
}

/** What tells an item apart from others, as far as anything does: trace and span id; of a record its trace and times. */
export function itemKey({ traceIds, spanIds, marks, times }: Items, row: number): string {
  return spanIds === null ? `${traceIds[row]} ${times[row]} ${marks?.[row] ?? 0}` : `${traceIds[row]} ${spanIds[row]}`;
}

/** Attribute `sampling.policy` of each root row. */
function policiesOf(batch: OtapBatch): string[] {
  const policies = new Array<string>(batch.rowCount).fill('');
  const root = batch.table(rootPayload[batch.signal].name);
  const attributes = batch.table(batch.signal === 'traces' ? 'SPAN_ATTRS' : 'LOG_ATTRS');
  const ids = root?.ids('id') ?? null;
  if (attributes === null || ids === null) return policies;
  const { rows, parents } = attributes.rowsOfKey('sampling.policy');
  if (rows.length === 0) return policies;
  const values = valueColumnsOf(attributes, '');
  const byParent = new Map(Array.from(rows, (row, index) => [parents[index], anyValueText(values, row) ?? ''] as const));
  for (let row = 0; row < policies.length; row++) if (isValid(ids.validity, row)) policies[row] = byParent.get(ids.values[row]) ?? '';
  return policies;
}

/** `service.name` of each root row. */
export function servicesOf(batch: OtapBatch): string[] {
  const services = new Array<string>(batch.rowCount).fill('');
  const attributes = batch.table('RESOURCE_ATTRS');
  const ids = batch.table(rootPayload[batch.signal].name)?.ids('resource.id') ?? null;
  if (attributes === null || ids === null) return services;
  const { rows, parents } = attributes.rowsOfKey('service.name');
  const values = valueColumnsOf(attributes, '');
  const byResource = new Map(Array.from(rows, (row, index) => [parents[index], anyValueText(values, row) ?? ''] as const));
  for (let row = 0; row < services.length; row++) {
    if (isValid(ids.validity, row)) services[row] = byResource.get(ids.values[row]) ?? '';
  }
  return services;
}
