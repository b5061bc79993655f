import type { Signal } from '../../../src/otap/payload-type.ts';
import { difference, stamped } from '../../golden/kept-support.ts';
import { canonical } from '../../support/otlp-canonical.ts';
import { type Json, type JsonObject, object, objects, type OtlpRequest } from '../../support/otlp-json.ts';

/** The first item of what left Thresher under a policy that keeps all that is not as it was sent; null where all are, no more and no less. */
export function keptDifference(signal: Signal, received: readonly OtlpRequest[], truth: readonly OtlpRequest[]): string | null {
  return signal === 'metrics' ? plainDifference(received, truth) : difference(received, canonical(truth.map(stamped)));
}

/** The same where nothing was sampled on the way. */
export function plainDifference(received: readonly OtlpRequest[], truth: readonly OtlpRequest[]): string | null {
  const [left, right] = [canonical(received), canonical(truth)];
  const at = right.findIndex((item, index) => item !== left[index]);
  return at === -1 && left.length === right.length ? null : `item ${at}; ${left.length} for ${right.length}:\n${left[at] ?? 'none'}\n${right[at] ?? 'none'}`;
}

/** What the otelarrow library makes of telemetry by itself: attributes without a value, and those of metrics (their metadata), and a least value of 0 are gone. */
export function throughOtelarrow(request: OtlpRequest): OtlpRequest {
  return lossy(request) as OtlpRequest;
}

/** What it can take: it refuses the attributes of metrics. */
export function readByOtelarrow(request: OtlpRequest): OtlpRequest {
  const metrics = (scoped: JsonObject): JsonObject => ({ ...scoped, metrics: objects(scoped['metrics']).map(({ metadata: _, ...metric }) => metric) });
  const resources = objects(request.resourceMetrics).map((resource) => ({ ...resource, scopeMetrics: objects(resource['scopeMetrics']).map(metrics) }));
  return request.resourceMetrics === undefined ? request : { ...request, resourceMetrics: resources };
}

function lossy(value: Json | undefined): Json {
  if (Array.isArray(value)) return value.map(lossy);
  if (typeof value !== 'object' || value === null) return value ?? null;
  const members = Object.entries(value as JsonObject).filter(([name, member]) => name !== 'metadata' && !(name === 'min' && member === 0));
  return Object.fromEntries(members.map(([name, member]) => [name, /^(attributes|filteredAttributes)$/.test(name) ? objects(member).filter(hasValue) : lossy(member)]));
}

function hasValue(attribute: JsonObject): boolean {
  return Object.keys(object(attribute['value'])).length > 0;
}
