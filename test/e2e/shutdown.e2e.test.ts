import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { splitDelimited } from '../support/captures.ts';
import { freePorts } from '../support/free-ports.ts';
import { canonical } from '../support/otlp-canonical.ts';
import type { OtlpRequest } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { itemsOf } from '../golden/kept-support.ts';
import { Running, send, until, writeConfig } from './run-support.ts';

/**
 * Scenario: real processes that are told to end while their next hop is dead.
 * Guarantees: they end within the time that the configuration gives; what is lost is counted in the log and the exit code says so; a dead-letter file has it
 * where one is asked for; a second signal ends at once.
 */
let directory = '';
let port = 0;
const running: Running[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shutdown-'));
  [port] = await freePorts(1);
});

afterEach(() => {
  for (const { process: child } of running.splice(0)) child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

async function withDeadBackend(shutdown: string, more = '', exporter = ''): Promise<Running> {
  const started = await new Running(writeConfig(directory, 'thresher', `
receivers: { otap: { grpc: { endpoint: "127.0.0.1:0" } } }
windows: { traces: { length: 1h }, logs: { length: 1h } }
shutdown: ${shutdown}
exporters: { otap: { endpoint: "127.0.0.1:${port}", tls: { insecure: true }${exporter} } }
${more}`)).started();
  running.push(started);
  await send(started.grpcPort, 'traces_zstd', 20);
  return started;
}

const sentItems = (): number => readTruth('traces_zstd').slice(0, 20).reduce((sum, request: OtlpRequest) => sum + itemsOf(request).length, 0);

/** Exit code, and the seconds that it took. */
async function end(process: Running): Promise<{ readonly code: unknown; readonly seconds: number }> {
  const startMs = performance.now();
  process.process.kill('SIGTERM');
  const [code] = await process.closed();
  return { code, seconds: (performance.now() - startMs) / 1000 };
}

describe('SIGTERM with a dead next hop', { timeout: 30_000 }, () => {
  test('ends when nothing was acknowledged for exporter_stall: what is lost is said, and the exit code is 1', async () => {
    const process = await withDeadBackend('{ deadline: 1m, exporter_stall: 1s }');
    const { code, seconds } = await end(process);
    expect([code, seconds < 20]).toEqual([1, true]);
    expect(process.said).toContain('"draining"');
    expect(process.said).toContain(`"drain_lost"`);
    expect(Number(/"drain_lost".*?"items":(\d+)/.exec(process.said)?.[1])).toBe(sentItems());
  });

  test('ends at the deadline where that comes first', async () => {
    const { code, seconds } = await end(await withDeadBackend('{ deadline: 2s, exporter_stall: 1m }'));
    expect(code).toBe(1);
    expect(seconds).toBeGreaterThan(1.5);
    expect(seconds).toBeLessThan(20);
  });

  test('with dead_letter and keep: all, what is lost is in a file', async () => {
    const letters = join(directory, 'letters');
    const { code } = await end(await withDeadBackend('{ deadline: 1m, exporter_stall: 1s }', '', `, dead_letter: { directory: "${letters}", keep: all }`));
    expect(code).toBe(1);
    const [file] = readdirSync(letters).filter((name) => name.endsWith('.otap'));
    const ids = (requests: readonly OtlpRequest[]): string[] => requests.flatMap((request) => itemsOf(request).map(({ spanId }) => String(spanId))).sort();
    expect(ids(decodeOwn('traces', splitDelimited(readFileSync(join(letters, file)))))).toEqual(ids(readTruth('traces_zstd').slice(0, 20)));
    expect(canonical(decodeOwn('traces', splitDelimited(readFileSync(join(letters, file)))))[0]).toContain('sampling.adjusted_count');
  });

  test('with durability nothing is lost, so that the exit code is 0, and no dead letter is written', async () => {
    const letters = join(directory, 'letters');
    const process = await withDeadBackend('{ deadline: 1m, exporter_stall: 1s }', `durability: async\nstorage: { directory: "${join(directory, 'data')}" }`, `, dead_letter: { directory: "${letters}", keep: all }`);
    const { code } = await end(process);
    expect([code, process.said.includes('drain_lost'), readdirSync(letters)]).toEqual([0, false, []]);
    expect(process.said).toContain('"export_left"');
    expect(existsSync(join(directory, 'data'))).toBe(true);
  });

  test('a second signal ends at once', async () => {
    const process = await withDeadBackend('{ deadline: 1m, exporter_stall: 1m }');
    process.process.kill('SIGTERM');
    await until(() => process.said.includes('"draining"'), 10_000);
    const { code, seconds } = await end(process);
    expect(code).toBe(130);
    expect(seconds).toBeLessThan(10);
  });
});
