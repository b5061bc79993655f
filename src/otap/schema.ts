import type { SchemaName } from './payload-type.ts';

/**
 * What a leaf column holds. `list_quantile` is List<Struct<quantile: f64, value: f64>>.
 * Arrow types: timestamp = Timestamp(ns), duration = Duration(ns), fixed8/16 = FixedSizeBinary.
 */
export type ValueType =
  | 'u8' | 'u16' | 'u32' | 'u64' | 'i32' | 'i64' | 'f64' | 'bool'
  | 'utf8' | 'binary' | 'fixed8' | 'fixed16' | 'timestamp' | 'duration'
  | 'list_u64' | 'list_f64' | 'list_quantile';

/** How an id column is encoded in transport when its field says nothing (OTAP specification, section 6.4). */
export type IdEncoding = 'delta' | 'quasidelta';

/**
 * Which dictionary index widths our encoder may use; a decoder accepts any of them (and native) on any column.
 * `u16` means that u8 is refused by strict receivers.
 */
export type DictionaryUse = 'none' | 'u8' | 'u16';

export interface ColumnSpec {
  /** Path with dots, as in the specification: `resource.id`, `body.str`, `status.code`. */
  readonly path: string;
  readonly type: ValueType;
  /** Must be present and without nulls in what we send. */
  readonly required: boolean;
  readonly dictionary: DictionaryUse;
  readonly idEncoding: IdEncoding | null;
}

function column(path: string, type: ValueType, options: Partial<Omit<ColumnSpec, 'path' | 'type'>> = {}): ColumnSpec {
  return { path, type, required: false, dictionary: 'none', idEncoding: null, ...options };
}

const required = { required: true } as const;
const text = { dictionary: 'u8' } as const;
const delta = { idEncoding: 'delta' } as const;
const quasi = { idEncoding: 'quasidelta', required: true } as const;

const resourceAndScope: readonly ColumnSpec[] = [
  column('id', 'u16', delta),
  column('resource.id', 'u16', delta),
  column('resource.schema_url', 'utf8', text),
  column('resource.dropped_attributes_count', 'u32'),
  column('scope.id', 'u16', delta),
  column('scope.name', 'utf8', text),
  column('scope.version', 'utf8', text),
  column('scope.dropped_attributes_count', 'u32'),
  column('schema_url', 'utf8', text),
];

const anyValue = (prefix: string): readonly ColumnSpec[] => [
  column(`${prefix}type`, 'u8', required),
  column(`${prefix}str`, 'utf8', { dictionary: 'u16' }),
  column(`${prefix}int`, 'i64', { dictionary: 'u16' }),
  column(`${prefix}double`, 'f64'),
  column(`${prefix}bool`, 'bool'),
  column(`${prefix}bytes`, 'binary', { dictionary: 'u16' }),
  column(`${prefix}ser`, 'binary', { dictionary: 'u16' }),
];

const attributes = (parentType: 'u16' | 'u32'): readonly ColumnSpec[] => [
  column('parent_id', parentType, quasi),
  column('key', 'utf8', { dictionary: 'u8', required: true }),
  ...anyValue(''),
];

const dataPoint: readonly ColumnSpec[] = [
  column('id', 'u32', delta),
  column('parent_id', 'u16', { ...delta, ...required }),
  column('start_time_unix_nano', 'timestamp'),
  column('time_unix_nano', 'timestamp', required),
];

/**
 * Column sets of the OTAP specification (section 5), in the order in which we write them, with the dictionary
 * encodings that both known receivers accept (see docs/otap.md for what each refuses).
 */
export const schemas: { readonly [name in SchemaName]: readonly ColumnSpec[] } = {
  logs: [
    ...resourceAndScope,
    column('time_unix_nano', 'timestamp'),
    column('observed_time_unix_nano', 'timestamp'),
    column('trace_id', 'fixed16', text),
    column('span_id', 'fixed8', text),
    column('severity_number', 'i32', text),
    column('severity_text', 'utf8', text),
    ...anyValue('body.'),
    column('dropped_attributes_count', 'u32'),
    column('flags', 'u32'),
    column('event_name', 'utf8', text),
  ],
  spans: [
    ...resourceAndScope,
    column('start_time_unix_nano', 'timestamp', required),
    column('duration_time_unix_nano', 'duration', required),
    column('trace_id', 'fixed16', required),
    column('span_id', 'fixed8', required),
    column('trace_state', 'utf8', text),
    column('parent_span_id', 'fixed8'),
    column('flags', 'u32'),
    column('name', 'utf8', { ...text, ...required }),
    column('kind', 'i32', text),
    column('dropped_attributes_count', 'u32'),
    column('dropped_events_count', 'u32'),
    column('dropped_links_count', 'u32'),
    column('status.code', 'i32', text),
    column('status.status_message', 'utf8', text),
  ],
  metrics: [
    ...resourceAndScope,
    column('metric_type', 'u8', required),
    column('name', 'utf8', { ...text, ...required }),
    column('description', 'utf8', text),
    column('unit', 'utf8', text),
    column('aggregation_temporality', 'i32', text),
    column('is_monotonic', 'bool'),
  ],
  span_events: [
    column('id', 'u32', delta),
    column('parent_id', 'u16', quasi),
    column('time_unix_nano', 'timestamp'),
    column('name', 'utf8', { ...text, ...required }),
    column('dropped_attributes_count', 'u32'),
  ],
  span_links: [
    column('id', 'u32', delta),
    column('parent_id', 'u16', quasi),
    column('trace_id', 'fixed16', text),
    column('span_id', 'fixed8', text),
    column('trace_state', 'utf8', text),
    column('dropped_attributes_count', 'u32'),
    column('flags', 'u32'),
  ],
  number_data_points: [
    ...dataPoint,
    column('int_value', 'i64'),
    column('double_value', 'f64'),
    column('flags', 'u32'),
  ],
  summary_data_points: [
    ...dataPoint,
    column('count', 'u64'),
    column('sum', 'f64'),
    column('quantile', 'list_quantile'),
    column('flags', 'u32'),
  ],
  histogram_data_points: [
    ...dataPoint,
    column('count', 'u64'),
    column('sum', 'f64'),
    column('bucket_counts', 'list_u64'),
    column('explicit_bounds', 'list_f64'),
    column('flags', 'u32'),
    column('min', 'f64'),
    column('max', 'f64'),
  ],
  exp_histogram_data_points: [
    ...dataPoint,
    column('count', 'u64'),
    column('sum', 'f64'),
    column('scale', 'i32'),
    column('zero_count', 'u64'),
    column('positive.offset', 'i32'),
    column('positive.bucket_counts', 'list_u64'),
    column('negative.offset', 'i32'),
    column('negative.bucket_counts', 'list_u64'),
    column('flags', 'u32'),
    column('min', 'f64'),
    column('max', 'f64'),
    column('zero_threshold', 'f64'),
  ],
  exemplars: [
    column('id', 'u32', delta),
    column('parent_id', 'u32', quasi),
    column('time_unix_nano', 'timestamp'),
    column('int_value', 'i64', { dictionary: 'u16' }),
    column('double_value', 'f64'),
    column('span_id', 'fixed8', text),
    column('trace_id', 'fixed16', text),
  ],
  attributes_u16: attributes('u16'),
  attributes_u32: attributes('u32'),
};
