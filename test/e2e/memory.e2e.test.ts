import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { until } from './run-support.ts';

/**
 * Scenario: a process with a small `memory.limit` and a sender that never stops, with windows that would hold everything for minutes.
 * Guarantees: resident memory stays under a stated bound; whoever is refused is told so with a delay; all that was accepted is exported; windows closed
 * early, and the engine failed on none.
 */
const mib = 2 ** 20;
const limit = 48 * mib;
/** Node, V8's heap (96 MiB at most), DuckDB's code, 40 MiB that a queue may add, what allocators keep: the peak was 350 to 420 MiB in all. */
const residentMax = 450 * mib + limit;
const spansPerRequest = 1000;

const directory = mkdtempSync(join(tmpdir(), 'thresher-memory-'));
let child: ChildProcess | null = null;
afterAll(() => {
  child?.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

function field(number: number, bytes: Buffer): Buffer {
  const head: number[] = [];
  for (const value of [number * 8 + 2, bytes.length]) {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) head.push((rest % 128) + 128);
    head.push(rest);
  }
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** An ExportTraceServiceRequest of random ids, ten spans a trace, each with an attribute (opentelemetry-proto trace.proto, common.proto). */
function request(): Buffer {
  const spans: Buffer[] = [];
  for (let i = 0; i < spansPerRequest / 10; i++) {
    const trace = randomBytes(16);
    for (let j = 0; j < 10; j++) {
      const value = field(1, Buffer.from(randomBytes(150).toString('base64')));
      spans.push(field(2, Buffer.concat([field(1, trace), field(2, randomBytes(8)), field(5, Buffer.from('GET /items')), field(9, Buffer.concat([field(1, Buffer.from('key')), field(2, value)]))])));
    }
  }
  return field(1, field(2, Buffer.concat(spans)));
}

function occurrences(body: Buffer, text: string): number {
  let count = 0;
  for (let at = body.indexOf(text); at !== -1; at = body.indexOf(text, at + text.length)) count++;
  return count;
}

/** Takes everything; counts spans, and those that say that they were decided on part of their evidence. */
async function counting(): Promise<{ readonly port: number; readonly seen: { spans: number; partial: number }; close(): void }> {
  const seen = { spans: 0, partial: 0 };
  const server = http.createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const body = Buffer.concat(chunks);
      seen.spans += occurrences(body, 'GET /items');
      seen.partial += occurrences(body, 'sampling.partial');
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return { port: address.port, seen, close: () => server.close() };
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

describe('a process with little memory', () => {
  test('bears a sender that never stops', async () => {
    const sink = await counting();
    writeFileSync(join(directory, 'policy.sql'), "-- attribute: key VARCHAR\nSELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['key'] > ''");
    writeFileSync(join(directory, 'thresher.yaml'), `
receivers: { otlp: { grpc: null, http: { endpoint: "127.0.0.1:0" } } }
exporters: { otlphttp: { endpoint: "http://127.0.0.1:${sink.port}", compression: none } }
windows: { traces: { length: 60s, decision_wait: 120s } }
policies: ${join(directory, 'policy.sql')}
memory: { limit: ${limit}, spill_dir: ${join(directory, 'spill')}, spill_limit: 256MiB }
http: { endpoint: "127.0.0.1:0" }
logs: { format: json }
`);
    const running = spawn(process.execPath, ['--max-old-space-size=96', packageFile('src/main.ts'), 'run', '--config', join(directory, 'thresher.yaml')], { stdio: ['ignore', 'ignore', 'pipe'] });
    child = running;
    let said = '';
    running.stderr.on('data', (chunk: Buffer) => { said += chunk.toString(); });
    await until(() => said.includes('"started"') || running.exitCode !== null, 30_000, () => said);
    const portOf = (key: string): number => Number(new RegExp(`"${key}":"127\\.0\\.0\\.1:(\\d+)`).exec(said)?.[1]);
    const [otlp, admin] = [portOf('otlp_http'), portOf('http')];
    const answers = { accepted: 0, refused: 0, delays: 0 };
    let residentPeak = 0;
    const watch = setInterval(() => { residentPeak = Math.max(residentPeak, residentBytes(running.pid ?? 0)); }, 50);
    const deadline = performance.now() + 40_000;
    let isEnough = false;
    const sender = async (): Promise<void> => {
      while (!isEnough && performance.now() < deadline) {
        const answer = await fetch(`http://127.0.0.1:${otlp}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: new Uint8Array(request()) });
        await answer.arrayBuffer();
        if (answer.status === 200) answers.accepted++;
        else if (answer.status === 429) answers.refused++;
        else throw new Error(`answered ${answer.status}: ${said.slice(-2000)}`);
        if (answer.status === 429 && Number(answer.headers.get('retry-after')) >= 1) answers.delays++;
      }
    };
    let metrics = '';
    const valueOf = (name: string): number => [...metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0);
    const read = async (): Promise<void> => { metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text(); };
    const asking = setInterval(() => void read().then(() => { isEnough = valueOf('thresher_windows_closed_early_total') >= 2; }), 500);
    await Promise.all(Array.from({ length: 4 }, sender));
    clearInterval(asking);
    await read();
    const closing = new Promise<number | null>((resolve) => running.once('close', resolve));
    running.kill('SIGTERM');
    expect(await closing, said.slice(-3000)).toBe(0);
    clearInterval(watch);
    sink.close();
    console.log(`${answers.accepted} requests taken, ${answers.refused} refused, ${valueOf('thresher_windows_closed_early_total')} windows closed early, peak ${Math.round(residentPeak / mib)} MiB`);
    expect(answers.delays).toBe(answers.refused);
    expect(valueOf('thresher_items_received_total')).toBe(answers.accepted * spansPerRequest);
    expect(sink.seen.spans).toBe(answers.accepted * spansPerRequest);
    expect(sink.seen.partial).toBeGreaterThan(0);
    expect(valueOf('thresher_windows_closed_early_total')).toBeGreaterThanOrEqual(2);
    expect(metrics).toContain('thresher_duckdb_memory_bytes');
    expect(residentPeak).toBeLessThan(residentMax);
    expect(said).not.toMatch(/window_engine_failed|policy_failed|items_unreadable|"level":"error"/);
  });
});
