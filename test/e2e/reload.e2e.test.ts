import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canonical } from '../support/otap-to-otlp.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { Backend, Running, send, until, writeConfig } from './run-support.ts';

/**
 * Scenario: policy files change while a `thresher run` process works, between real senders and a real next hop.
 * Guarantees: what leaves goes by the new policies, without a restart; a broken file changes nothing, and log and metrics say why; SIGHUP and
 * POST /-/reload do the same where nobody watches; `off` means off.
 */
let directory = '';
let backend = new Backend();
const processes: Running[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'reload-'));
  backend = new Backend();
  await backend.listen();
});

afterEach(async () => {
  for (const { process } of processes.splice(0)) if (process.exitCode === null) process.kill('SIGKILL');
  await backend.close();
  rmSync(directory, { recursive: true });
});

const batches = 4;
const spansOf = (capture: string): number => canonical(readTruth(capture).slice(0, batches)).length;
const keepNone = "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['no.such.key'] = 'x'";
const keepAll = "SELECT trace_id, 1.0 AS probability FROM spans WHERE attributes['no.such.key'] IS NULL AND name IS NOT NULL";

async function run(...argv: readonly string[]): Promise<Running> {
  const config = writeConfig(directory, 'reload', `receivers: { otlp: { grpc: { endpoint: "127.0.0.1:0" } } }
windows: { traces: { length: 200ms, decision_wait: 100ms }, logs: { length: 200ms } }
exporters: { otap: { endpoint: "127.0.0.1:${backend.port}", tls: { insecure: true } } }`);
  const running = new Running(config, ...argv);
  processes.push(running);
  return running.started();
}

const policy = (text: string): void => writeFileSync(join(directory, 'traces.sql'), text);
const received = (): number => canonical(backend.received.traces).length;

async function metric(thresher: Running, line: string): Promise<number> {
  const { text } = await thresher.get('/metrics');
  return Number(text.split('\n').find((found) => found.startsWith(`${line} `))?.split(' ').at(-1));
}

/** Sends a capture's first batches and waits until their windows are decided. */
async function sendAll(thresher: Running, capture: string): Promise<void> {
  const before = await metric(thresher, 'thresher_items_received_total{signal="traces",receiver="otap"}') || 0;
  await send(thresher.grpcPort, capture, batches);
  const settled = async (): Promise<boolean> => (await metric(thresher, 'thresher_items_received_total{signal="traces",receiver="otap"}')) === before + spansOf(capture)
    && (await metric(thresher, 'thresher_buffered_items{signal="traces"}')) === 0;
  for (let i = 0; i < 200 && !(await settled()); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  await new Promise((resolve) => setTimeout(resolve, 600));
}

async function inForce(thresher: Running, generation: number): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await metric(thresher, 'thresher_policy_generation_in_force{signal="traces"}') === generation) return;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new Error(`set ${generation} is not in force: ${thresher.said}`);
}

