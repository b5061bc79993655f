import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../../src/base/package-paths.ts';
import { realSeam } from '../../src/base/seam.ts';
import { OtapExporter } from '../../src/exporters/otap.ts';
import { GrpcServer } from '../../src/grpc/server.ts';
import { OtapStreamDecoder } from '../../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../../src/otap/encode/stream-encoder.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import type { OutputBatch } from '../../src/otap/take/output-batch.ts';
import { allRows } from '../../src/otap/take/split.ts';
import { acceptedAck } from '../../src/pipeline/intake-port.ts';
import { addOtapReceiver } from '../../src/receivers/otap.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { captureOf, readCapture } from '../support/captures.ts';
import { toOtlp } from '../support/otap-to-otlp.ts';
import type { OtlpRequest } from '../support/otlp-json.ts';

/** The next hop: takes everything, and remembers it as OTLP. */
export class Backend {
  readonly received: { readonly [signal in Signal]: OtlpRequest[] } = { traces: [], logs: [], metrics: [] };
  readonly #server: GrpcServer;
  port = 0;

  constructor() {
    this.#server = new GrpcServer({ seam: realSeam(), log: silentLogger, limits: {} });
    addOtapReceiver(this.#server, (signal) => {
      const decoder = new OtapStreamDecoder(signal);
      return {
        accept: async ({ bytes }) => {
          const batch = decoder.decode(bytes);
          this.received[signal].push(toOtlp(batch));
          return { batchId: batch.batchId, ack: acceptedAck, streamBroken: false };
        },
        close: () => undefined,
      };
    });
  }

  async listen(): Promise<number> {
    this.port = await this.#server.listen('127.0.0.1', 0);
    return this.port;
  }

  async close(): Promise<void> {
    await this.#server.drain(1000);
  }
}

/** Sends part of a recorded stream as a real sender does; resolves with the truth's batches when all are acknowledged. */
export async function send(port: number, name: string, batches: number): Promise<void> {
  const { signal } = captureOf(name);
  const exporter = new OtapExporter<OutputBatch>({
    endpoint: `127.0.0.1:${port}`, seam: realSeam(), log: silentLogger, encode: (of) => new OtapStreamEncoder(of, { bodyCompression: 'zstd', zstdLevel: 1 }),
  });
  const decoder = new OtapStreamDecoder(signal);
  const builder = new OutputBatchBuilder(signal);
  const results = [];
  for (const message of readCapture(name).slice(0, batches)) {
    const batch = decoder.decode(message);
    builder.append(batch, allRows(batch), null);
    results.push(exporter.export(signal, builder.finish()));
  }
  for (const result of await Promise.all(results)) if (result.kind !== 'ok') throw new Error(`not taken: ${result.message}`);
  await exporter.close(5000);
}

/** A `thresher run` process and what it says. */
export class Running {
  readonly process: ChildProcess;
  readonly #closed: Promise<readonly unknown[]>;
  #said = '';
  grpcPort = 0;
  httpPort = 0;

  constructor(config: string, ...argv: readonly string[]) {
    this.process = spawn(process.execPath, [packageFile('src/main.ts'), 'run', '--config', config, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#closed = once(this.process, 'close');
    this.process.stderr?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString();
    });
  }

  get said(): string {
    return this.#said;
  }

  async started(): Promise<this> {
    await until(() => this.#said.includes('"started"') || this.process.exitCode !== null, 20_000, () => this.#said);
    const line = this.#said.split('\n').find((text) => text.includes('"started"')) ?? '';
    this.grpcPort = Number(/"grpc":"127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
    this.httpPort = Number(/"http":"127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
    return this;
  }

  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`);
    return { status: response.status, text: await response.text() };
  }

  /** Exit code and signal. */
  closed(): Promise<readonly unknown[]> {
    return this.#closed;
  }
}

export async function until(done: () => boolean, limitMs: number, told: () => string = () => ''): Promise<void> {
  for (const start = performance.now(); !done();) {
    if (performance.now() - start > limitMs) throw new Error(`not within ${limitMs} ms: ${told()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Writes a configuration and its keep-all policies into a directory. */
export function writeConfig(directory: string, name: string, yaml: string): string {
  writeFileSync(join(directory, 'traces.sql'), 'SELECT trace_id, 1.0 AS probability FROM traces');
  writeFileSync(join(directory, 'logs.sql'), 'SELECT id, 1.0 AS probability FROM logs');
  const path = join(directory, `${name}.yaml`);
  writeFileSync(path, `${yaml}
policies: [${join(directory, 'traces.sql')}, ${join(directory, 'logs.sql')}]
http: { endpoint: "127.0.0.1:0" }
# What is sent was recorded long ago.
decision_cache: { horizon: 3650d }
logs: { format: json }
`);
  return path;
}
