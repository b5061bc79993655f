import type { Column } from '../../otap/column.ts';
import type { PayloadName } from '../../otap/payload-type.ts';
import * as shapes from '../proto-fields.ts';
import { idField, textField, varintField, wideField } from './field-columns.ts';
import type { Framing } from './framing.ts';
import { fixedLists, quantileLists, varintLists } from './list-columns.ts';
import { type PointRanges, readMetricData } from './metric-data.ts';
import { type FieldColumns, TableSet } from './otlp-batch.ts';
import { Ranges } from './ranges.ts';
import { type MessageRows, type RequestBytes, walk } from './walk.ts';

const metricFields: FieldColumns = [
  ['name', textField(shapes.metric.slots.name, 'zero')],
  ['description', textField(shapes.metric.slots.description, 'null')],
  ['unit', textField(shapes.metric.slots.unit, 'null')],
];

const pointHead = (slots: { readonly start_time_unix_nano: number; readonly time_unix_nano: number; readonly flags: number }): FieldColumns => [
  ['start_time_unix_nano', wideField(slots.start_time_unix_nano, 'timestamp', 'zero')],
  ['time_unix_nano', wideField(slots.time_unix_nano, 'timestamp', 'zero')],
  ['flags', varintField(slots.flags, 'u32')],
];

const { slots: number } = shapes.numberPoint;
const numberFields: FieldColumns = [
  ...pointHead(number),
  ['int_value', wideField(number.int_value, 'i64', 'null', number.double_value)],
  ['double_value', wideField(number.double_value, 'f64', 'null', number.int_value)],
];

const { slots: summary } = shapes.summaryPoint;
const summaryFields: FieldColumns = [
  ...pointHead(summary),
  ['count', wideField(summary.count, 'u64', 'zero')],
  ['sum', wideField(summary.sum, 'f64', 'zero')],
];

const { slots: histogram } = shapes.histogramPoint;
const histogramFields: FieldColumns = [
  ...pointHead(histogram),
  ['count', wideField(histogram.count, 'u64', 'zero')],
  ['sum', wideField(histogram.sum, 'f64', 'null')],
  ['min', wideField(histogram.min, 'f64', 'null')],
  ['max', wideField(histogram.max, 'f64', 'null')],
];

const { slots: exponential } = shapes.exponentialPoint;
const exponentialFields: FieldColumns = [
  ...pointHead(exponential),
  ['count', wideField(exponential.count, 'u64', 'zero')],
  ['sum', wideField(exponential.sum, 'f64', 'null')],
  ['scale', varintField(exponential.scale, 'sint32')],
  ['zero_count', wideField(exponential.zero_count, 'u64', 'zero')],
  ['min', wideField(exponential.min, 'f64', 'null')],
  ['max', wideField(exponential.max, 'f64', 'null')],
  ['zero_threshold', wideField(exponential.zero_threshold, 'f64', 'zero')],
];

const { slots: exemplar } = shapes.exemplar;
const exemplarFields: FieldColumns = [
  ['time_unix_nano', wideField(exemplar.time_unix_nano, 'timestamp', 'zero')],
  ['int_value', wideField(exemplar.int_value, 'i64', 'null', exemplar.double_value)],
  ['double_value', wideField(exemplar.double_value, 'f64', 'null', exemplar.int_value)],
  ['span_id', idField('span_id', exemplar.span_id, 8, 'null')],
  ['trace_id', idField('trace_id', exemplar.trace_id, 16, 'null')],
];

type Columns = [string, () => Column | null][];

/** Tables of an ExportMetricsServiceRequest. Throws as `walk`. */
export function metricTables(request: RequestBytes, framing: Framing): TableSet {
  const set = new TableSet(request, 'metrics');
  const metrics = walk(request, shapes.metric, framing.items);
  const data = readMetricData(request, metrics);
  set.addRoot('UNIVARIATE_METRICS', framing, metrics, metricFields, [
    ['metric_type', () => ({ kind: 'fixed', type: 'u8', length: metrics.count, validity: null, values: data.types })],
    ['aggregation_temporality', data.aggregationTemporality],
    ['is_monotonic', data.isMonotonic],
  ]);
  set.addAttributes('METRIC_ATTRS', metrics.lists[shapes.metric.lists.metadata]);
  addPoints(set, request, data.points);
  if (data.replaced !== null) addPoints(new TableSet(request, 'metrics'), request, data.replaced);
  return set;
}

