import { object, objects, type Json, type JsonObject, type OtlpRequest } from './otlp-json.ts';

/** Members of type double; all other numbers are integers. */
const doubles = new Set(['doubleValue', 'asDouble', 'sum', 'min', 'max', 'explicitBounds', 'quantile', 'value', 'zeroThreshold']);
/** Doubles whose absence means 0. */
const implicitDoubles = new Set(['zeroThreshold', 'quantile', 'value']);
/** Ids: all zero means none (OTLP, trace.proto); Go's writer sends those of a log without a trace. */
const idNames = new Set(['traceId', 'spanId', 'parentSpanId']);
/** Members whose presence means something even when they hold a default. */
const presence = new Set(['stringValue', 'boolValue', 'intValue', 'doubleValue', 'bytesValue', 'arrayValue', 'kvlistValue', 'asInt', 'asDouble', 'min', 'max']);
/** Members whose order means nothing. */
const unordered = new Set(['attributes', 'filteredAttributes', 'metadata', 'events', 'links', 'exemplars', 'dataPoints']);

/**
 * One string for each span, log record and metric (with all its points), its resource and scope included, sorted.
 * Equal telemetry gives equal lists: defaults are left out, attributes, events, links, points and exemplars sorted.
 */
export function canonical(requests: readonly OtlpRequest[]): string[] {
  const items: string[] = [];
  for (const request of requests) {
    addItems(items, objects(request.resourceSpans), 'scopeSpans', 'spans');
    addItems(items, objects(request.resourceLogs), 'scopeLogs', 'logRecords');
    addItems(items, objects(request.resourceMetrics), 'scopeMetrics', 'metrics');
  }
  return items.sort();
}

function addItems(items: string[], resources: readonly JsonObject[], scopesName: string, itemsName: string): void {
  for (const entry of resources) {
    const resource = canonicalValue('resource', { ...object(entry.resource), schemaUrl: entry.schemaUrl ?? '' });
    for (const scoped of objects(entry[scopesName])) {
      const scope = canonicalValue('scope', { ...object(scoped.scope), schemaUrl: scoped.schemaUrl ?? '' });
      for (const item of objects(scoped[itemsName])) items.push(`${resource} | ${scope} | ${canonicalValue('item', item)}`);
    }
  }
}

/** The canonical text of a member's value, '' where it is a default that means nothing. */
function canonicalValue(name: string, value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return canonicalList(name, value);
  if (typeof value === 'object') return canonicalObject(name, value as JsonObject);
  if (doubles.has(name)) return canonicalDouble(name, value);
  if (idNames.has(name) && /^0*$/.test(String(value))) return '';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const bare = typeof value === 'string' && /^-?\d+$/.test(value) && name !== 'stringValue' && name !== 'key' ? value : text;
  return !presence.has(name) && (bare === '0' || bare === '""' || bare === 'false') ? '' : bare;
}

function canonicalDouble(name: string, value: Json): string {
  const double = Number(value);
  if (Object.is(double, 0) && implicitDoubles.has(name)) return '';
  return Object.is(double, -0) ? '-0' : String(double);
}

function canonicalList(name: string, values: readonly Json[]): string {
  if (values.length === 0) return '';
  const texts = values.map((value) => canonicalValue(name, value) || '0');
  if (unordered.has(name)) texts.sort();
  return `[${texts.join(',')}]`;
}

function canonicalObject(name: string, value: JsonObject): string {
  if (name === 'kvlistValue') return `{values:[${objects(value.values).map((entry) => canonicalValue('attributes', entry)).sort().join(',')}]}`;
  const members = Object.keys(value)
    .sort()
    .map((key) => [key, canonicalValue(key, value[key])] as const)
    .filter(([, text]) => text !== '');
  if (members.length === 0) return presence.has(name) ? '{}' : '';
  return `{${members.map(([key, text]) => `${key}:${text}`).join(',')}}`;
}
