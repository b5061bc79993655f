import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import type { Signal } from '../../../src/otap/payload-type.ts';
import { captureOf, readCaptureFile, splitDelimited } from '../../support/captures.ts';
import { until } from '../../support/child.ts';
import { objects, type OtlpRequest } from '../../support/otlp-json.ts';
import { parseOtlp } from '../../support/otlp-truth.ts';

/** An OTLP request as it is posted. */
export interface OtlpBody {
  readonly contentType: 'application/json' | 'application/x-protobuf';
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The telemetry of which a capture was made: requests as they were written by the Collector's own code, or by the Rust engine's generator. */
export function recorded(name: string): OtlpBody[] {
  const { truth } = captureOf(name);
  const bytes = readCaptureFile(truth);
  if (truth.endsWith('.pb.gz')) return splitDelimited(bytes).map((body) => ({ contentType: 'application/x-protobuf', body: Uint8Array.from(body) }));
  const lines = bytes.toString('utf8').split('\n').filter((line) => line !== '');
  return lines.map((line) => ({ contentType: 'application/json', body: Uint8Array.from(Buffer.from(line)) }));
}

/** The same requests as JSON. */
export function requestsOf(signal: Signal, bodies: readonly OtlpBody[]): OtlpRequest[] {
  return bodies.map(({ contentType, body }) => (contentType === 'application/json' ? asRequest(Buffer.from(body).toString()) : parseOtlp(signal, body)));
}

/** Posts requests to the OTLP/HTTP port of a Collector, in order; each is taken when this resolves. Throws where one is not. */
export async function post(port: number, signal: Signal, bodies: readonly OtlpBody[]): Promise<void> {
  for (const { contentType, body } of bodies) {
    const response = await fetch(`http://127.0.0.1:${port}/v1/${signal}`, { method: 'POST', headers: { 'content-type': contentType }, body });
    const text = await response.text();
    if (!response.ok) throw new Error(`${signal} were refused with ${response.status}: ${text}`);
  }
}

const members = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'], logs: ['resourceLogs', 'scopeLogs', 'logRecords'], metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
} as const;

/** Spans, log records or metrics of requests. */
export function countItems(signal: Signal, requests: readonly OtlpRequest[]): number {
  const [resources, scopes, items] = members[signal];
  return requests.reduce((sum, request) => sum + objects(request[resources]).reduce((inner, resource) => (
    inner + objects(resource[scopes]).reduce((most, scope) => most + objects(scope[items]).length, 0)), 0), 0);
}

/** What a Collector's file exporter writes: JSON, a request a line. */
export class Output {
  readonly #path: string;
  readonly #requests: Record<Signal, OtlpRequest[]> = { traces: [], logs: [], metrics: [] };
  #read = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** What came of a signal since the last time that it was taken; half a line at the end is not there yet. */
  take(signal: Signal): OtlpRequest[] {
    this.#readOn();
    return this.#requests[signal].splice(0);
  }

  /** Waits until this many items of a signal are there, and takes them. */
  async takeItems(signal: Signal, count: number, told: () => string, limitMs = 60_000): Promise<OtlpRequest[]> {
    const taken: OtlpRequest[] = [];
    await until(() => {
      taken.push(...this.take(signal));
      return countItems(signal, taken) >= count;
    }, limitMs, () => `${countItems(signal, taken)} of ${count} ${signal} came; ${told()}`);
    return taken;
  }

  #readOn(): void {
    if (!existsSync(this.#path)) return;
    const fresh = Buffer.alloc(statSync(this.#path).size - this.#read);
    if (fresh.length === 0) return;
    const file = openSync(this.#path, 'r');
    const length = readSync(file, fresh, 0, fresh.length, this.#read);
    closeSync(file);
    const end = fresh.subarray(0, length).lastIndexOf(0x0a) + 1;
    this.#read += end;
    for (const line of fresh.subarray(0, end).toString().split('\n')) if (line !== '') this.#add(asRequest(line));
  }

  #add(request: OtlpRequest): void {
    for (const signal of ['traces', 'logs', 'metrics'] as const) if (request[members[signal][0]] !== undefined) this.#requests[signal].push(request);
  }
}

function asRequest(line: string): OtlpRequest {
  const request: OtlpRequest = JSON.parse(line);
  return request;
}
