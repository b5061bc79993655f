import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import type { Signal } from '../../src/otap/payload-type.ts';
import { captureOf, readCaptureFile, splitDelimited } from './captures.ts';
import type { Json, JsonObject, OtlpRequest } from './otlp-json.ts';
import { readTruth } from './otlp-truth.ts';

const messageNames = { traces: 'Traces', logs: 'Logs', metrics: 'Metrics' } as const;
const idNames = new Set(['traceId', 'spanId', 'parentSpanId']);
const otlp = protobuf.parse(readFileSync(join(import.meta.dirname, 'proto/otlp.proto'), 'utf8')).root;

/** The protobuf message of a request, as protobufjs writes it. */
export function otlpBytes(signal: Signal, request: OtlpRequest): Uint8Array {
  const type = otlp.lookupType(`thresher.test.${messageNames[signal]}`);
  return type.encode(type.fromObject(base64Ids('', request) as JsonObject)).finish();
}

/** Any message of the test's OTLP definitions, as protobufjs writes it. */
export function messageBytes(name: string, message: { readonly [key: string]: unknown }): Uint8Array {
  const type = otlp.lookupType(`thresher.test.${name}`);
  return type.encode(type.fromObject(message)).finish();
}

/** The telemetry that a capture was made of, a protobuf message for each batch: as recorded, or written anew where the record is JSON. */
export function truthBytes(name: string): Uint8Array[] {
  const { truth, signal } = captureOf(name);
  if (truth.endsWith('.pb.gz')) return splitDelimited(readCaptureFile(truth));
  return readTruth(name).map((request) => otlpBytes(signal, request));
}

/** OTLP's JSON has ids as hex, protobufjs takes base64. */
function base64Ids(name: string, value: Json): Json {
  if (typeof value === 'string') return idNames.has(name) ? Buffer.from(value, 'hex').toString('base64') : value;
  if (Array.isArray(value)) return value.map((element: Json) => base64Ids(name, element));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, base64Ids(key, member ?? null)]));
}
