import { rootPayload, type PayloadName, type Signal } from '../../otap/payload-type.ts';
import { attributesField, childrenField, field, listField, type MessagePart, messageField, optionalField } from './message-parts.ts';

/** Messages of opentelemetry-proto 1.9 (trace.proto, logs.proto, metrics.proto, resource.proto, common.proto), in terms of OTAP's columns. */

const droppedAttributes = (number: number, path = 'dropped_attributes_count'): MessagePart => field(number, 'droppedAttributesCount', 'uint32', path);

export const resourceParts: readonly MessagePart[] = [
  attributesField(1, 'attributes', 'RESOURCE_ATTRS', 'resource'),
  droppedAttributes(2, 'resource.dropped_attributes_count'),
];

export const scopeParts: readonly MessagePart[] = [
  field(1, 'name', 'string', 'scope.name'),
  field(2, 'version', 'string', 'scope.version'),
  attributesField(3, 'attributes', 'SCOPE_ATTRS', 'scope'),
  droppedAttributes(4, 'scope.dropped_attributes_count'),
];

/** schema_url of ResourceSpans, ResourceLogs, ResourceMetrics. */
export const resourceUrl = field(3, 'schemaUrl', 'string', 'resource.schema_url');
/** schema_url of ScopeSpans, ScopeLogs, ScopeMetrics. */
export const scopeUrl = field(3, 'schemaUrl', 'string', 'schema_url');

const event: readonly MessagePart[] = [
  field(1, 'timeUnixNano', 'fixed64', 'time_unix_nano'),
  field(2, 'name', 'string', 'name'),
  attributesField(3, 'attributes', 'SPAN_EVENT_ATTRS'),
  droppedAttributes(4),
];

const link: readonly MessagePart[] = [
  field(1, 'traceId', 'id', 'trace_id'),
  field(2, 'spanId', 'id', 'span_id'),
  field(3, 'traceState', 'string', 'trace_state'),
  attributesField(4, 'attributes', 'SPAN_LINK_ATTRS'),
  droppedAttributes(5),
  field(6, 'flags', 'fixed32', 'flags'),
];

const span: readonly MessagePart[] = [
  field(1, 'traceId', 'id', 'trace_id'),
  field(2, 'spanId', 'id', 'span_id'),
  field(3, 'traceState', 'string', 'trace_state'),
  optionalField(4, 'parentSpanId', 'id', 'parent_span_id'),
  field(5, 'name', 'string', 'name'),
  field(6, 'kind', 'int32', 'kind'),
  field(7, 'startTimeUnixNano', 'fixed64', 'start_time_unix_nano'),
  { kind: 'end', number: 8, json: 'endTimeUnixNano', start: 'start_time_unix_nano', duration: 'duration_time_unix_nano' },
  attributesField(9, 'attributes', 'SPAN_ATTRS'),
  droppedAttributes(10),
  childrenField(11, 'events', 'SPAN_EVENTS', event),
  field(12, 'droppedEventsCount', 'uint32', 'dropped_events_count'),
  childrenField(13, 'links', 'SPAN_LINKS', link),
  field(14, 'droppedLinksCount', 'uint32', 'dropped_links_count'),
  messageField(15, 'status', [field(2, 'message', 'string', 'status.status_message'), field(3, 'code', 'int32', 'status.code')]),
  field(16, 'flags', 'fixed32', 'flags'),
];

const logRecord: readonly MessagePart[] = [
  field(1, 'timeUnixNano', 'fixed64', 'time_unix_nano'),
  field(2, 'severityNumber', 'int32', 'severity_number'),
  field(3, 'severityText', 'string', 'severity_text'),
  { kind: 'value', number: 5, json: 'body', prefix: 'body.' },
  attributesField(6, 'attributes', 'LOG_ATTRS'),
  droppedAttributes(7),
  field(8, 'flags', 'fixed32', 'flags'),
  optionalField(9, 'traceId', 'id', 'trace_id'),
  optionalField(10, 'spanId', 'id', 'span_id'),
  field(11, 'observedTimeUnixNano', 'fixed64', 'observed_time_unix_nano'),
  field(12, 'eventName', 'string', 'event_name'),
];

function exemplar(attributes: PayloadName): readonly MessagePart[] {
  return [
    field(2, 'timeUnixNano', 'fixed64', 'time_unix_nano'),
    { kind: 'one_of', parts: [optionalField(6, 'asInt', 'sfixed64', 'int_value'), optionalField(3, 'asDouble', 'double', 'double_value')] },
    optionalField(4, 'spanId', 'id', 'span_id'),
    optionalField(5, 'traceId', 'id', 'trace_id'),
    attributesField(7, 'filteredAttributes', attributes),
  ];
}

const startTime = field(2, 'startTimeUnixNano', 'fixed64', 'start_time_unix_nano');
const time = field(3, 'timeUnixNano', 'fixed64', 'time_unix_nano');
const count = field(4, 'count', 'fixed64', 'count');

