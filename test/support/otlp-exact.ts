import protobuf from 'protobufjs';
import type { Signal } from '../../src/otap/payload-type.ts';
import { type Json, type JsonObject, object, objects, type OtlpRequest } from './otlp-json.ts';
import { requestType } from './otlp-wire.ts';

const members = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'], logs: ['resourceLogs', 'scopeLogs', 'logRecords'], metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
} as const;

/**
 * One text for each item of a request, in its order, with its resource and scope: what OTLP tells apart differs, what it does not is equal. Of fields
 * without presence zeros are left out; nothing else is forgotten: the order of all that is repeated (but of members in `unordered`, as `name` or `Message.name`), empty messages,
 * zero ids, the sign of zero.
 */
export function exactItems(signal: Signal, request: OtlpRequest, unordered: ReadonlySet<string> = new Set()): string[] {
  const [entries, scopes, items] = members[signal];
  const entryType = messageOf(requestType(signal), entries);
  const scopedType = messageOf(entryType, scopes);
  const itemType = messageOf(scopedType, items);
  return objects(request[entries]).flatMap((entry) => objects(entry[scopes]).flatMap((scoped) => {
    const around = `${exactText(unordered, entryType, { ...entry, [scopes]: [] })} ${exactText(unordered, scopedType, { ...scoped, [items]: [] })}`;
    return objects(scoped[items]).map((item) => `${around} ${exactText(unordered, itemType, item)}`);
  }));
}

function messageOf(type: protobuf.Type, name: string): protobuf.Type {
  const { resolvedType } = type.fields[name];
  if (resolvedType instanceof protobuf.Type) return resolvedType;
  throw new Error(`${type.name}.${name} is no message`);
}

function exactText(unordered: ReadonlySet<string>, type: protobuf.Type, message: JsonObject): string {
  return `{${type.fieldsArray.flatMap((field) => fieldText(unordered, type, field, message[field.name])).join(' ')}}`;
}

function fieldText(unordered: ReadonlySet<string>, type: protobuf.Type, field: protobuf.Field, value: Json | undefined): string[] {
  if (value === undefined) return [];
  const { name, resolvedType } = field;
  if (field.repeated) {
    const values = (value as readonly Json[]).map((element) => (resolvedType instanceof protobuf.Type ? exactText(unordered, resolvedType, object(element)) : scalarText(field.type, element)));
    if (unordered.has(name) || unordered.has(`${type.name}.${name}`)) values.sort();
    return values.length === 0 ? [] : [`${name}:[${values.join(' ')}]`];
  }
  if (resolvedType instanceof protobuf.Type) return [`${name}:${exactText(unordered, resolvedType, object(value))}`];
  const text = scalarText(field.type, value);
  return field.partOf === null && ['0', '""', 'false'].includes(text) ? [] : [`${name}:${text}`];
}

function scalarText(type: string, value: Json): string {
  if (Object.is(value, -0)) return type === 'double' ? '-0' : '0';
  return type === 'string' || type === 'bytes' ? JSON.stringify(value) : String(value);
}
