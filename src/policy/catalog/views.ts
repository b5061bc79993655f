import type { PolicySignal, ViewName } from '../compile/compiled.ts';

/** A column that policy authors see. `attributes` and `resource` have type KEYS: a struct of the keys that are read. */
export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
}

export interface CatalogView {
  readonly name: ViewName;
  readonly signal: PolicySignal;
  readonly doc: string;
  readonly columns: readonly CatalogColumn[];
}

/** Type of `attributes` and `resource` in the catalog; the compiler puts a STRUCT of the keys read in its place. */
export const keysType = 'KEYS';

/** A column of the catalog. */
export function column(name: string, type: string, doc: string): CatalogColumn {
  return { name, type, doc };
}

const inputColumns = [
  column('adjusted_count', 'DOUBLE', 'how many originals the row stood for when it came: 1 / p_in'),
  column('randomness', 'UBIGINT', 'R, 56 bits; the engine keeps a named item when R >= T'),
];

const idColumns = [
  column('id', 'UHUGEINT', 'unique in the window; carries the randomness'),
  column('item', 'STRUCT("key" UHUGEINT, r UBIGINT, n_in UBIGINT)', 'what a sampling function needs to know of the row'),
];

const originColumns = [
  column('scope_name', 'VARCHAR', 'name of the instrumentation scope'),
  column('scope_version', 'VARCHAR', 'version of the instrumentation scope'),
  column('service_name', 'VARCHAR', "the resource's service.name"),
  column('resource_id', 'UBIGINT', 'parent_id of its rows in resource_attrs'),
  column('scope_id', 'UBIGINT', 'parent_id of its rows in scope_attrs'),
];

const spans: CatalogView = {
  name: 'spans',
  signal: 'traces',
  doc: 'one row a span',
  columns: [
    ...idColumns,
    column('trace_id', 'UUID', 'compares with 32 hex digits; hex(trace_id) prints them'),
    column('span_id', 'VARCHAR', '16 hex digits'),
    column('parent_span_id', 'VARCHAR', '16 hex digits; NULL for a root'),
    column('is_root', 'BOOLEAN', 'has no parent span'),
    column('name', 'VARCHAR', 'operation'),
    column('kind', 'INTEGER', '0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer'),
    column('start_time', 'TIMESTAMP_NS', 'start, UTC'),
    column('end_time', 'TIMESTAMP_NS', 'end, UTC'),
    column('duration', 'INTERVAL', 'in microseconds: finer digits are in duration_time_unix_nano'),
    column('start_time_unix_nano', 'BIGINT', 'start, nanoseconds since the Unix epoch'),
    column('duration_time_unix_nano', 'BIGINT', 'duration, nanoseconds'),
    column('status_code', 'INTEGER', '0 unset, 1 ok, 2 error'),
    column('status_message', 'VARCHAR', 'what the status says'),
    column('has_error', 'BOOLEAN', 'status_code = 2'),
    column('trace_state', 'VARCHAR', 'W3C tracestate as it came'),
    column('flags', 'UINTEGER', 'W3C trace flags and the bits about the parent'),
    ...originColumns,
    column('attributes', keysType, "the span's attributes: attributes['key']"),
    column('resource', keysType, "the resource's attributes: resource['key']"),
    ...inputColumns,
    column('dropped_attributes_count', 'UINTEGER', 'attributes that the SDK dropped'),
    column('dropped_events_count', 'UINTEGER', 'events that the SDK dropped'),
    column('dropped_links_count', 'UINTEGER', 'links that the SDK dropped'),
  ],
};

