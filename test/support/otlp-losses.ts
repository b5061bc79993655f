import { type Json, type JsonObject, object, type OtlpRequest } from './otlp-json.ts';

/**
 * What does not come back of a request, as functions from what was sent to what comes back: the model of docs/otlp.md, "What is lost where". Requests are in
 * the shape of OTLP's JSON, as protobufjs gives them.
 */
export type Loss = (request: OtlpRequest) => OtlpRequest;

const attributeLists = new Set(['attributes', 'filteredAttributes', 'metadata']);
const spanIds = ['traceId', 'spanId'] as const;
const scopeLists = ['scopeSpans', 'scopeLogs', 'scopeMetrics'] as const;
const itemLists = ['spans', 'logRecords', 'metrics'] as const;

/** Resources and scopes are there, if empty. */
const resourcesThere: Loss = (request) => rewrite(request, (_, message) => {
  const isEntry = scopeLists.some((name) => message[name] !== undefined);
  const isScoped = itemLists.some((name) => Array.isArray(message[name]));
  return { ...message, ...(isEntry && message['resource'] === undefined ? { resource: {} } : {}), ...(isScoped && message['scope'] === undefined ? { scope: {} } : {}) };
});

/** An attribute, or an entry of a map, that has no value has an empty one. */
const valuesThere: Loss = (request) => rewrite(request, (name, message) => ((attributeLists.has(name) || name === 'kvlistValue.values') && message['value'] === undefined ? { ...message, value: {} } : message));

/** An empty body is none. */
const bodiesGone: Loss = (request) => rewrite(request, (name, message) => (name === 'logRecords' && isEmpty(message['body']) ? without(message, 'body') : message));

/** A status of code 0 without message is none. */
const statusesGone: Loss = (request) => rewrite(request, (name, message) => {
  const { code = 0, message: text = '' } = object(message['status']);
  return name === 'spans' && code === 0 && text === '' ? without(message, 'status') : message;
});

/** Buckets of offset 0 without counts are none. */
const bucketsGone: Loss = (request) => rewrite(request, (_, message) => {
  const gone = (['positive', 'negative'] as const).filter((side) => {
    const { offset = 0, bucketCounts = [] } = object(message[side]);
    return offset === 0 && Array.isArray(bucketCounts) && bucketCounts.length === 0;
  });
  return gone.reduce((rest, side) => without(rest, side), message);
});

/** Trace and span ids of spans and links that are all zero are none. */
const zeroIdsGone: Loss = (request) => rewrite(request, (name, message) => {
  if (name !== 'spans' && name !== 'links') return message;
  return spanIds.reduce((rest, id) => (/^0*$/.test(String(rest[id] ?? '')) ? without(rest, id) : rest), message);
});

export const losses = { resourcesThere, valuesThere, bodiesGone, statusesGone, bucketsGone, zeroIdsGone } as const;

/** Through our tables. */
export const tableLosses: readonly Loss[] = [resourcesThere, valuesThere, bodiesGone, statusesGone, bucketsGone, zeroIdsGone];
/** Through OTAP, members whose order is the writer's. */
export const otapUnordered: ReadonlySet<string> = new Set([...attributeLists, 'exemplars']);

/** What comes back where these are lost. */
export function lose(request: OtlpRequest, all: readonly Loss[]): OtlpRequest {
  return all.reduce((rest, loss) => loss(rest), request);
}

/** Each object of a tree anew, from the innermost out; `name` is the member that it is, or is an element of. */
function rewrite(request: OtlpRequest, change: (name: string, message: JsonObject) => JsonObject): OtlpRequest {
  const visit = (name: string, value: Json): Json => {
    if (Array.isArray(value)) return value.map((element: Json) => visit(name, element));
    if (typeof value !== 'object' || value === null) return value;
    const members = Object.entries(value).flatMap(([key, member]) => (member === undefined ? [] : [[key, visit(key === 'values' ? `${name}.${key}` : key, member)] as const]));
    return change(name, Object.fromEntries(members));
  };
  return object(visit('', request)) as OtlpRequest;
}

function isEmpty(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function without(message: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(message).filter(([key]) => key !== name));
}

/** Ids of any kind that are all zero are none. */
const allZeroIdsGone: Loss = (request) => rewrite(request, (_, message) =>
  ['traceId', 'spanId', 'parentSpanId'].reduce((rest, id) => (/^0*$/.test(String(rest[id] ?? '')) ? without(rest, id) : rest), message));

/** A metric's metadata is lost. */
const metadataGone: Loss = (request) => rewrite(request, (name, message) => (name === 'metrics' ? without(message, 'metadata') : message));

/** Through the Go consumer, besides. Bodies, statuses and buckets that say nothing are always there. */
export const goLosses: readonly Loss[] = [allZeroIdsGone, metadataGone, bodiesGone, statusesGone, bucketsGone];
export const goUnordered: ReadonlySet<string> = new Set([...otapUnordered, 'KeyValueList.values']);

/** The request without attributes, or entries of a map, whose key was there before: Go holds maps of one value a key. */
export function keysOnce(request: OtlpRequest): OtlpRequest {
  return rewrite(request, (_, message) => Object.fromEntries(Object.entries(message).map(([name, list]) => [name, isKeyed(name, list) ? firstOfKey(list) : list])));
}

function isKeyed(name: string, list: Json | undefined): list is readonly JsonObject[] {
  return Array.isArray(list) && (attributeLists.has(name) || (name === 'values' && list.length > 0 && list.every((entry: Json) => 'key' in object(entry))));
}

function firstOfKey(list: readonly JsonObject[]): JsonObject[] {
  const seen = new Set<Json>();
  return list.filter(({ key = '' }) => seen.size < seen.add(key).size);
}
