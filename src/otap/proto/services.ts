import type { Signal } from '../payload-type.ts';

const prefix = '/opentelemetry.proto.experimental.arrow.v1';

/** Paths of the OTAP services' one method each (proto/otap.proto). */
export const otapPaths: { readonly [signal in Signal]: string } = {
  traces: `${prefix}.ArrowTracesService/ArrowTraces`,
  logs: `${prefix}.ArrowLogsService/ArrowLogs`,
  metrics: `${prefix}.ArrowMetricsService/ArrowMetrics`,
};
