/** Signals that OTAP carries, each on a service of its own. */
export type Signal = 'traces' | 'logs' | 'metrics';

/** Numbers of ArrowPayloadType, by the names of the OTAP specification (section 3.1). */
export const payloadTypes = {
  RESOURCE_ATTRS: 1,
  SCOPE_ATTRS: 2,
  UNIVARIATE_METRICS: 10,
  NUMBER_DATA_POINTS: 11,
  SUMMARY_DATA_POINTS: 12,
  HISTOGRAM_DATA_POINTS: 13,
  EXP_HISTOGRAM_DATA_POINTS: 14,
  NUMBER_DP_ATTRS: 15,
  SUMMARY_DP_ATTRS: 16,
  HISTOGRAM_DP_ATTRS: 17,
  EXP_HISTOGRAM_DP_ATTRS: 18,
  NUMBER_DP_EXEMPLARS: 19,
  HISTOGRAM_DP_EXEMPLARS: 20,
  EXP_HISTOGRAM_DP_EXEMPLARS: 21,
  NUMBER_DP_EXEMPLAR_ATTRS: 22,
  HISTOGRAM_DP_EXEMPLAR_ATTRS: 23,
  EXP_HISTOGRAM_DP_EXEMPLAR_ATTRS: 24,
  METRIC_ATTRS: 26,
  LOGS: 30,
  LOG_ATTRS: 31,
  SPANS: 40,
  SPAN_ATTRS: 41,
  SPAN_EVENTS: 42,
  SPAN_LINKS: 43,
  SPAN_EVENT_ATTRS: 44,
  SPAN_LINK_ATTRS: 45,
} as const;

export type PayloadName = keyof typeof payloadTypes;

/** Shape of a table: root of a signal, child with rows of its own columns, or attributes of a parent. */
export type TableKind = 'root' | 'child' | 'attributes';

/** What a payload type is, and which table its `parent_id` refers to (OTAP specification, section 3.1.1 to 3.1.3). */
export interface PayloadInfo {
  readonly name: PayloadName;
  readonly type: number;
  readonly kind: TableKind;
  /** Column set, see schema.ts; several payload types share one. */
  readonly schema: SchemaName;
  /** The table that `parent_id` points into; null for roots. For RESOURCE_ATTRS and SCOPE_ATTRS: the root's `resource.id` / `scope.id`. */
  readonly parent: PayloadName | 'ROOT' | null;
}

export type SchemaName =
  | 'logs'
  | 'spans'
  | 'metrics'
  | 'span_events'
  | 'span_links'
  | 'number_data_points'
  | 'summary_data_points'
  | 'histogram_data_points'
  | 'exp_histogram_data_points'
  | 'exemplars'
  | 'attributes_u16'
  | 'attributes_u32';

function info(name: PayloadName, kind: TableKind, schema: SchemaName, parent: PayloadInfo['parent']): PayloadInfo {
  return { name, type: payloadTypes[name], kind, schema, parent };
}

const resourceAndScope: readonly PayloadInfo[] = [
  info('RESOURCE_ATTRS', 'attributes', 'attributes_u16', 'ROOT'),
  info('SCOPE_ATTRS', 'attributes', 'attributes_u16', 'ROOT'),
];

/** Payloads of each signal, parents before children, root first. */
export const signalPayloads: { readonly [signal in Signal]: readonly PayloadInfo[] } = {
  logs: [
    info('LOGS', 'root', 'logs', null),
    ...resourceAndScope,
    info('LOG_ATTRS', 'attributes', 'attributes_u16', 'LOGS'),
  ],
  traces: [
    info('SPANS', 'root', 'spans', null),
    ...resourceAndScope,
    info('SPAN_ATTRS', 'attributes', 'attributes_u16', 'SPANS'),
    info('SPAN_EVENTS', 'child', 'span_events', 'SPANS'),
    info('SPAN_LINKS', 'child', 'span_links', 'SPANS'),
    info('SPAN_EVENT_ATTRS', 'attributes', 'attributes_u32', 'SPAN_EVENTS'),
    info('SPAN_LINK_ATTRS', 'attributes', 'attributes_u32', 'SPAN_LINKS'),
  ],
  metrics: [
    info('UNIVARIATE_METRICS', 'root', 'metrics', null),
    ...resourceAndScope,
    info('METRIC_ATTRS', 'attributes', 'attributes_u16', 'UNIVARIATE_METRICS'),
    info('NUMBER_DATA_POINTS', 'child', 'number_data_points', 'UNIVARIATE_METRICS'),
    info('SUMMARY_DATA_POINTS', 'child', 'summary_data_points', 'UNIVARIATE_METRICS'),
    info('HISTOGRAM_DATA_POINTS', 'child', 'histogram_data_points', 'UNIVARIATE_METRICS'),
    info('EXP_HISTOGRAM_DATA_POINTS', 'child', 'exp_histogram_data_points', 'UNIVARIATE_METRICS'),
    info('NUMBER_DP_ATTRS', 'attributes', 'attributes_u32', 'NUMBER_DATA_POINTS'),
    info('SUMMARY_DP_ATTRS', 'attributes', 'attributes_u32', 'SUMMARY_DATA_POINTS'),
    info('HISTOGRAM_DP_ATTRS', 'attributes', 'attributes_u32', 'HISTOGRAM_DATA_POINTS'),
    info('EXP_HISTOGRAM_DP_ATTRS', 'attributes', 'attributes_u32', 'EXP_HISTOGRAM_DATA_POINTS'),
    info('NUMBER_DP_EXEMPLARS', 'child', 'exemplars', 'NUMBER_DATA_POINTS'),
    info('HISTOGRAM_DP_EXEMPLARS', 'child', 'exemplars', 'HISTOGRAM_DATA_POINTS'),
    info('EXP_HISTOGRAM_DP_EXEMPLARS', 'child', 'exemplars', 'EXP_HISTOGRAM_DATA_POINTS'),
    info('NUMBER_DP_EXEMPLAR_ATTRS', 'attributes', 'attributes_u32', 'NUMBER_DP_EXEMPLARS'),
    info('HISTOGRAM_DP_EXEMPLAR_ATTRS', 'attributes', 'attributes_u32', 'HISTOGRAM_DP_EXEMPLARS'),
    info('EXP_HISTOGRAM_DP_EXEMPLAR_ATTRS', 'attributes', 'attributes_u32', 'EXP_HISTOGRAM_DP_EXEMPLARS'),
  ],
};

/** The root payload of a signal. */
export const rootPayload: { readonly [signal in Signal]: PayloadInfo } = {
  logs: signalPayloads.logs[0],
  traces: signalPayloads.traces[0],
  metrics: signalPayloads.metrics[0],
};
