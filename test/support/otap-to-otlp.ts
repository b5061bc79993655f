import type { OtapBatch, PayloadTable } from '../../src/otap/batch.ts';
import type { PayloadName } from '../../src/otap/payload-type.ts';
import { anyValue, cell, listCells } from './otap-cells.ts';
import type { Json, JsonObject, OtlpRequest } from './otlp-json.ts';

export { canonical } from './otlp-canonical.ts';
export type { OtlpRequest } from './otlp-json.ts';

type Row = (path: string) => Json | undefined;
/** Rows, as objects, by the parent that they belong to. */
type Children = ReadonlyMap<number, readonly JsonObject[]>;

const none: readonly JsonObject[] = [];

/** A decoded batch in the shape of OTLP's JSON, a resource and scope entry for each item. Reads every column. */
export function toOtlp(batch: OtapBatch): OtlpRequest {
  switch (batch.signal) {
    case 'traces':
      return { resourceSpans: rootItems(batch, 'SPANS', 'scopeSpans', 'spans', spanReader(batch)) };
    case 'logs':
      return { resourceLogs: rootItems(batch, 'LOGS', 'scopeLogs', 'logRecords', logReader(batch)) };
    case 'metrics':
      return { resourceMetrics: rootItems(batch, 'UNIVARIATE_METRICS', 'scopeMetrics', 'metrics', metricReader(batch)) };
  }
}

/** Makes an item of a root row; `id` is null for a row without children. */
type ItemReader = (row: Row, id: number | null, table: PayloadTable, index: number) => JsonObject;

function rootItems(batch: OtapBatch, name: PayloadName, scopes: string, items: string, read: ItemReader): JsonObject[] {
  const table = batch.table(name);
  if (table === null) return [];
  const resourceAttributes = attributesOf(batch, 'RESOURCE_ATTRS');
  const scopeAttributes = attributesOf(batch, 'SCOPE_ATTRS');
  return rowsOf(table, (row, index) => {
    const resource = { attributes: childrenOf(resourceAttributes, table, 'resource.id', index), droppedAttributesCount: row('resource.dropped_attributes_count') };
    const scope = {
      name: row('scope.name'),
      version: row('scope.version'),
      attributes: childrenOf(scopeAttributes, table, 'scope.id', index),
      droppedAttributesCount: row('scope.dropped_attributes_count'),
    };
    const item = read(row, idOf(table, 'id', index), table, index);
    return { resource, schemaUrl: row('resource.schema_url'), [scopes]: [{ scope, schemaUrl: row('schema_url'), [items]: [item] }] };
  });
}

function spanReader(batch: OtapBatch): ItemReader {
  const attributes = attributesOf(batch, 'SPAN_ATTRS');
  const events = childRows(batch, 'SPAN_EVENTS', 'SPAN_EVENT_ATTRS', (row, own) => ({
    timeUnixNano: row('time_unix_nano'),
    name: row('name'),
    attributes: own,
    droppedAttributesCount: row('dropped_attributes_count'),
  }));
  const links = childRows(batch, 'SPAN_LINKS', 'SPAN_LINK_ATTRS', (row, own) => ({
    traceId: row('trace_id'),
    spanId: row('span_id'),
    traceState: row('trace_state'),
    attributes: own,
    droppedAttributesCount: row('dropped_attributes_count'),
    flags: row('flags'),
  }));
  return (row, id) => ({
    traceId: row('trace_id'),
    spanId: row('span_id'),
    traceState: row('trace_state'),
    parentSpanId: row('parent_span_id'),
    name: row('name'),
    kind: row('kind'),
    startTimeUnixNano: row('start_time_unix_nano'),
    endTimeUnixNano: String(BigInt(String(row('start_time_unix_nano') ?? 0)) + BigInt(String(row('duration_time_unix_nano') ?? 0))),
    attributes: of(attributes, id),
    droppedAttributesCount: row('dropped_attributes_count'),
    events: of(events, id),
    droppedEventsCount: row('dropped_events_count'),
    links: of(links, id),
    droppedLinksCount: row('dropped_links_count'),
    status: { code: row('status.code'), message: row('status.status_message') },
    flags: row('flags'),
  });
}

function logReader(batch: OtapBatch): ItemReader {
  const attributes = attributesOf(batch, 'LOG_ATTRS');
  return (row, id, table, index) => ({
    timeUnixNano: row('time_unix_nano'),
    observedTimeUnixNano: row('observed_time_unix_nano'),
    severityNumber: row('severity_number'),
    severityText: row('severity_text'),
    body: anyValue(table, 'body.', index),
    attributes: of(attributes, id),
    droppedAttributesCount: row('dropped_attributes_count'),
    flags: row('flags'),
    traceId: row('trace_id'),
    spanId: row('span_id'),
    eventName: row('event_name'),
  });
}