const traces: CatalogView = {
  name: 'traces',
  signal: 'traces',
  doc: 'one row a trace, over the spans of it that are in the window',
  columns: [
    column('trace_id', 'UUID', 'compares with 32 hex digits; hex(trace_id) prints them'),
    column('item', 'STRUCT("key" UUID, r UBIGINT, n_in UBIGINT)', 'what a sampling function needs to know of the row'),
    column('start_time', 'TIMESTAMP_NS', 'earliest start, UTC'),
    column('end_time', 'TIMESTAMP_NS', 'latest end, UTC'),
    column('duration', 'INTERVAL', 'latest end - earliest start, in microseconds'),
    column('duration_time_unix_nano', 'BIGINT', 'the same, nanoseconds'),
    column('span_count', 'BIGINT', 'spans'),
    column('error_count', 'BIGINT', 'spans with status error'),
    column('has_error', 'BOOLEAN', 'error_count > 0'),
    column('service_count', 'BIGINT', 'distinct services'),
    column('services', 'VARCHAR[]', 'distinct services, sorted'),
    column('has_root', 'BOOLEAN', 'the root span is there'),
    column('root_service', 'VARCHAR', "the root span's service"),
    column('root_name', 'VARCHAR', "the root span's operation"),
    column('root_kind', 'INTEGER', "the root span's kind"),
    column('root_status_code', 'INTEGER', "the root span's status: 0 unset, 1 ok, 2 error"),
    column('attributes', keysType, "the root span's attributes: attributes['key']"),
    column('resource', keysType, "the root span's resource attributes: resource['key']"),
    ...inputColumns,
  ],
};

const logs: CatalogView = {
  name: 'logs',
  signal: 'logs',
  doc: 'one row a log record',
  columns: [
    ...idColumns,
    column('trace_id', 'UUID', 'NULL outside a trace'),
    column('span_id', 'VARCHAR', '16 hex digits; NULL outside a span'),
    column('time', 'TIMESTAMP_NS', 'when it happened, UTC'),
    column('observed_time', 'TIMESTAMP_NS', 'when it was seen, UTC'),
    column('time_unix_nano', 'BIGINT', 'time, nanoseconds since the Unix epoch'),
    column('observed_time_unix_nano', 'BIGINT', 'observed_time, nanoseconds since the Unix epoch'),
    column('severity_number', 'INTEGER', '1-4 trace, 5-8 debug, 9-12 info, 13-16 warn, 17-20 error, 21-24 fatal, 0 unknown'),
    column('severity_text', 'VARCHAR', 'the level as the source names it'),
    column('body', 'VARCHAR', 'text as it is, anything else as JSON'),
    column('body_type', 'UTINYINT', '0 empty, 1 str, 2 int, 3 double, 4 bool, 5 map, 6 slice, 7 bytes'),
    column('event_name', 'VARCHAR', 'what kind of event the record is'),
    column('flags', 'UINTEGER', 'W3C trace flags'),
    ...originColumns,
    column('attributes', keysType, "the record's attributes: attributes['key']"),
    column('resource', keysType, "the resource's attributes: resource['key']"),
    ...inputColumns,
    column('dropped_attributes_count', 'UINTEGER', 'attributes that the SDK dropped'),
  ],
};

const spanEvents: CatalogView = {
  name: 'span_events',
  signal: 'traces',
  doc: 'one row an event of a span',
  columns: [
    column('id', 'UHUGEINT', 'unique in the window; parent_id of its rows in span_event_attrs'),
    column('parent_id', 'UHUGEINT', 'spans.id'),
    column('trace_id', 'UUID', "the span's trace"),
    column('name', 'VARCHAR', 'for example exception'),
    column('time', 'TIMESTAMP_NS', 'when it happened, UTC'),
    column('time_unix_nano', 'BIGINT', 'time, nanoseconds since the Unix epoch'),
    column('dropped_attributes_count', 'UINTEGER', 'attributes that the SDK dropped'),
    column('attributes', keysType, "the event's attributes: attributes['key']"),
  ],
};

const spanLinks: CatalogView = {
  name: 'span_links',
  signal: 'traces',
  doc: 'one row a link of a span',
  columns: [
    column('id', 'UHUGEINT', 'unique in the window; parent_id of its rows in span_link_attrs'),
    column('parent_id', 'UHUGEINT', 'spans.id of the span that holds the link'),
    column('trace_id', 'UUID', 'trace of the span that holds the link'),
    column('linked_trace_id', 'UUID', 'trace that the link points to'),
    column('linked_span_id', 'VARCHAR', 'span that the link points to, 16 hex digits'),
    column('trace_state', 'VARCHAR', 'W3C tracestate of the link'),
    column('flags', 'UINTEGER', 'W3C trace flags of the link'),
    column('attributes', keysType, "the link's attributes: attributes['key']"),
  ],
};

/** The views that a policy reads, as data. */
export const catalogViews: readonly CatalogView[] = [traces, spans, spanEvents, spanLinks, logs];
