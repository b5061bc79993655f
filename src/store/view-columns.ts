/**
 * How each column that policy authors see (catalog in src/policy/catalog) is made of a window's rows. `fields` are row
 * fields (signal-fields.ts), `sql` is an expression over them; `service` asks for the key resource['service.name'],
 * available as `service`.
 */
export interface ViewColumn {
  readonly fields: readonly string[];
  readonly service?: boolean;
  readonly inputs?: boolean;
  readonly sql: string;
}

function field(name: string, sql = name): ViewColumn {
  return { fields: [name], sql };
}

const hexId = (name: string): string => `lpad(lower(to_hex(${name})), 16, '0')`;
const rowId = '((r::UHUGEINT << 64) | (pcode::UHUGEINT << 32) | wseq::UHUGEINT)';
const nOneDouble = '72057594037927936.0::DOUBLE';

const identity: { readonly [name: string]: ViewColumn } = {
  id: { fields: [], inputs: true, sql: rowId },
  item: { fields: [], inputs: true, sql: `struct_pack("key" := ${rowId}, r := r, n_in := n_in)` },
  randomness: { fields: [], sql: 'r' },
  adjusted_count: { fields: [], inputs: true, sql: `${nOneDouble} / n_in` },
  service_name: { fields: [], service: true, sql: 'service' },
  resource_id: field('resource_id'),
  scope_id: field('scope_id'),
  scope_name: field('scope_name'),
  scope_version: field('scope_version'),
  flags: field('flags'),
  dropped_attributes_count: field('dropped_attributes_count'),
};

/** View `spans`, one row a span. */
export const spanColumns: { readonly [name: string]: ViewColumn } = {
  ...identity,
  trace_id: { fields: [], sql: 'trace_id' },
  span_id: field('span_id', hexId('span_id')),
  parent_span_id: field('parent_span_id', hexId('parent_span_id')),
  is_root: field('parent_span_id', 'parent_span_id IS NULL'),
  name: field('name'),
  kind: field('kind', 'kind::INTEGER'),
  start_time: field('start_ns', 'make_timestamp_ns(start_ns)'),
  end_time: { fields: ['start_ns', 'duration_ns'], sql: 'make_timestamp_ns(start_ns + duration_ns)' },
  duration: field('duration_ns', 'to_microseconds(duration_ns // 1000)'),
  start_time_unix_nano: field('start_ns'),
  duration_time_unix_nano: field('duration_ns'),
  status_code: field('status_code', 'status_code::INTEGER'),
  status_message: field('status_message'),
  has_error: field('status_code', 'status_code = 2'),
  trace_state: field('trace_state'),
  dropped_events_count: field('dropped_events_count'),
  dropped_links_count: field('dropped_links_count'),
};

/** The same where traces are decided in groups: a span's item has the randomness and p_in of its group's leader. */
export const groupedSpanColumns: { readonly [name: string]: ViewColumn } = {
  item: { fields: [], inputs: true, sql: `struct_pack("key" := ${rowId}, r := group_r, n_in := group_n_in)` },
  randomness: { fields: [], inputs: true, sql: 'group_r' },
};

/** View `logs`, one row a log record. */
export const logColumns: { readonly [name: string]: ViewColumn } = {
  ...identity,
  trace_id: field('trace_id'),
  span_id: field('span_id', hexId('span_id')),
  time: field('time_ns', 'make_timestamp_ns(time_ns)'),
  observed_time: field('observed_ns', 'make_timestamp_ns(observed_ns)'),
  time_unix_nano: field('time_ns'),
  observed_time_unix_nano: field('observed_ns'),
  severity_number: field('severity_number', 'severity_number::INTEGER'),
  severity_text: field('severity_text'),
  body: field('body'),
  body_type: field('body_type'),
  event_name: field('event_name'),
};

/** Roots go before all other spans; times are held within 0 to 2^62. */
const rootsFirst = 'CASE WHEN parent_span_id IS NULL THEN start_ns - 4611686018427387904 ELSE start_ns END';

/**
 * View `traces`, one row a trace: aggregates over the window's spans. Where a trace has no root span here, its
 * earliest span stands in.
 */
export const traceColumns: { readonly [name: string]: ViewColumn } = {
  start_time: field('start_ns', 'make_timestamp_ns(min(start_ns))'),
  end_time: { fields: ['start_ns', 'duration_ns'], sql: 'make_timestamp_ns(max(start_ns + duration_ns))' },
  duration: {
    fields: ['start_ns', 'duration_ns'],
    sql: 'to_microseconds((max(start_ns + duration_ns) - min(start_ns)) // 1000)',
  },
  duration_time_unix_nano: { fields: ['start_ns', 'duration_ns'], sql: 'max(start_ns + duration_ns) - min(start_ns)' },
  span_count: { fields: [], sql: 'count(*)' },
  error_count: field('status_code', 'count(*) FILTER (status_code = 2)'),
  has_error: field('status_code', 'max(status_code = 2)'),
  service_count: { fields: [], service: true, sql: 'count(DISTINCT service)' },
  services: { fields: [], service: true, sql: 'list_sort(list(DISTINCT service))' },
  has_root: field('parent_span_id', 'max(parent_span_id IS NULL)'),
  root_service: { fields: ['parent_span_id', 'start_ns'], service: true, sql: ofRoot('service') },
  root_name: { fields: ['parent_span_id', 'start_ns', 'name'], sql: ofRoot('name') },
  root_kind: { fields: ['parent_span_id', 'start_ns', 'kind'], sql: `${ofRoot('kind')}::INTEGER` },
  root_status_code: { fields: ['parent_span_id', 'start_ns', 'status_code'], sql: `${ofRoot('status_code')}::INTEGER` },
};

/** Fields that `ofRoot` reads beside its column. */
export const rootFields = ['parent_span_id', 'start_ns'] as const;

/** The column's value, which may be NULL, on the root span (the earliest, should there be several), else on the earliest span. */
export function ofRoot(column: string): string {
  return `arg_min_null(${column}, ${rootsFirst})`;
}
