import { createHash } from 'node:crypto';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { type JsonObject, object, objects, type OtlpRequest } from '../../support/otlp-json.ts';

const itemsOf: Readonly<Record<Signal, number>> = { traces: 20, logs: 20, metrics: 5 };

/** A request whose items tell themselves apart by their names; its spans are one trace. */
export function numbered(signal: Signal, tag: string, batch: number): { readonly request: OtlpRequest; readonly names: readonly string[] } {
  const names = Array.from({ length: itemsOf[signal] }, (_, index) => `${tag}/${batch}/${index}`);
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'numbered' } }] };
  const timeUnixNano = String(1_795_000_000_000_000_000n + BigInt(batch) * 1_000_000n);
  const traceId = createHash('sha256').update(`${tag}/${batch}`).digest('hex').slice(0, 32);
  const made: Readonly<Record<Signal, (name: string, index: number) => JsonObject>> = {
    traces: (name, index) => ({ traceId, spanId: (index + 1).toString(16).padStart(16, '0'), name, kind: 2, startTimeUnixNano: timeUnixNano, endTimeUnixNano: timeUnixNano, attributes: [{ key: 'index', value: { intValue: String(index) } }] }),
    logs: (name) => ({ timeUnixNano, severityNumber: 9, body: { stringValue: name } }),
    metrics: (name, index) => ({ name, gauge: { dataPoints: [{ timeUnixNano, asInt: String(index) }] } }),
  };
  const items = names.map(made[signal]);
  if (signal === 'traces') return { names, request: { resourceSpans: [{ resource, scopeSpans: [{ spans: items }] }] } };
  if (signal === 'logs') return { names, request: { resourceLogs: [{ resource, scopeLogs: [{ logRecords: items }] }] } };
  return { names, request: { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: items }] }] } };
}

/** The names of a request's items. */
export function namesOf(signal: Signal, request: OtlpRequest): string[] {
  if (signal === 'traces') return objects(request.resourceSpans).flatMap((resource) => objects(resource['scopeSpans'])).flatMap((scope) => objects(scope['spans'])).map((span) => String(span['name']));
  if (signal === 'metrics') return objects(request.resourceMetrics).flatMap((resource) => objects(resource['scopeMetrics'])).flatMap((scope) => objects(scope['metrics'])).map((metric) => String(metric['name']));
  const records = objects(request.resourceLogs).flatMap((resource) => objects(resource['scopeLogs'])).flatMap((scope) => objects(scope['logRecords']));
  return records.map((record) => String(object(record['body'])['stringValue']));
}