const numberPoint: readonly MessagePart[] = [
  startTime,
  time,
  { kind: 'one_of', parts: [optionalField(6, 'asInt', 'sfixed64', 'int_value'), optionalField(4, 'asDouble', 'double', 'double_value')] },
  childrenField(5, 'exemplars', 'NUMBER_DP_EXEMPLARS', exemplar('NUMBER_DP_EXEMPLAR_ATTRS')),
  attributesField(7, 'attributes', 'NUMBER_DP_ATTRS'),
  field(8, 'flags', 'uint32', 'flags'),
];

const histogramPoint: readonly MessagePart[] = [
  startTime,
  time,
  count,
  optionalField(5, 'sum', 'double', 'sum'),
  listField(6, 'bucketCounts', 'fixed64', 'bucket_counts'),
  listField(7, 'explicitBounds', 'double', 'explicit_bounds'),
  childrenField(8, 'exemplars', 'HISTOGRAM_DP_EXEMPLARS', exemplar('HISTOGRAM_DP_EXEMPLAR_ATTRS')),
  attributesField(9, 'attributes', 'HISTOGRAM_DP_ATTRS'),
  field(10, 'flags', 'uint32', 'flags'),
  optionalField(11, 'min', 'double', 'min'),
  optionalField(12, 'max', 'double', 'max'),
];

function buckets(side: 'positive' | 'negative'): readonly MessagePart[] {
  return [field(1, 'offset', 'sint32', `${side}.offset`), listField(2, 'bucketCounts', 'uint64', `${side}.bucket_counts`)];
}

const exponentialPoint: readonly MessagePart[] = [
  attributesField(1, 'attributes', 'EXP_HISTOGRAM_DP_ATTRS'),
  startTime,
  time,
  count,
  optionalField(5, 'sum', 'double', 'sum'),
  field(6, 'scale', 'sint32', 'scale'),
  field(7, 'zeroCount', 'fixed64', 'zero_count'),
  messageField(8, 'positive', buckets('positive')),
  messageField(9, 'negative', buckets('negative')),
  field(10, 'flags', 'uint32', 'flags'),
  childrenField(11, 'exemplars', 'EXP_HISTOGRAM_DP_EXEMPLARS', exemplar('EXP_HISTOGRAM_DP_EXEMPLAR_ATTRS')),
  optionalField(12, 'min', 'double', 'min'),
  optionalField(13, 'max', 'double', 'max'),
  field(14, 'zeroThreshold', 'double', 'zero_threshold'),
];

const summaryPoint: readonly MessagePart[] = [
  startTime,
  time,
  count,
  field(5, 'sum', 'double', 'sum'),
  { kind: 'quantiles', number: 6, json: 'quantileValues', path: 'quantile' },
  attributesField(7, 'attributes', 'SUMMARY_DP_ATTRS'),
  field(8, 'flags', 'uint32', 'flags'),
];

function metricData(number: number, json: string, points: PayloadName, point: readonly MessagePart[], ...others: readonly MessagePart[]): MessagePart {
  return { kind: 'message', number, json, parts: [childrenField(1, 'dataPoints', points, point), ...others], always: true };
}

const temporality = field(2, 'aggregationTemporality', 'int32', 'aggregation_temporality');

const metric: readonly MessagePart[] = [
  field(1, 'name', 'string', 'name'),
  field(2, 'description', 'string', 'description'),
  field(3, 'unit', 'string', 'unit'),
  {
    kind: 'by_number',
    path: 'metric_type',
    parts: new Map([
      [1, metricData(5, 'gauge', 'NUMBER_DATA_POINTS', numberPoint)],
      [2, metricData(7, 'sum', 'NUMBER_DATA_POINTS', numberPoint, temporality, field(3, 'isMonotonic', 'bool', 'is_monotonic'))],
      [3, metricData(9, 'histogram', 'HISTOGRAM_DATA_POINTS', histogramPoint, temporality)],
      [4, metricData(10, 'exponentialHistogram', 'EXP_HISTOGRAM_DATA_POINTS', exponentialPoint, temporality)],
      [5, metricData(11, 'summary', 'SUMMARY_DATA_POINTS', summaryPoint)],
    ]),
  },
  attributesField(12, 'metadata', 'METRIC_ATTRS'),
];

/** The messages of a signal's request, from the outside in; their field numbers are the same for all signals. */
export interface SignalMessages {
  readonly root: PayloadName;
  /** Member names in JSON: of the request, of a resource's entry, of a scope's entry. */
  readonly resources: string;
  readonly scopes: string;
  readonly items: string;
  readonly item: readonly MessagePart[];
}

export const signalMessages: { readonly [signal in Signal]: SignalMessages } = {
  traces: { root: rootPayload.traces.name, resources: 'resourceSpans', scopes: 'scopeSpans', items: 'spans', item: span },
  logs: { root: rootPayload.logs.name, resources: 'resourceLogs', scopes: 'scopeLogs', items: 'logRecords', item: logRecord },
  metrics: { root: rootPayload.metrics.name, resources: 'resourceMetrics', scopes: 'scopeMetrics', items: 'metrics', item: metric },
};
