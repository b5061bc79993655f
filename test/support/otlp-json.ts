/** Telemetry in the shape of OTLP's JSON encoding: 64-bit integers as decimal strings, ids as hex, bytes as base64. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** An ExportTraceServiceRequest, ExportLogsServiceRequest or ExportMetricsServiceRequest. */
export interface OtlpRequest extends JsonObject {
  readonly resourceSpans?: readonly JsonObject[];
  readonly resourceLogs?: readonly JsonObject[];
  readonly resourceMetrics?: readonly JsonObject[];
}

/** Elements of an array member, none where it is absent. */
export function objects(value: Json | undefined): readonly JsonObject[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error('expected an array');
  return value.map(object);
}

export function object(value: Json | undefined): JsonObject {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('expected an object');
  return value as JsonObject;
}
