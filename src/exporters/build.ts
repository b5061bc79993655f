import type { Seam } from '../base/seam.ts';
import type { ExporterConfig } from '../config/load.ts';
import { OtapStreamEncoder } from '../otap/encode/stream-encoder.ts';
import type { PayloadName, Signal } from '../otap/payload-type.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { BatchSink } from '../pipeline/sink.ts';
import { openClientSecurity } from '../security/client-security.ts';
import { metrics } from '../telemetry/declared.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import { balancerSink, type MemberConfig } from './balancing/build-balancer.ts';
import { otlpSink } from './build-otlp.ts';
import { DebugExporter, printTo } from './debug/debug-exporter.ts';
import { OtapExporter } from './otap.ts';
import { OtapFileExporter } from './otap-file.ts';
import { deadLetters } from './dead-letters.ts';
import type { OnGivenUp } from './lost-items.ts';
import { QueuedSink, type QueuedSinkOptions } from './queued-sink.ts';
import { exporterClosed, type ExportResult, type RetryPolicy } from './retry.ts';

/** How long a batch is tried that nothing but memory holds. */
const maxElapsedMsDefault = 300_000;

export interface ExporterTools {
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
  /** Whether the log on the disk holds what is not delivered yet. Default false. */
  readonly isDurable?: boolean;
  /** Bytes of all that a balancer remembers of traces, at most. Default without a bound. */
  readonly tableBytesMax?: number;
  /** What is told what came of items; by default they are counted, and those that were given up are logged. */
  readonly onResult?: (signal: Signal, items: number, result: ExportResult) => void;
}

/** Makes the exporters of a configuration, each behind its queue. */
export function buildSinks(configs: readonly ExporterConfig[], tools: ExporterTools): readonly BatchSink[] {
  return configs.map((config) => {
    switch (config.type) {
      case 'otap': return otapSink(config, tools);
      case 'otlp':
      case 'otlphttp': return otlpSink(config, { ...tools, retry: retryOf(config, tools), onGivenUp: onGivenUpOf(config, tools), onResult: (signal, items, result) => countResult(tools, config.id, signal, items, result) });
      case 'otap_file': return fileSink(config, tools);
      case 'debug': return debugSink(config, tools);
      case 'load_balancing': return balancerSink(config, tools, (member) => memberSink(member, tools));
    }
  });
}

/** The exporter of a member of a balancer, which counts what comes of its items itself. */
function memberSink(config: MemberConfig, tools: ExporterTools): BatchSink {
  const quiet: ExporterTools = { ...tools, onResult: () => undefined };
  return buildSinks([config], quiet)[0];
}

function countExported({ registry }: ExporterTools, exporter: string, signal: Signal, items: number): void {
  registry.counter(metrics.itemsExported).add(items, { signal, exporter });
}

function fileSink(config: Extract<ExporterConfig, { readonly type: 'otap_file' }>, tools: ExporterTools): BatchSink {
  return new OtapFileExporter({
    name: config.id, path: config.path, bytesMax: config.bytesMax, nowUnixNano: () => tools.seam.nowUnixNano(), isSingle: false, encode: { bodyCompression: 'zstd', zstdLevel: 3 },
    onExported: (signal, items, bytes) => {
      countExported(tools, config.id, signal, items);
      tools.registry.counter(metrics.wireBytesSent).add(bytes, { signal, exporter: config.id });
    },
  });
}

function debugSink({ id, verbosity, output, itemsMax }: Extract<ExporterConfig, { readonly type: 'debug' }>, tools: ExporterTools): BatchSink {
  const { seam, log, registry } = tools;
  return new DebugExporter({
    name: id, verbosity, itemsMax, seam, log, print: printTo(process[output]),
    onExported: (signal, items) => countExported(tools, id, signal, items),
    onUnprinted: (items) => registry.counter(metrics.debugUnprinted).add(items, { exporter: id }),
  });
}

type OtapConfig = Extract<ExporterConfig, { readonly type: 'otap' }>;

function otapSink(config: OtapConfig, tools: ExporterTools): BatchSink {
  const { seam, log, registry } = tools;
  const onGivenUp = onGivenUpOf(config, tools);
  const exporter = new OtapExporter<OutputBatch>({
    endpoint: config.endpoint, ...openClientSecurity(config, { name: `exporters.${config.id}`, seam, log, registry }), headers: config.headers, compression: config.compression,
    compressionLevel: config.compressionLevel, retry: retryOf(config, tools), timeoutMs: config.timeoutMs,
    maxStreamLifetimeMs: config.maxStreamLifetimeMs, seam, log,
    encode: (signal, plain) => new OtapStreamEncoder(signal, {
      bodyCompression: 'zstd', zstdLevel: 1, ...(config.omitMetricAttributes || plain ? { omit: new Set<PayloadName>(['METRIC_ATTRS']) } : {}) }),
    onRetry: (signal, reason) => registry.counter(metrics.exportRetries).add(1, { signal, exporter: config.id, reason }),
    onWireBytes: (signal, bytes) => registry.counter(metrics.wireBytesSent).add(bytes, { signal, exporter: config.id }),
  });
  const onResult: QueuedSinkOptions['onResult'] = (signal, items, result, batch) => {
    if (result.kind !== 'ok') onGivenUp(signal, batch, items, result);
    countResult(tools, config.id, signal, items, result);
  };
  return new QueuedSink(exporter, { name: config.id, ...config.sendingQueue, onResult, onDropped: onResult });
}

type Queued = Extract<ExporterConfig, { readonly retry: unknown }>;

/** What waits on the disk is sent for as long as it takes, unless the configuration says otherwise. */
function retryOf({ retry }: Queued, { isDurable }: ExporterTools): RetryPolicy {
  return { ...retry, maxElapsedMs: retry.maxElapsedMs ?? (isDurable === true ? 0 : maxElapsedMsDefault) };
}

function onGivenUpOf({ id, deadLetter }: Queued, tools: ExporterTools): OnGivenUp {
  return deadLetter === null ? () => {} : deadLetters(id, deadLetter, { ...tools, isDurable: tools.isDurable === true });
}

function countResult(tools: ExporterTools, exporter: string, signal: Signal, items: number, result: ExportResult): void {
  if (tools.onResult !== undefined) {
    tools.onResult(signal, items, result);
    return;
  }
  if (result.kind === 'ok') {
    countExported(tools, exporter, signal, items);
    return;
  }
  if (tools.isDurable === true && result.reason === exporterClosed) {
    tools.log.info('export_left', `${items} ${signal} items are left to the next start: ${result.message}`, { exporter, items });
    return;
  }
  tools.registry.counter(metrics.itemsLost).add(items, { signal, exporter, reason: result.reason });
  tools.log.error('export_failed', `${items} ${signal} items were given up: ${result.message}`, { exporter, reason: result.reason, items });
}
