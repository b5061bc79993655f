import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import type { Signal } from '../../src/otap/payload-type.ts';
import { captureOf, readCaptureFile, splitDelimited } from './captures.ts';
import type { Json, JsonObject, OtlpRequest } from './otlp-json.ts';

const messageNames = { traces: 'Traces', logs: 'Logs', metrics: 'Metrics' } as const;
const idNames = new Set(['traceId', 'spanId', 'parentSpanId']);
const otlp = protobuf.parse(readFileSync(join(import.meta.dirname, 'proto/otlp.proto'), 'utf8')).root;

/** The telemetry of which a capture was made, a request for each batch. */
export function readTruth(name: string): OtlpRequest[] {
  const { truth, signal } = captureOf(name);
  const bytes = readCaptureFile(truth);
  if (truth.endsWith('.pb.gz')) return splitDelimited(bytes).map((message) => withoutLosses(name, parseOtlp(signal, message)));
  return bytes.toString('utf8').split('\n').filter((line) => line !== '').map(parseLine);
}

/** An ExportXServiceRequest protobuf message in the shape of OTLP's JSON. */
export function parseOtlp(signal: Signal, message: Uint8Array): OtlpRequest {
  const type = otlp.lookupType(`thresher.test.${messageNames[signal]}`);
  const plain = type.toObject(type.decode(message), { longs: String, bytes: String });
  return hexIds('', plain as JsonObject) as OtlpRequest;
}

/**
 * What the writer of a stream lost is no fault of its reader. The Rust engine leaves out a column whose values are all
 * the default, so that a `min` of 0 in every exponential histogram of a batch arrives as none.
 */
function withoutLosses(name: string, request: OtlpRequest): OtlpRequest {
  return name === 'rust/rust_metrics' ? (withoutZeroMin(request) as OtlpRequest) : request;
}

function withoutZeroMin(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutZeroMin);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([key, member]) => !(key === 'min' && member === 0));
  return Object.fromEntries(members.map(([key, member]) => [key, withoutZeroMin(member ?? null)]));
}

function parseLine(line: string): OtlpRequest {
  const request: OtlpRequest = JSON.parse(line);
  return request;
}

/** protobufjs gives bytes as base64; OTLP's JSON has ids as hex. */
function hexIds(name: string, value: Json): Json {
  if (typeof value === 'string') return idNames.has(name) ? Buffer.from(value, 'base64').toString('hex') : value;
  if (Array.isArray(value)) return value.map((element: Json) => hexIds(name, element));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, hexIds(key, member ?? null)]));
}
