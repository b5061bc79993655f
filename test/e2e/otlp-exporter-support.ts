import { parseConfig } from '../../src/config/load.ts';
import { buildSinks } from '../../src/exporters/build.ts';
import { realSeam } from '../../src/base/seam.ts';
import type { OutputBatch } from '../../src/otap/take/output-batch.ts';
import type { BatchSink } from '../../src/pipeline/sink.ts';
import { metrics } from '../../src/telemetry/declared.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { MetricRegistry } from '../../src/telemetry/metrics.ts';

/** An exporter as a configuration makes it, and what it says of itself. */
export interface BuiltExporter {
  readonly sink: BatchSink;
  readonly logged: readonly string[];
  exported(): number;
  /** Items lost, and retries, by reason. */
  lost(): Readonly<Record<string, number>>;
  retries(): Readonly<Record<string, number>>;
  /** Items in files of dead letters, and those that should be there and are not, by reason. */
  kept(): number;
  unkept(): Readonly<Record<string, number>>;
  /** Sends the batches and waits until all are accepted or given up. */
  send(batches: readonly OutputBatch[], deadlineMs?: number): Promise<void>;
}

/** The exporter `type` with options in YAML's flow style. Retries are quick unless the options say otherwise. */
export function exporterOf(type: 'otlp' | 'otlphttp' | 'otap', options: string): BuiltExporter {
  const retry = options.includes('retry_on_failure') ? '' : 'retry_on_failure: { initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 10s }, ';
  const text = `receivers: { otlp: { grpc: {} } }\npolicies: package:package.json\nexporters: { ${type}: { ${retry}${options} } }`;
  const config = parseConfig({ text, name: 'test', environment: {}, directory: '/' });
  const logged: string[] = [];
  const seam = realSeam();
  const registry = new MetricRegistry();
  const log = createLogger({ seam, level: 'debug', format: 'json', write: (line) => logged.push(line) });
  const [sink] = buildSinks(config.exporters, { seam, log, registry });
  const lines = (name: string): string[] => registry.text().split('\n').filter((line) => line.startsWith(`${name}{`));
  const byReason = (name: string): Record<string, number> => {
    const sums: Record<string, number> = {};
    for (const line of lines(name)) {
      const reason = /reason="([^"]*)"/.exec(line)?.[1] ?? '';
      sums[reason] = (sums[reason] ?? 0) + valueOf(line);
    }
    return sums;
  };
  return {
    sink,
    logged,
    exported: () => lines(metrics.itemsExported.name).reduce((sum, line) => sum + valueOf(line), 0),
    lost: () => byReason(metrics.itemsLost.name),
    retries: () => byReason(metrics.exportRetries.name),
    kept: () => lines(metrics.deadLetters.name).reduce((sum, line) => sum + valueOf(line), 0),
    unkept: () => byReason(metrics.deadLettersUnkept.name),
    send: async (batches, deadlineMs = 20_000) => {
      for (const batch of batches) await sink.push(batch);
      await sink.drain(deadlineMs);
    },
  };
}

/** The number at the end of a line of the exposition. */
function valueOf(line: string): number {
  return Number(line.slice(line.lastIndexOf(' ') + 1));
}
