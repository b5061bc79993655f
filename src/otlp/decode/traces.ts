import * as shapes from '../proto-fields.ts';
import { differenceField, fixed32Field, idField, textField, varintField, wideField } from './field-columns.ts';
import type { Framing } from './framing.ts';
import { type FieldColumns, TableSet } from './otlp-batch.ts';
import { type RequestBytes, walk } from './walk.ts';

const { slots } = shapes.span;

const spanFields: FieldColumns = [
  ['start_time_unix_nano', wideField(slots.start_time_unix_nano, 'timestamp', 'zero')],
  ['duration_time_unix_nano', differenceField(slots.start_time_unix_nano, slots.end_time_unix_nano)],
  ['trace_id', idField('trace_id', slots.trace_id, 16, 'zero')],
  ['span_id', idField('span_id', slots.span_id, 8, 'zero')],
  ['trace_state', textField(slots.trace_state, 'null')],
  ['parent_span_id', idField('parent_span_id', slots.parent_span_id, 8, 'null')],
  ['flags', fixed32Field(slots.flags)],
  ['name', textField(slots.name, 'zero')],
  ['kind', varintField(slots.kind, 'i32')],
  ['dropped_attributes_count', varintField(slots.dropped_attributes_count, 'u32')],
  ['dropped_events_count', varintField(slots.dropped_events_count, 'u32')],
  ['dropped_links_count', varintField(slots.dropped_links_count, 'u32')],
];

const eventFields: FieldColumns = [
  ['time_unix_nano', wideField(shapes.spanEvent.slots.time_unix_nano, 'timestamp', 'zero')],
  ['name', textField(shapes.spanEvent.slots.name, 'zero')],
  ['dropped_attributes_count', varintField(shapes.spanEvent.slots.dropped_attributes_count, 'u32')],
];

const linkFields: FieldColumns = [
  ['trace_id', idField('trace_id', shapes.spanLink.slots.trace_id, 16, 'null')],
  ['span_id', idField('span_id', shapes.spanLink.slots.span_id, 8, 'null')],
  ['trace_state', textField(shapes.spanLink.slots.trace_state, 'null')],
  ['dropped_attributes_count', varintField(shapes.spanLink.slots.dropped_attributes_count, 'u32')],
  ['flags', fixed32Field(shapes.spanLink.slots.flags)],
];

/** Tables of an ExportTraceServiceRequest. Throws as `walk`. */
export function traceTables(request: RequestBytes, framing: Framing): TableSet {
  const set = new TableSet(request, 'traces');
  const spans = walk(request, shapes.span, framing.items);
  const { attributes, events, links, status } = shapes.span.lists;
  const statuses = walk(request, shapes.status, spans.lists[status], spans.count);
  set.addRoot('SPANS', framing, spans, spanFields, [
    ['status.code', () => varintField(shapes.status.slots.code, 'i32')(statuses)],
    ['status.status_message', () => textField(shapes.status.slots.message, 'null')(statuses)],
  ]);
  set.addAttributes('SPAN_ATTRS', spans.lists[attributes]);
  const eventRows = walk(request, shapes.spanEvent, spans.lists[events]);
  set.addChildren('SPAN_EVENTS', spans.lists[events], eventRows, eventFields);
  set.addAttributes('SPAN_EVENT_ATTRS', eventRows.lists[shapes.spanEvent.lists.attributes]);
  const linkRows = walk(request, shapes.spanLink, spans.lists[links]);
  set.addChildren('SPAN_LINKS', spans.lists[links], linkRows, linkFields);
  set.addAttributes('SPAN_LINK_ATTRS', linkRows.lists[shapes.spanLink.lists.attributes]);
  return set;
}
