import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../src/base/package-paths.ts';
import { Child } from '../test/support/child.ts';
import { collectorBinary } from '../test/support/collector.ts';
import { freePorts } from '../test/support/free-ports.ts';
import { heapFlags } from './children.ts';
import { onCore } from './otlp-talk.ts';

/** The two that are measured. */
export const sides = ['Thresher', 'Collector'] as const;
export type Side = (typeof sides)[number];

export interface ServerOptions {
  /** For configurations and what servers write. */
  readonly directory: string;
  readonly sinkPort: number;
  readonly waitSeconds: number;
  /** Length of Thresher's windows; the wait begins at their end. */
  readonly windowSeconds: number;
  /** The Collector forgets older traces beyond so many, decided or not. */
  readonly tracesMax: number;
  readonly core: number;
  /** For the Node that runs Thresher, beside those that it always has. */
  readonly nodeFlags: readonly string[];
  /** Sections of Thresher's configuration beside those that both sides need. */
  readonly sections?: object;
}

/** A server under test. */
export interface Server {
  readonly child: Child;
  /** Where it takes OTLP over gRPC. */
  readonly address: string;
  /** Thresher's own HTTP endpoint; null of the Collector. */
  readonly http: string | null;
}

/** The policies of both: `thresher convert` makes Thresher's of them. */
const policies = [
  { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
  { name: 'slow', type: 'latency', latency: { threshold_ms: 1000 } },
  { name: 'tenth', type: 'probabilistic', probabilistic: { sampling_percentage: 10 } },
];

function collectorConfig({ waitSeconds, tracesMax, sinkPort }: ServerOptions, port: number): object {
  return {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}`, max_recv_msg_size_mib: 16 } } } },
    processors: { tail_sampling: { decision_wait: `${waitSeconds}s`, num_traces: tracesMax, policies }, batch: {} },
    exporters: { otlp: { endpoint: `127.0.0.1:${sinkPort}`, tls: { insecure: true } } },
    service: {
      pipelines: { traces: { receivers: ['otlp'], processors: ['tail_sampling', 'batch'], exporters: ['otlp'] } },
      telemetry: { metrics: { level: 'none' } },
    },
  };
}

function thresherConfig({ waitSeconds, windowSeconds, sinkPort, sections }: ServerOptions, port: number, httpPort: number): object {
  return {
    receivers: { otlp: { grpc: { endpoint: `127.0.0.1:${port}` } } },
    windows: { traces: { length: `${windowSeconds}s`, decision_wait: `${waitSeconds}s` } },
    policies: policies.map(({ name }) => `converted/${name}.sql`),
    exporters: { otlp: { endpoint: `127.0.0.1:${sinkPort}`, tls: { insecure: true } } },
    http: { endpoint: `127.0.0.1:${httpPort}` },
    ...sections,
  };
}

/** Starts one side and waits until it takes requests. */
export async function startServer(side: Side, options: ServerOptions): Promise<Server> {
  const [port, httpPort] = await freePorts(2);
  const collectorYaml = written(options, 'collector.yaml', collectorConfig(options, port));
  const { child, words } = side === 'Collector'
    ? { child: started(side, await collectorBinary(), ['--config', collectorYaml], options), words: 'Everything is ready' }
    : { child: startThresher(collectorYaml, options, port, httpPort), words: 'taking telemetry in' };
  await child.says(words);
  return { child, address: `127.0.0.1:${port}`, http: side === 'Thresher' ? `127.0.0.1:${httpPort}` : null };
}

function startThresher(collectorYaml: string, options: ServerOptions, port: number, httpPort: number): Child {
  const main = packageFile('src/main.ts');
  execFileSync(process.execPath, [main, 'convert', collectorYaml, '--output', join(options.directory, 'converted'), '--overwrite'], { stdio: 'ignore' });
  const path = written(options, 'thresher.yaml', thresherConfig(options, port, httpPort));
  return started('Thresher', process.execPath, [...heapFlags, ...options.nodeFlags, main, 'run', '--config', path], options);
}

function started(side: Side, program: string, args: readonly string[], { core, directory }: ServerOptions): Child {
  const { command, rest } = onCore(core, program, args);
  return new Child(side, command, rest, { cwd: directory, env: { GOMAXPROCS: '1' } });
}

/** JSON is YAML, too. */
function written({ directory }: ServerOptions, name: string, config: object): string {
  const path = join(directory, name);
  writeFileSync(path, JSON.stringify(config, null, 2));
  return path;
}