function addPoints(set: TableSet, request: RequestBytes, points: PointRanges): void {
  addNumbers(set, request, joined(request, points.gauge, points.sum));
  addSummaries(set, request, points.summary);
  addHistograms(set, request, points.histogram);
  addExponentials(set, request, points.exponential_histogram);
}

function joined({ source, limits }: RequestBytes, ...parts: readonly Ranges[]): Ranges {
  const all = new Ranges('data points', source, limits.occurrencesMax);
  for (const { starts, ends, owners, count } of parts) for (let index = 0; index < count; index++) all.push(starts[index], ends[index], owners[index]);
  return all;
}

function addNumbers(set: TableSet, request: RequestBytes, ranges: Ranges): void {
  const rows = walk(request, shapes.numberPoint, ranges);
  const { attributes, exemplars } = shapes.numberPoint.lists;
  set.addChildren('NUMBER_DATA_POINTS', ranges, rows, numberFields);
  set.addAttributes('NUMBER_DP_ATTRS', rows.lists[attributes]);
  addExemplars(set, request, rows.lists[exemplars], 'NUMBER_DP_EXEMPLARS', 'NUMBER_DP_EXEMPLAR_ATTRS');
}

function addSummaries(set: TableSet, request: RequestBytes, ranges: Ranges): void {
  const rows = walk(request, shapes.summaryPoint, ranges);
  const { attributes, quantiles } = shapes.summaryPoint.lists;
  set.addChildren('SUMMARY_DATA_POINTS', ranges, rows, summaryFields, [['quantile', () => quantileLists(request, rows.lists[quantiles], rows.count)]]);
  set.addAttributes('SUMMARY_DP_ATTRS', rows.lists[attributes]);
}

function addHistograms(set: TableSet, request: RequestBytes, ranges: Ranges): void {
  const rows = walk(request, shapes.histogramPoint, ranges);
  const { attributes, exemplars, bucket_counts, explicit_bounds } = shapes.histogramPoint.lists;
  set.addChildren('HISTOGRAM_DATA_POINTS', ranges, rows, histogramFields, [
    ['bucket_counts', () => fixedLists(request, rows.lists[bucket_counts], rows.count, 'list_u64')],
    ['explicit_bounds', () => fixedLists(request, rows.lists[explicit_bounds], rows.count, 'list_f64')],
  ]);
  set.addAttributes('HISTOGRAM_DP_ATTRS', rows.lists[attributes]);
  addExemplars(set, request, rows.lists[exemplars], 'HISTOGRAM_DP_EXEMPLARS', 'HISTOGRAM_DP_EXEMPLAR_ATTRS');
}

function addExponentials(set: TableSet, request: RequestBytes, ranges: Ranges): void {
  const rows = walk(request, shapes.exponentialPoint, ranges);
  const { attributes, exemplars, positive, negative } = shapes.exponentialPoint.lists;
  set.addChildren('EXP_HISTOGRAM_DATA_POINTS', ranges, rows, exponentialFields, [
    ...bucketColumns(request, 'positive', rows, positive),
    ...bucketColumns(request, 'negative', rows, negative),
  ]);
  set.addAttributes('EXP_HISTOGRAM_DP_ATTRS', rows.lists[attributes]);
  addExemplars(set, request, rows.lists[exemplars], 'EXP_HISTOGRAM_DP_EXEMPLARS', 'EXP_HISTOGRAM_DP_EXEMPLAR_ATTRS');
}

function bucketColumns(request: RequestBytes, name: 'positive' | 'negative', points: MessageRows, list: number): Columns {
  const rows = walk(request, shapes.buckets, points.lists[list], points.count);
  const { slots, lists } = shapes.buckets;
  return [
    [`${name}.offset`, () => varintField(slots.offset, 'sint32')(rows)],
    [`${name}.bucket_counts`, () => varintLists(request, rows.lists[lists.bucket_counts], rows.count)],
  ];
}

function addExemplars(set: TableSet, request: RequestBytes, ranges: Ranges, name: PayloadName, attributes: PayloadName): void {
  const rows = walk(request, shapes.exemplar, ranges);
  set.addChildren(name, ranges, rows, exemplarFields);
  set.addAttributes(attributes, rows.lists[shapes.exemplar.lists.attributes]);
}
