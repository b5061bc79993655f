import { normal, stamped } from '../../golden/kept-support.ts';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { canonical } from '../../support/otlp-canonical.ts';
import { type Json, type JsonObject, object, objects, type OtlpRequest } from '../../support/otlp-json.ts';

/** Items that came, each with how often. Those that were expected are taken out, so that in the end nothing is left. */
export class Arrived {
  readonly #counts = new Map<string, number>();
  /** Gives items as they should have come. */
  readonly #expect: (request: OtlpRequest) => OtlpRequest;

  private constructor(received: readonly OtlpRequest[], expect: (request: OtlpRequest) => OtlpRequest) {
    for (const item of canonical(received)) this.#counts.set(item, (this.#counts.get(item) ?? 0) + 1);
    this.#expect = expect;
  }

  /** What left a Thresher whose policy keeps all: as it was sent, and beside it what sampling writes. */
  static kept(signal: Signal, received: readonly OtlpRequest[]): Arrived {
    return signal === 'metrics' ? Arrived.plain(received) : new Arrived(received.map(normal), stamped);
  }

  static plain(received: readonly OtlpRequest[]): Arrived {
    return new Arrived(received, (request) => request);
  }

  /** Takes out what was sent. The first that did not come as it should, beside that of what came which looks most like it; null where all did. */
  missing(sent: readonly OtlpRequest[]): string | null {
    const missing = canonical(sent.map(this.#expect)).filter((item) => !this.#took(item));
    return missing[0] === undefined ? null : `${missing.length} did not come as they should:\n${missing[0]}\n${this.#nearest(missing[0])}`;
  }

  /** An item that nobody expected, or that came once more; null where there is none. */
  left(): string | null {
    const [first] = this.#counts;
    return first === undefined ? null : `${this.#counts.size} more came, among them (${first[1]} times):\n${first[0]}`;
  }

  #took(item: string): boolean {
    const count = this.#counts.get(item);
    if (count === undefined) return false;
    if (count === 1) this.#counts.delete(item);
    else this.#counts.set(item, count - 1);
    return true;
  }

  #nearest(item: string): string {
    const key = /spanId:"\w+"|timeUnixNano:\d+|name:"[^"]+"/.exec(item.slice(item.lastIndexOf(' | ')))?.[0] ?? '';
    return [...this.#counts.keys()].find((other) => other.includes(key)) ?? 'nothing like it came';
  }
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
