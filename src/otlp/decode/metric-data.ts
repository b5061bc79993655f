import type { Column } from '../../otap/column.ts';
import type { MessageShape } from '../message-shape.ts';
import * as shapes from '../proto-fields.ts';
import { u32Memory, u8Memory, Validity } from './column-memory.ts';
import { Ranges } from './ranges.ts';
import { isTrueAt, varint32At } from './varint.ts';
import { type MessageRows, type RequestBytes, walk } from './walk.ts';

/** OTAP's metric types (specification, section 5.2.1), in the order of Metric's lists. */
const kinds = ['gauge', 'sum', 'histogram', 'exponential_histogram', 'summary'] as const;
type Kind = (typeof kinds)[number];
const kindCount = kinds.length;

const shapeOf: { readonly [kind in Kind]: MessageShape } = {
  gauge: shapes.points,
  sum: shapes.sum,
  histogram: shapes.histogram,
  exponential_histogram: shapes.histogram,
  summary: shapes.points,
};

/** Data points by kind, owned by their metrics. */
export type PointRanges = { readonly [kind in Kind]: Ranges };

/** What the oneof `data` of each metric holds. */
export interface MetricData {
  /** 0 none, 1 gauge, 2 sum, 3 histogram, 4 exponential histogram, 5 summary; one a metric. */
  readonly types: Uint8Array;
  readonly points: PointRanges;
  /** Those that a later member replaces, where values are checked and there are any. */
  readonly replaced: PointRanges | null;
  /** Null where the kind has none. */
  aggregationTemporality(): Column | null;
  isMonotonic(): Column | null;
}

/** Reads the data messages of metrics. Of several members of the oneof the last counts; the same twice is merged. Throws as `walk`. */
export function readMetricData(request: RequestBytes, metrics: MessageRows): MetricData {
  const { types, cuts } = chooseKinds(request, metrics);
  const walked = (counts: boolean): MessageRows[] =>
    kinds.map((kind, index) => walk(request, shapeOf[kind], chosen(request, metrics.lists[index], (list, at) => isChosen(list, at, types, cuts, index + 1) === counts), metrics.count));
  const rows = walked(true);
  return {
    types,
    points: pointsOf(rows),
    replaced: request.isChecked && isAnyReplaced(metrics.lists, types, cuts) ? pointsOf(walked(false)) : null,
    aggregationTemporality: () => temporality(request, types, rows),
    isMonotonic: () => monotonic(request, types, rows[1]),
  };
}

/** The kind that comes last in each metric, and where the last member of another kind begins, before which nothing counts. */
function chooseKinds({ source }: RequestBytes, { count, lists }: MessageRows): { readonly types: Uint8Array; readonly cuts: Float64Array } {
  const types = u8Memory(source, count).fill(0);
  const last = new Float64Array(count);
  const cuts = new Float64Array(count);
  const lasts = new Float64Array(count * kindCount);
  for (let kind = 0; kind < kindCount; kind++) {
    const { owners, starts } = lists[kind];
    for (let index = 0; index < lists[kind].count; index++) lasts[owners[index] * kindCount + kind] = starts[index];
  }
  for (let row = 0; row < count; row++) {
    for (let kind = 0; kind < kindCount; kind++) {
      const at = lasts[row * kindCount + kind];
      if (at > last[row]) {
        cuts[row] = last[row];
        last[row] = at;
        types[row] = kind + 1;
      } else if (at > cuts[row]) cuts[row] = at;
    }
  }
  return { types, cuts };
}

/** Whether entry `at` of the list of the kind `type` is, or adds to, the member that counts. */
function isChosen({ owners, starts }: Ranges, at: number, types: Uint8Array, cuts: Float64Array, type: number): boolean {
  return types[owners[at]] === type && starts[at] > cuts[owners[at]];
}

function isAnyReplaced(lists: readonly Ranges[], types: Uint8Array, cuts: Float64Array): boolean {
  for (let kind = 0; kind < kindCount; kind++) for (let at = 0; at < lists[kind].count; at++) if (!isChosen(lists[kind], at, types, cuts, kind + 1)) return true;
  return false;
}

function chosen({ source, limits }: RequestBytes, list: Ranges, isWanted: (list: Ranges, at: number) => boolean): Ranges {
  const own = new Ranges('Metric.data', source, limits.occurrencesMax);
  for (let at = 0; at < list.count; at++) if (isWanted(list, at)) own.push(list.starts[at], list.ends[at], list.owners[at]);
  return own;
}

function pointsOf(rows: readonly MessageRows[]): PointRanges {
  return Object.fromEntries(kinds.map((kind, index) => [kind, rows[index].lists[0]] as const)) as { [kind in Kind]: Ranges };
}

function temporality({ bytes, source }: RequestBytes, types: Uint8Array, rows: readonly MessageRows[]): Column {
  const words = u32Memory(source, types.length);
  const validity = new Validity(source, types.length);
  for (let row = 0; row < types.length; row++) {
    const type = types[row];
    words[row] = 0;
    if (type < 2 || type > 4) {
      validity.clear(row);
      continue;
    }
    const { positions, shape } = rows[type - 1];
    const at = positions[row * shape.slotCount];
    if (at !== 0) words[row] = varint32At(bytes, at);
  }
  const values = new Int32Array(words.buffer, words.byteOffset, words.length);
  return { kind: 'fixed', type: 'i32', length: types.length, validity: validity.finish(), values };
}

function monotonic({ bytes, source }: RequestBytes, types: Uint8Array, { positions, shape }: MessageRows): Column {
  const bits = u8Memory(source, (types.length + 7) >>> 3).fill(0);
  const validity = new Validity(source, types.length);
  for (let row = 0; row < types.length; row++) {
    const at = positions[row * shape.slotCount + shapes.sum.slots.is_monotonic];
    if (types[row] !== 2) validity.clear(row);
    else if (at !== 0 && isTrueAt(bytes, at)) bits[row >>> 3] |= 1 << (row & 7);
  }
  return { kind: 'bool', type: 'bool', length: types.length, validity: validity.finish(), bits };
}
