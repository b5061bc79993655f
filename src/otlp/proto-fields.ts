import { type ListField, messageShape } from './message-shape.ts';

/*
 * Messages of OTLP and the numbers of their fields (opentelemetry-proto 1.9: collector, common, resource, trace, logs, metrics). Fields that are
 * not here are skipped.
 */

const messages = (field: number): ListField => ({ field, packed: null });

/** ExportTraceServiceRequest, ExportLogsServiceRequest, ExportMetricsServiceRequest: the same numbers. */
export const request = messageShape('Request', {}, { resources: messages(1) });

/** ResourceSpans, ResourceLogs, ResourceMetrics. Of `resource` there is one; two are merged, as protobuf says. */
export const resourceItems = messageShape('ResourceItems', { schema_url: [3, 'bytes'] }, { resource: messages(1), scopes: messages(2) });

/** ScopeSpans, ScopeLogs, ScopeMetrics. */
export const scopeItems = messageShape('ScopeItems', { schema_url: [3, 'bytes'] }, { scope: messages(1), items: messages(2) });

export const resource = messageShape('Resource', { dropped_attributes_count: [2, 'varint'] }, { attributes: messages(1) });

/** What else a Resource has: looked at where values are checked, and by nobody else here. Keys are texts. */
export const resourceEntities = messageShape('Resource', {}, { entity_refs: messages(3) });
export const entityRef = messageShape('EntityRef', { schema_url: [1, 'bytes'], type: [2, 'bytes'] }, { id_keys: messages(3), description_keys: messages(4) });

export const scope = messageShape(
  'InstrumentationScope',
  { name: [1, 'bytes'], version: [2, 'bytes'], dropped_attributes_count: [4, 'varint'] },
  { attributes: messages(3) },
);

export const span = messageShape(
  'Span',
  {
    trace_id: [1, 'bytes', 16],
    span_id: [2, 'bytes', 8],
    trace_state: [3, 'bytes'],
    parent_span_id: [4, 'bytes', 8],
    name: [5, 'bytes'],
    kind: [6, 'varint'],
    start_time_unix_nano: [7, 'fixed64'],
    end_time_unix_nano: [8, 'fixed64'],
    dropped_attributes_count: [10, 'varint'],
    dropped_events_count: [12, 'varint'],
    dropped_links_count: [14, 'varint'],
    flags: [16, 'fixed32'],
  },
  { attributes: messages(9), events: messages(11), links: messages(13), status: messages(15) },
);

export const status = messageShape('Status', { message: [2, 'bytes'], code: [3, 'varint'] }, {});

export const spanEvent = messageShape(
  'Span.Event',
  { time_unix_nano: [1, 'fixed64'], name: [2, 'bytes'], dropped_attributes_count: [4, 'varint'] },
  { attributes: messages(3) },
);

export const spanLink = messageShape(
  'Span.Link',
  { trace_id: [1, 'bytes', 16], span_id: [2, 'bytes', 8], trace_state: [3, 'bytes'], dropped_attributes_count: [5, 'varint'], flags: [6, 'fixed32'] },
  { attributes: messages(4) },
);

export const logRecord = messageShape(
  'LogRecord',
  {
    time_unix_nano: [1, 'fixed64'],
    severity_number: [2, 'varint'],
    severity_text: [3, 'bytes'],
    body: [5, 'bytes', 'value'],
    dropped_attributes_count: [7, 'varint'],
    flags: [8, 'fixed32'],
    trace_id: [9, 'bytes', 16],
    span_id: [10, 'bytes', 8],
    observed_time_unix_nano: [11, 'fixed64'],
    event_name: [12, 'bytes'],
  },
  { attributes: messages(6) },
);

/** The oneof `data` is five lists: the member that comes last counts. */
export const metric = messageShape(
  'Metric',
  { name: [1, 'bytes'], description: [2, 'bytes'], unit: [3, 'bytes'] },
  {
    gauge: messages(5),
    sum: messages(7),
    histogram: messages(9),
    exponential_histogram: messages(10),
    summary: messages(11),
    metadata: messages(12),
  },
);

/** Gauge and Summary. */
export const points = messageShape('Gauge or Summary', {}, { points: messages(1) });

export const sum = messageShape('Sum', { aggregation_temporality: [2, 'varint'], is_monotonic: [3, 'varint'] }, { points: messages(1) });

/** Histogram and ExponentialHistogram. */
export const histogram = messageShape('Histogram', { aggregation_temporality: [2, 'varint'] }, { points: messages(1) });

export const numberPoint = messageShape(
  'NumberDataPoint',
  {
    start_time_unix_nano: [2, 'fixed64'],
    time_unix_nano: [3, 'fixed64'],
    double_value: [4, 'fixed64'],
    int_value: [6, 'fixed64'],
    flags: [8, 'varint'],
  },
  { attributes: messages(7), exemplars: messages(5) },
);

export const histogramPoint = messageShape(
  'HistogramDataPoint',
  {
    start_time_unix_nano: [2, 'fixed64'],
    time_unix_nano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'fixed64'],
    flags: [10, 'varint'],
    min: [11, 'fixed64'],
    max: [12, 'fixed64'],
  },
  {
    attributes: messages(9),
    exemplars: messages(8),
    bucket_counts: { field: 6, packed: 'fixed64' },
    explicit_bounds: { field: 7, packed: 'fixed64' },
  },
);

export const exponentialPoint = messageShape(
  'ExponentialHistogramDataPoint',
  {
    start_time_unix_nano: [2, 'fixed64'],
    time_unix_nano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'fixed64'],
    scale: [6, 'varint'],
    zero_count: [7, 'fixed64'],
    flags: [10, 'varint'],
    min: [12, 'fixed64'],
    max: [13, 'fixed64'],
    zero_threshold: [14, 'fixed64'],
  },
  { attributes: messages(1), exemplars: messages(11), positive: messages(8), negative: messages(9) },
);

export const buckets = messageShape('Buckets', { offset: [1, 'varint'] }, { bucket_counts: { field: 2, packed: 'varint' } });

export const summaryPoint = messageShape(
  'SummaryDataPoint',
  {
    start_time_unix_nano: [2, 'fixed64'],
    time_unix_nano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'fixed64'],
    flags: [8, 'varint'],
  },
  { attributes: messages(7), quantiles: messages(6) },
);

export const valueAtQuantile = messageShape('ValueAtQuantile', { quantile: [1, 'fixed64'], value: [2, 'fixed64'] }, {});

export const exemplar = messageShape(
  'Exemplar',
  {
    time_unix_nano: [2, 'fixed64'],
    double_value: [3, 'fixed64'],
    span_id: [4, 'bytes', 8],
    trace_id: [5, 'bytes', 16],
    int_value: [6, 'fixed64'],
  },
  { attributes: messages(7) },
);
