import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Signal } from '../../../../src/otap/payload-type.ts';
import { splitDelimited } from '../../captures.ts';
import { parseOtlp } from '../../otlp-truth.ts';
import type { OtlpRequest } from '../../otlp-json.ts';

/** Builds otlpsink into a directory of its own and gives the path of the program. */
export function buildOtlpSink(): string {
  const program = join(mkdtempSync(join(tmpdir(), 'otlpsink-')), 'otlpsink');
  execFileSync('go', ['build', '-o', program, '.'], { cwd: import.meta.dirname, stdio: ['ignore', 'ignore', 'inherit'] });
  return program;
}

export interface OtlpSink {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** What it said of each request. */
  readonly requests: readonly Record<string, unknown>[];
  /** What it understood. */
  understood(signal: Signal): OtlpRequest[];
  /** Ends it. */
  stop(): Promise<void>;
}

/** Starts otlpsink and waits until it listens. */
export async function startOtlpSink(program: string, ...flags: readonly string[]): Promise<OtlpSink> {
  const output = join(mkdtempSync(join(tmpdir(), 'otlpsink-')), 'understood.pb');
  const child = spawn(program, ['-output', output, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines: Record<string, unknown>[] = [];
  const listens = new Promise<void>((resolve) => {
    createInterface(child.stdout).on('line', (text) => {
      const line: Record<string, unknown> = JSON.parse(text);
      lines.push(line);
      resolve();
    });
  });
  await Promise.race([listens, exited]);
  const [ports, ...rest] = lines;
  if (ports === undefined || rest.length > 0) throw new Error('otlpsink did not start');
  return {
    grpcPort: Number(ports['grpc']),
    httpPort: Number(ports['http']),
    get requests() {
      return lines.slice(1);
    },
    understood: (signal) => splitDelimited(readFileSync(output))
      .filter((record) => String.fromCharCode(record[0]) === signal[0])
      .map((record) => parseOtlp(signal, record.subarray(1))),
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
