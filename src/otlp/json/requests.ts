import type { Signal } from '../../otap/payload-type.ts';
import * as shapes from '../proto-fields.ts';
import { jsonMessage, type JsonMessage } from './fields.ts';
import { anyValue, attributes, exemplar, optionalDouble, requestOf, temporality } from './messages.ts';
import { bool, called, choice, double, each, enumOf, int64, list, one, sint32, spanId, text, traceId, uint32, uint64 } from './types.ts';

/* Messages of each signal, with the types of their fields (opentelemetry-proto 1.9: collector, trace, logs, metrics). */

const event = jsonMessage(shapes.spanEvent, { time_unix_nano: uint64, name: text, dropped_attributes_count: uint32, attributes });

const link = jsonMessage(shapes.spanLink, { trace_id: traceId, span_id: spanId, trace_state: text, dropped_attributes_count: uint32, flags: uint32, attributes });

const status = jsonMessage(shapes.status, { message: text, code: enumOf('STATUS_CODE', 'UNSET', 'OK', 'ERROR') });

const span = jsonMessage(shapes.span, {
  trace_id: traceId,
  span_id: spanId,
  trace_state: text,
  parent_span_id: spanId,
  name: text,
  kind: enumOf('SPAN_KIND', 'UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'),
  start_time_unix_nano: uint64,
  end_time_unix_nano: uint64,
  dropped_attributes_count: uint32,
  dropped_events_count: uint32,
  dropped_links_count: uint32,
  flags: uint32,
  attributes,
  events: each(() => event),
  links: each(() => link),
  status: one(() => status),
});

const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) => [name, `${name}2`, `${name}3`, `${name}4`]);

const logRecord = jsonMessage(shapes.logRecord, {
  time_unix_nano: uint64,
  severity_number: enumOf('SEVERITY_NUMBER', 'UNSPECIFIED', ...severities),
  severity_text: text,
  body: one(() => anyValue),
  dropped_attributes_count: uint32,
  flags: uint32,
  trace_id: traceId,
  span_id: spanId,
  observed_time_unix_nano: uint64,
  event_name: text,
  attributes,
});

/** What every data point has. */
const point = { start_time_unix_nano: uint64, time_unix_nano: uint64, flags: uint32, attributes };
const exemplars = each(() => exemplar);

const numberPoint = jsonMessage(shapes.numberPoint, {
  ...point,
  double_value: called('as_double', choice(double)),
  int_value: called('as_int', choice(int64)),
  exemplars,
});

const distribution = { ...point, count: uint64, sum: optionalDouble, min: optionalDouble, max: optionalDouble, exemplars };

const histogramPoint = jsonMessage(shapes.histogramPoint, { ...distribution, bucket_counts: list(uint64), explicit_bounds: list(double) });

const buckets = jsonMessage(shapes.buckets, { offset: sint32, bucket_counts: list(uint64) });

const exponentialPoint = jsonMessage(shapes.exponentialPoint, {
  ...distribution,
  scale: sint32,
  zero_count: uint64,
  zero_threshold: double,
  positive: one(() => buckets),
  negative: one(() => buckets),
});

const quantile = jsonMessage(shapes.valueAtQuantile, { quantile: double, value: double });

const summaryPoint = jsonMessage(shapes.summaryPoint, { ...point, count: uint64, sum: double, quantiles: called('quantile_values', each(() => quantile)) });

const pointsOf = (item: JsonMessage): ReturnType<typeof called> => called('data_points', each(() => item));

const gauge = jsonMessage(shapes.points, { points: pointsOf(numberPoint) });
const sum = jsonMessage(shapes.sum, { aggregation_temporality: temporality, is_monotonic: bool, points: pointsOf(numberPoint) });
const histogram = jsonMessage(shapes.histogram, { aggregation_temporality: temporality, points: pointsOf(histogramPoint) });
const exponentialHistogram = jsonMessage(shapes.histogram, { aggregation_temporality: temporality, points: pointsOf(exponentialPoint) });
const summary = jsonMessage(shapes.points, { points: pointsOf(summaryPoint) });

const metric = jsonMessage(shapes.metric, {
  name: text,
  description: text,
  unit: text,
  gauge: choice(one(() => gauge)),
  sum: choice(one(() => sum)),
  histogram: choice(one(() => histogram)),
  exponential_histogram: choice(one(() => exponentialHistogram)),
  summary: choice(one(() => summary)),
  metadata: attributes,
});

/** The export request of each signal. */
export const requests: Readonly<Record<Signal, JsonMessage>> = {
  traces: requestOf({ resources: 'resource_spans', scopes: 'scope_spans', items: 'spans' }, span),
  logs: requestOf({ resources: 'resource_logs', scopes: 'scope_logs', items: 'log_records' }, logRecord),
  metrics: requestOf({ resources: 'resource_metrics', scopes: 'scope_metrics', items: 'metrics' }, metric),
};
