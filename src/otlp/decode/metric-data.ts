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

/** What the oneof `data` of each metric holds. */
export interface MetricData {
  /** 0 none, 1 gauge, 2 sum, 3 histogram, 4 exponential histogram, 5 summary; one a metric. */
  readonly types: Uint8Array;
  /** Data points by kind, owned by their metrics. */
  readonly points: { readonly [kind in Kind]: Ranges };
  /** Null where the kind has none. */
  aggregationTemporality(): Column | null;
  isMonotonic(): Column | null;
}

/** Reads the data messages of metrics. Of several members of the oneof the last counts; the same twice is merged. Throws as `walk`. */
export function readMetricData(request: RequestBytes, metrics: MessageRows): MetricData {
  const { types, cuts } = chooseKinds(request, metrics);
  const rows = kinds.map((kind, index) => walk(request, shapeOf[kind], chosen(request, metrics.lists[index], types, cuts, index + 1), metrics.count));
  const points = Object.fromEntries(kinds.map((kind, index) => [kind, rows[index].lists[0]] as const)) as { [kind in Kind]: Ranges };
  return {
    types, points,
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

function chosen({ source, limits }: RequestBytes, list: Ranges, types: Uint8Array, cuts: Float64Array, type: number): Ranges {
  const own = new Ranges('Metric.data', source, limits.occurrencesMax);
  for (let index = 0; index < list.count; index++) {
    const metric = list.owners[index];
    if (types[metric] === type && list.starts[index] > cuts[metric]) own.push(list.starts[index], list.ends[index], metric);
  }
  return own;
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