describe('thresher run, while policy files change', () => {
  test('a file is edited, broken, mended and replaced', async () => {
    const thresher = await run();
    expect(thresher.said).toMatch(/"policies_loaded".*policies number 1: traces \(traces\), logs \(logs\)/);
    policy(keepNone);
    await inForce(thresher, 2);
    await sendAll(thresher, 'traces_zstd');
    expect(received()).toBe(0);

    policy("SELECT trace_id, 1.0 AS probability FROM spanz");
    await until(() => thresher.said.includes('"policies_refused"'), 10_000, () => thresher.said);
    expect(thresher.said).toMatch(/policy traces:1:\d+: .*spanz.*did you mean/);
    expect(await metric(thresher, 'thresher_policy_reloads_total{result="refused"}')).toBe(1);
    expect(await metric(thresher, 'thresher_policy_last_reload_successful')).toBe(0);
    expect(await metric(thresher, 'thresher_policy_generation')).toBe(2);

    writeFileSync(join(directory, 'new'), keepAll);
    renameSync(join(directory, 'new'), join(directory, 'traces.sql'));
    await inForce(thresher, 3);
    expect(await metric(thresher, 'thresher_policy_last_reload_successful')).toBe(1);
    // Others than before: those are decided, and spans of theirs follow that decision.
    await sendAll(thresher, 'collector_traces');
    await until(() => received() >= spansOf('collector_traces'), 10_000, () => thresher.said);
    expect(received()).toBe(spansOf('collector_traces'));
    expect((await thresher.get('/metrics')).text).toMatch(/thresher_policy_info\{policy="traces",signal="traces",hash="[0-9a-f]{12}"\} 1/);
    thresher.process.kill('SIGTERM');
    expect(await thresher.closed()).toEqual([0, null]);
  });

  test('fifty times under load: everything that came in goes out, whichever of the policies that keep all decided it', { timeout: 60_000 }, async () => {
    const thresher = await run();
    const variants = [
      keepAll, 'SELECT trace_id, 1.0 AS probability FROM traces', 'SELECT trace_id FROM nowhere',
      "SELECT s.trace_id, 1.0 AS probability FROM spans s LEFT JOIN span_attrs a ON a.parent_id = s.id AND a.key = 'http.route'",
      "SELECT trace_id, 1.0 AS probability FROM traces WHERE attributes['a'] IS NULL AND resource['b'] IS NULL AND duration IS NOT NULL", '',
    ];
    for (let n = 0; n < 50; n++) {
      policy(`-- ${n}\n${variants[n % variants.length]}`);
      const asked = fetch(`http://127.0.0.1:${thresher.httpPort}/-/reload`, { method: 'POST' });
      await send(thresher.grpcPort, 'collector_traces', batches);
      expect((await asked).status).toBe(n % 3 === 2 ? 422 : 200);
    }
    expect(await metric(thresher, 'thresher_policy_generation')).toBe(1 + 34);
    expect(await metric(thresher, 'thresher_policy_reloads_total{result="loaded"}')).toBe(34);
    expect(await metric(thresher, 'thresher_policy_reloads_total{result="refused"}')).toBeGreaterThanOrEqual(16);
    thresher.process.kill('SIGTERM');
    expect(await thresher.closed()).toEqual([0, null]);
    expect(received()).toBe(50 * spansOf('collector_traces'));
    expect(thresher.said).not.toMatch(/"policy_failed"|"window_engine_failed"|"window_failed"/);
  });

  test('with reload: signal, on SIGHUP and on request alone', async () => {
    const thresher = await run('--set', 'policy.reload=signal');
    const ask = async (headers: { readonly [name: string]: string } = {}): Promise<readonly [number, unknown]> => {
      const response = await fetch(`http://127.0.0.1:${thresher.httpPort}/-/reload`, { method: 'POST', headers });
      return [response.status, await response.json()];
    };
    policy(keepNone);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await metric(thresher, 'thresher_policy_generation')).toBe(1);
    thresher.process.kill('SIGHUP');
    await inForce(thresher, 2);
    expect(await ask()).toEqual([200, { result: 'unchanged', generation: 2, hash: expect.stringMatching(/^[0-9a-f]{12}$/), message: null }]);
    policy('SELECT 1');
    expect(await ask()).toEqual([422, expect.objectContaining({ result: 'refused', generation: 2, message: expect.stringMatching(/^policy traces/) })]);
    policy(keepAll);
    expect(await ask({ origin: 'http://example.com' })).toEqual([403, expect.objectContaining({ error: 'forbidden' })]);
    expect(await ask()).toEqual([200, expect.objectContaining({ result: 'loaded', generation: 3 })]);
    expect((await thresher.get('/-/reload')).status).toBe(404);
  });

  test('with reload: off, never', async () => {
    const thresher = await run('--set', 'policy.reload=off');
    policy(keepNone);
    expect((await fetch(`http://127.0.0.1:${thresher.httpPort}/-/reload`, { method: 'POST' })).status).toBe(404);
    expect(await metric(thresher, 'thresher_policy_generation')).toBe(1);
    thresher.process.kill('SIGHUP');
    expect(await thresher.closed()).toEqual([null, 'SIGHUP']);
  });
});
