import { bodyTexts } from './body-text.ts';
import {
  countField, durationField, enumField, type FieldReader, ownerIdField, spanIdField, textField, timeField, traceIdField,
} from './field-readers.ts';

/** Columns that a slot's row table can have, beside those that it always has; names are those of the generated SQL. */
export type FieldSet = { readonly [name: string]: FieldReader };

/** Of the SPANS table. */
export const spanFields = {
  start_ns: timeField('start_time_unix_nano', 'zero'),
  duration_ns: durationField('duration_time_unix_nano'),
  span_id: spanIdField('span_id'),
  parent_span_id: spanIdField('parent_span_id'),
  name: textField('name'),
  kind: enumField('kind'),
  status_code: enumField('status.code'),
  status_message: textField('status.status_message'),
  trace_state: textField('trace_state'),
  flags: countField('flags'),
  scope_name: textField('scope.name'),
  scope_version: textField('scope.version'),
  resource_id: ownerIdField('resource.id'),
  scope_id: ownerIdField('scope.id'),
  dropped_attributes_count: countField('dropped_attributes_count'),
  dropped_events_count: countField('dropped_events_count'),
  dropped_links_count: countField('dropped_links_count'),
} satisfies FieldSet;

/** Of the LOGS table. */
export const logFields = {
  trace_id: traceIdField('trace_id'),
  span_id: spanIdField('span_id'),
  time_ns: timeField('time_unix_nano', 'null'),
  observed_ns: timeField('observed_time_unix_nano', 'null'),
  severity_number: enumField('severity_number'),
  severity_text: textField('severity_text'),
  body: { type: 'VARCHAR', read: ({ root }) => ({ texts: bodyTexts(root) }) },
  body_type: enumField('body.type'),
  event_name: textField('event_name'),
  flags: countField('flags'),
  scope_name: textField('scope.name'),
  scope_version: textField('scope.version'),
  resource_id: ownerIdField('resource.id'),
  scope_id: ownerIdField('scope.id'),
  dropped_attributes_count: countField('dropped_attributes_count'),
} satisfies FieldSet;

/** Names of fields that hold codes of the slot's string table. */
export const textFieldNames: ReadonlySet<string> = new Set([
  'name', 'status_message', 'trace_state', 'scope_name', 'scope_version', 'severity_text', 'event_name',
]);