function metricReader(batch: OtapBatch): ItemReader {
  const metadata = attributesOf(batch, 'METRIC_ATTRS');
  const numbers = childRows(batch, 'NUMBER_DATA_POINTS', 'NUMBER_DP_ATTRS', numberPoint, exemplars(batch, 'NUMBER'));
  const summaries = childRows(batch, 'SUMMARY_DATA_POINTS', 'SUMMARY_DP_ATTRS', summaryPoint);
  const histograms = childRows(batch, 'HISTOGRAM_DATA_POINTS', 'HISTOGRAM_DP_ATTRS', histogramPoint, exemplars(batch, 'HISTOGRAM'));
  const exponentials = childRows(batch, 'EXP_HISTOGRAM_DATA_POINTS', 'EXP_HISTOGRAM_DP_ATTRS', exponentialPoint, exemplars(batch, 'EXP_HISTOGRAM'));
  return (row, id) => {
    const aggregation = { aggregationTemporality: row('aggregation_temporality') };
    const head = { name: row('name'), description: row('description'), unit: row('unit'), metadata: of(metadata, id) };
    switch (row('metric_type')) {
      case 1:
        return { ...head, gauge: { dataPoints: of(numbers, id) } };
      case 2:
        return { ...head, sum: { dataPoints: of(numbers, id), ...aggregation, isMonotonic: row('is_monotonic') } };
      case 3:
        return { ...head, histogram: { dataPoints: of(histograms, id), ...aggregation } };
      case 4:
        return { ...head, exponentialHistogram: { dataPoints: of(exponentials, id), ...aggregation } };
      case 5:
        return { ...head, summary: { dataPoints: of(summaries, id) } };
      default:
        return head;
    }
  };
}

/** Makes a child of a row; `own` are its attributes, `exemplars` those of a data point. */
type ChildReader = (row: Row, own: readonly JsonObject[], exemplars: readonly JsonObject[], table: PayloadTable, index: number) => JsonObject;

const numberPoint: ChildReader = (row, attributes, exemplars) => ({
  ...pointHead(row, attributes),
  asInt: row('int_value'),
  asDouble: row('double_value'),
  exemplars,
});

const summaryPoint: ChildReader = (row, attributes, _, table, index) => ({
  ...pointHead(row, attributes),
  count: row('count'),
  sum: row('sum') ?? 0,
  quantileValues: listCells(table.column('quantile'), index, 0).map((quantile, at) => ({
    quantile,
    value: listCells(table.column('quantile'), index, 1)[at],
  })),
});

const histogramPoint: ChildReader = (row, attributes, exemplars, table, index) => ({
  ...pointHead(row, attributes),
  count: row('count'),
  sum: row('sum'),
  min: row('min'),
  max: row('max'),
  bucketCounts: list(table, 'bucket_counts', index),
  explicitBounds: list(table, 'explicit_bounds', index),
  exemplars,
});

const exponentialPoint: ChildReader = (row, attributes, exemplars, table, index) => ({
  ...pointHead(row, attributes),
  count: row('count'),
  sum: row('sum'),
  min: row('min'),
  max: row('max'),
  scale: row('scale'),
  zeroCount: row('zero_count'),
  zeroThreshold: row('zero_threshold'),
  positive: { offset: row('positive.offset'), bucketCounts: list(table, 'positive.bucket_counts', index) },
  negative: { offset: row('negative.offset'), bucketCounts: list(table, 'negative.bucket_counts', index) },
  exemplars,
});

function pointHead(row: Row, attributes: readonly JsonObject[]): JsonObject {
  return { attributes, startTimeUnixNano: row('start_time_unix_nano'), timeUnixNano: row('time_unix_nano'), flags: row('flags') };
}

function exemplars(batch: OtapBatch, kind: 'NUMBER' | 'HISTOGRAM' | 'EXP_HISTOGRAM'): Children {
  return childRows(batch, `${kind}_DP_EXEMPLARS`, `${kind}_DP_EXEMPLAR_ATTRS`, (row, own) => ({
    timeUnixNano: row('time_unix_nano'),
    asInt: row('int_value'),
    asDouble: row('double_value'),
    spanId: row('span_id'),
    traceId: row('trace_id'),
    filteredAttributes: own,
  }));
}

function childRows(batch: OtapBatch, name: PayloadName, attributesName: PayloadName, read: ChildReader, grandchildren: Children = new Map()): Children {
  const table = batch.table(name);
  if (table === null) return new Map();
  const attributes = attributesOf(batch, attributesName);
  return byParent(table, (row, index) => {
    const id = idOf(table, 'id', index);
    return read(row, of(attributes, id), of(grandchildren, id), table, index);
  });
}

function attributesOf(batch: OtapBatch, name: PayloadName): Children {
  const table = batch.table(name);
  if (table === null) return new Map();
  return byParent(table, (row, index) => ({ key: row('key'), value: anyValue(table, '', index) }));
}

function byParent(table: PayloadTable, read: (row: Row, index: number) => JsonObject): Children {
  const children = new Map<number, JsonObject[]>();
  rowsOf(table, (row, index) => {
    const parent = idOf(table, 'parent_id', index);
    if (parent === null) throw new Error('child without parent');
    const siblings = children.get(parent);
    const child = read(row, index);
    if (siblings === undefined) children.set(parent, [child]);
    else siblings.push(child);
    return child;
  });
  return children;
}

function rowsOf(table: PayloadTable, read: (row: Row, index: number) => JsonObject): JsonObject[] {
  const items: JsonObject[] = [];
  for (let index = 0; index < table.rowCount; index++) items.push(read((path) => cell(table.column(path), index), index));
  return items;
}

function list(table: PayloadTable, path: string, index: number): Json[] {
  return listCells(table.column(path), index).map((value) => value ?? null);
}

function childrenOf(children: Children, table: PayloadTable, path: string, index: number): readonly JsonObject[] {
  return of(children, idOf(table, path, index));
}

function of(children: Children, id: number | null): readonly JsonObject[] {
  return id === null ? none : (children.get(id) ?? none);
}

function idOf(table: PayloadTable, path: string, index: number): number | null {
  const ids = table.ids(path);
  if (ids === null || (ids.validity !== null && ((ids.validity[index >> 3] >> (index & 7)) & 1) === 0)) return null;
  return ids.values[index];
}
