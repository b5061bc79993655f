import type { Signal } from '../otap/payload-type.ts';

const prefix = '/opentelemetry.proto.collector';

/** Paths of the OTLP services' one method each (opentelemetry/proto/collector/<signal>/v1). */
export const otlpGrpcPaths: { readonly [signal in Signal]: string } = {
  traces: `${prefix}.trace.v1.TraceService/Export`,
  logs: `${prefix}.logs.v1.LogsService/Export`,
  metrics: `${prefix}.metrics.v1.MetricsService/Export`,
};

/** Paths of OTLP over HTTP (OTLP specification, "OTLP/HTTP Request"). */
export const otlpHttpPaths: { readonly [signal in Signal]: string } = { traces: '/v1/traces', logs: '/v1/logs', metrics: '/v1/metrics' };
