import { messageShape } from '../message-shape.ts';
import * as shapes from '../proto-fields.ts';
import { jsonMessage, type JsonMessage } from './fields.ts';
import { bool, bytes, called, choice, double, each, enumOf, int64, list, one, optional, spanId, text, traceId, uint32, uint64 } from './types.ts';

/*
 * Messages that all signals share, with the types of their fields (opentelemetry-proto 1.9: common, resource). Numbers are those of the shapes
 * that requests in protobuf are read by; values and attributes have none there.
 */

const messages = (field: number): { field: number; packed: null } => ({ field, packed: null });

/** At most one member is set. */
export const anyValue: JsonMessage = jsonMessage(
  messageShape(
    'AnyValue',
    { string_value: [1, 'bytes'], bool_value: [2, 'varint'], int_value: [3, 'varint'], double_value: [4, 'fixed64'], bytes_value: [7, 'bytes'] },
    { array_value: messages(5), kvlist_value: messages(6) },
  ),
  {
    string_value: choice(text),
    bool_value: choice(bool),
    int_value: choice(int64),
    double_value: choice(double),
    bytes_value: choice(bytes),
    array_value: choice(one(() => arrayValue)),
    kvlist_value: choice(one(() => keyValueList)),
  },
);

const keyValue = jsonMessage(messageShape('KeyValue', { key: [1, 'bytes'] }, { value: messages(2) }), { key: text, value: one(() => anyValue) });

const arrayValue: JsonMessage = jsonMessage(messageShape('ArrayValue', {}, { values: messages(1) }), { values: each(() => anyValue) });

const keyValueList: JsonMessage = jsonMessage(messageShape('KeyValueList', {}, { values: messages(1) }), { values: each(() => keyValue) });

const entityRef = jsonMessage(shapes.entityRef, { schema_url: text, type: text, id_keys: list(text), description_keys: list(text) });

export const attributes = each(() => keyValue);

export const resource = jsonMessage(shapes.resource, { dropped_attributes_count: uint32, attributes }, { entity_refs: [3, each(() => entityRef)] });

export const scope = jsonMessage(shapes.scope, { name: text, version: text, dropped_attributes_count: uint32, attributes });

/** A request whose items are `items`; the names of the fields around them are the signal's own. */
export function requestOf(names: { resources: string; scopes: string; items: string }, item: JsonMessage): JsonMessage {
  const scoped = jsonMessage(shapes.scopeItems, { scope: one(() => scope), items: called(names.items, each(() => item)), schema_url: text });
  const entry = jsonMessage(shapes.resourceItems, { resource: one(() => resource), scopes: called(names.scopes, each(() => scoped)), schema_url: text });
  return jsonMessage(shapes.request, { resources: called(names.resources, each(() => entry)) });
}

export const exemplar = jsonMessage(shapes.exemplar, {
  attributes: called('filtered_attributes', attributes),
  time_unix_nano: uint64,
  double_value: called('as_double', choice(double)),
  int_value: called('as_int', choice(int64)),
  span_id: spanId,
  trace_id: traceId,
});

export const temporality = enumOf('AGGREGATION_TEMPORALITY', 'UNSPECIFIED', 'DELTA', 'CUMULATIVE');

/** `optional double`. */
export const optionalDouble = optional(double);
