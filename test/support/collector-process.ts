import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Signal } from '../../src/otap/payload-type.ts';
import { Child } from './child.ts';
import { collectorBinary } from './collector.ts';

/** Sections of a Collector's configuration. */
export interface CollectorConfig {
  readonly receivers: Readonly<Record<string, unknown>>;
  readonly processors?: Readonly<Record<string, unknown>>;
  readonly exporters: Readonly<Record<string, unknown>>;
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Processors of all three pipelines. */
  readonly processing?: readonly string[];
  /** Those of one signal, where they are others. */
  readonly processingOf?: Partial<Readonly<Record<Signal, readonly string[]>>>;
}

/**
 * Starts a Collector whose three pipelines go from all its receivers to all its exporters, and waits until it is ready. Its configuration
 * is written to `name.yaml` in the directory. It has no metrics endpoint of its own.
 */
export async function startCollector(directory: string, name: string, config: CollectorConfig): Promise<Child> {
  const path = join(directory, `${name}.yaml`);
  writeFileSync(path, JSON.stringify(configOf(config), null, 2));
  const child = new Child(name, await collectorBinary(), ['--config', path], { cwd: directory });
  await child.says('Everything is ready. Begin running and processing data.');
  return child;
}

function configOf({ receivers, processors = {}, exporters, extensions = {}, processing = [], processingOf = {} }: CollectorConfig): object {
  const pipeline = (signal: Signal): object => ({ receivers: Object.keys(receivers), processors: processingOf[signal] ?? processing, exporters: Object.keys(exporters) });
  return {
    receivers, processors, exporters, extensions,
    service: {
      extensions: Object.keys(extensions),
      pipelines: { traces: pipeline('traces'), logs: pipeline('logs'), metrics: pipeline('metrics') },
      telemetry: { metrics: { level: 'none' } },
    },
  };
}
