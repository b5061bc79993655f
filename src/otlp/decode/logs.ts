import * as shapes from '../proto-fields.ts';
import { AnyValues } from './any-values.ts';
import { fixed32Field, idField, textField, varintField, wideField } from './field-columns.ts';
import type { Framing } from './framing.ts';
import { type FieldColumns, TableSet } from './otlp-batch.ts';
import { type MessageRows, type RequestBytes, walk } from './walk.ts';

const { slots } = shapes.logRecord;

const logFields: FieldColumns = [
  ['time_unix_nano', wideField(slots.time_unix_nano, 'timestamp', 'zero')],
  ['observed_time_unix_nano', wideField(slots.observed_time_unix_nano, 'timestamp', 'zero')],
  ['trace_id', idField('trace_id', slots.trace_id, 16, 'null')],
  ['span_id', idField('span_id', slots.span_id, 8, 'null')],
  ['severity_number', varintField(slots.severity_number, 'i32')],
  ['severity_text', textField(slots.severity_text, 'null')],
  ['dropped_attributes_count', varintField(slots.dropped_attributes_count, 'u32')],
  ['flags', fixed32Field(slots.flags)],
  ['event_name', textField(slots.event_name, 'null')],
];

const bodyParts = ['type', 'str', 'int', 'double', 'bool', 'bytes', 'ser'] as const;

/** Tables of an ExportLogsServiceRequest. Throws as `walk`. */
export function logTables(request: RequestBytes, framing: Framing): TableSet {
  const set = new TableSet(request, 'logs');
  const logs = walk(request, shapes.logRecord, framing.items);
  set.addRoot('LOGS', framing, logs, [...logFields, ...bodyFields(request, logs)]);
  set.addAttributes('LOG_ATTRS', logs.lists[shapes.logRecord.lists.attributes]);
  return set;
}

/** The columns of bodies, out of one reading of them. */
function bodyFields(request: RequestBytes, logs: MessageRows): FieldColumns {
  let values: AnyValues | null = null;
  const read = (): AnyValues => (values ??= new AnyValues(request, logs.positions, shapes.logRecord.slotCount, slots.body, logs.count));
  return bodyParts.map((part) => [`body.${part}`, () => read().column(part)]);
}
