import type { Seam } from '../base/seam.ts';
import type { ExporterConfig } from '../config/load.ts';
import type { Signal } from '../otap/payload-type.ts';
import { RequestEncoder } from '../otlp/encode/requests.ts';
import type { BatchSink } from '../pipeline/sink.ts';
import { openClientSecurity } from '../security/client-security.ts';
import { metrics } from '../telemetry/declared.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import { OtlpExporter } from './otlp.ts';
import type { OtlpTransport } from './otlp-answer.ts';
import { OtlpGrpcTransport } from './otlp-grpc.ts';
import { OtlpHttpTransport } from './otlp-http.ts';
import { OtlpQueuedSink, QueuedSink, type QueuedSinkOptions } from './queued-sink.ts';
import type { OnGivenUp } from './lost-items.ts';
import type { ExportResult, RetryPolicy } from './retry.ts';

type OtlpConfig = Extract<ExporterConfig, { readonly type: 'otlp' | 'otlphttp' }>;

export interface OtlpTools {
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
  readonly onResult: (signal: Signal, items: number, result: ExportResult) => void;
  readonly onGivenUp: OnGivenUp;
  readonly retry: RetryPolicy;
}

/** Batches under way at once, and connections of an endpoint. */
const inFlightMax = 8;

/** An `otlp` or `otlphttp` exporter behind its queue. Throws when a certificate's file cannot be read. */
export function otlpSink(config: OtlpConfig, tools: OtlpTools): BatchSink {
  const { seam, log, registry, onResult, onGivenUp, retry } = tools;
  const encoding = config.type === 'otlphttp' ? config.encoding : 'proto';
  const exporter = new OtlpExporter({
    transports: transportsOf(config, tools), encoder: new RequestEncoder(encoding, config.requestBytesMax),
    seam, retry, inFlightMax, onResult, onGivenUp,
    onRetry: (signal, reason, message) => {
      registry.counter(metrics.exportRetries).add(1, { signal, exporter: config.id, reason });
      log.warn('export_retried', `${signal} are sent again: ${message}`, { exporter: config.id, reason });
    },
    onWarning: (signal, message) => log.warn('otlp_warning', `the next hop accepted ${signal} and says: ${message}`, { exporter: config.id }),
  });
  const queue: QueuedSinkOptions = { name: config.id, ...config.sendingQueue, onResult: () => {}, onDropped: (signal, items, result, batch) => {
    onGivenUp(signal, batch, items, result);
    onResult(signal, items, result);
  } };
  return encoding === 'proto' ? new OtlpQueuedSink(exporter, queue) : new QueuedSink(exporter, queue);
}

function transportsOf(config: OtlpConfig, { seam, log, registry }: OtlpTools): readonly OtlpTransport<Signal>[] {
  const { compression, compressionLevel, timeoutMs } = config;
  const headers = Object.fromEntries(Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const { tls, auth } = openClientSecurity(config, { name: `exporters.${config.id}`, seam, log, registry });
  const onWireBytes = (signal: Signal, bytes: number): void => registry.counter(metrics.wireBytesSent).add(bytes, { signal, exporter: config.id });
  const common = { tls, auth, headers, timeoutMs, seam, onWireBytes };
  return [config.endpoint, ...config.moreEndpoints].map((endpoint) => {
    if (config.type === 'otlp') return new OtlpGrpcTransport({ ...common, endpoint, encoding: { encoding: compression === 'none' ? 'identity' : compression, level: compressionLevel } });
    return new OtlpHttpTransport({ ...common, endpoint, encoding: config.encoding, compression, compressionLevel, connectionsMax: inFlightMax });
  });
}
