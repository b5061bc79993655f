import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { Child } from '../support/child.ts';
import { randomTrace, shareOf } from '../support/given-messages.ts';
import { JsonNextHop, type JsonSpan } from '../support/json-next-hop.ts';
import { mulberry } from '../support/mulberry.ts';

/**
 * Scenario: the real process on a real disk under load, with windows of a second, is killed (SIGKILL) at any moment, again and again; in the end it
 * drains. Senders send traces whose spans come in three requests, and note what was acknowledged.
 * Guarantees: every acknowledged span of a trace that the policy keeps reaches the backend, none of a trace that it drops, at one threshold. With decisions before
 * the window, by a sample that hangs on what else has come: all acknowledged spans of a trace do, or none, at one threshold.
 * Control: with durability none acknowledged spans are lost.
 *
 * `KILLS=50 vitest run test/e2e/kill.e2e.test.ts` kills as often.
 */

const kills = Number(process.env['KILLS'] ?? 5);
const directory = mkdtempSync(join(tmpdir(), 'thresher-kill-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The next hop: notes each span's threshold and how often it came. */
class Backend extends JsonNextHop {
  readonly seen = new Map<string, { readonly states: Set<string>; times: number }>();

  protected override take(key: string, { traceState = '' }: JsonSpan): void {
    const known = this.seen.get(key) ?? { states: new Set(), times: 0 };
    this.seen.set(key, known);
    known.states.add(traceState);
    known.times++;
  }
}

/** Sends parts of traces over and over, and notes what was acknowledged. */
class Sender {
  readonly acknowledged = new Set<string>();
  readonly #chance = mulberry(5);
  #later: { readonly trace: string; readonly part: number }[] = [];

  async send(port: number): Promise<boolean> {
    const parts = [...this.#later.splice(0, 40), ...Array.from({ length: 20 }, () => ({ trace: randomTrace(this.#chance), part: 1 }))];
    const spans = parts.map(({ trace, part }) => ({ traceId: trace, spanId: String(part).padStart(16, '0'), name: 'a', kind: 1, startTimeUnixNano: `${Date.now()}000000`, endTimeUnixNano: `${Date.now()}000001` }));
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
    try {
      const { ok } = await fetch(`http://127.0.0.1:${port}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      if (!ok) return false;
    } catch {
      return false;
    }
    for (const { trace, part } of parts) {
      this.acknowledged.add(`${trace}/${String(part).padStart(16, '0')}`);
      if (part < 3) this.#later.push({ trace, part: part + 1 });
    }
    return true;
  }
}

interface Result {
  readonly acknowledged: number;
  readonly lost: number;
  readonly wrong: number;
  readonly twoThresholds: number;
  readonly again: number;
  /** Traces of which some acknowledged spans came, and some did not. */
  readonly torn: number;
  readonly tracesSeen: number;
  readonly exitCode: unknown;
}

async function start(config: string): Promise<{ readonly child: Child; readonly port: number }> {
  const child = new Child('thresher', process.execPath, [packageFile('src/main.ts'), 'run', '--config', config]);
  await child.says('"reason":"started"');
  return { child, port: Number(/"otlp_http":"127\.0\.0\.1:(\d+)"/.exec(child.said)?.[1]) };
}

const half = { name: 'half', sql: 'SELECT trace_id, 0.5 AS probability FROM traces', traces: {} };
/** Spans without a parent are roots, so that most traces are decided a third of a second after their slot, those of three spans at once. */
const early = { name: 'early', sql: 'SELECT unnest(bottom_k(item, 100), recursive := true) FROM traces', traces: { decision_wait_after_root: '300ms', max_spans: 2 } };

interface Scenario {
  readonly name: string;
  readonly sql: string;
  readonly traces: object;
  readonly memory?: object;
}

async function run(durability: string, rounds: number, { name, sql, traces, memory = {} }: Scenario = half): Promise<Result> {
  const backend = new Backend();
  const policy = join(directory, `${name}.sql`);
  writeFileSync(policy, sql);
  const config = join(directory, `${name}-${durability}.yaml`);
  writeFileSync(config, JSON.stringify({
    receivers: { otlp: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } }, http: { endpoint: '127.0.0.1:0' }, logs: { format: 'json' },
    windows: { traces: { length: '1s', decision_wait: '1s', ...traces } }, policies: [policy], memory, durability, storage: { directory: join(directory, `${name}-${durability}`), segment_size: '256KiB' },
    exporters: { otlphttp: { endpoint: `http://127.0.0.1:${await backend.listen()}`, encoding: 'json', compression: 'none' } },
  }));
  const sender = new Sender();
  const chance = mulberry(rounds);
  let exitCode: unknown = null;
  for (let round = 0; round <= rounds; round++) {
    const { child, port } = await start(config);
    let isOver = false;
    const sending = Array.from({ length: 4 }, async () => {
      while (!isOver) if (!await sender.send(port)) await new Promise((resolve) => setTimeout(resolve, 5));
    });
    await new Promise((resolve) => setTimeout(resolve, 300 + chance() * 1700));
    if (round < rounds) await child.kill();
    isOver = true;
    await Promise.all(sending);
    if (round === rounds) exitCode = await child.stop(60_000);
  }
  backend.close();
  const acknowledged = [...sender.acknowledged];
  const byTrace = Map.groupBy(acknowledged, (key) => key.slice(0, 32));
  const statesOf = Map.groupBy(backend.seen, ([key]) => key.slice(0, 32));
  const isKept = (key: string): boolean => shareOf(key.slice(0, 32)) <= 0.5;
  const seen = [...backend.seen];
  return {
    exitCode, acknowledged: acknowledged.length, lost: acknowledged.filter((key) => isKept(key) && !backend.seen.has(key)).length,
    wrong: seen.filter(([key]) => !isKept(key)).length, twoThresholds: [...statesOf.values()].filter((spans) => new Set(spans.flatMap(([, { states }]) => [...states])).size > 1).length,
    torn: [...statesOf.keys()].filter((trace) => byTrace.get(trace)?.some((key) => !backend.seen.has(key)) === true).length, tracesSeen: statesOf.size,
    again: seen.reduce((sum, [, { times }]) => sum + times - 1, 0),
  };
}

describe('kill -9 under load', () => {
  test('loses nothing that was acknowledged with fsync', { timeout: 60_000 + kills * 15_000 }, async () => {
    const result = await run('fsync', kills);
    console.log(JSON.stringify({ kills, ...result }));
    expect(result.acknowledged).toBeGreaterThan(1000);
    expect(result).toMatchObject({ lost: 0, wrong: 0, twoThresholds: 0, exitCode: 0 });
  });

  test('tears no trace that is decided before its window', { timeout: 60_000 + kills * 15_000 }, async () => {
    const { acknowledged, again, torn, tracesSeen, twoThresholds, exitCode } = await run('fsync', Math.ceil(kills / 2), early);
    console.log(JSON.stringify({ kills: Math.ceil(kills / 2), acknowledged, tracesSeen, again, torn, twoThresholds }));
    expect(tracesSeen).toBeGreaterThan(100);
    expect({ torn, twoThresholds, exitCode }).toEqual({ torn: 0, twoThresholds: 0, exitCode: 0 });
  });

  test('loses nothing where batches wait on the disk, in segments that are written, read and cleared at the same time', { timeout: 60_000 + kills * 15_000 }, async () => {
    const result = await run('fsync', Math.ceil(kills / 2), { ...half, name: 'disk', memory: { retain: 'disk' } });
    console.log(JSON.stringify({ kills, ...result }));
    expect(result.acknowledged).toBeGreaterThan(1000);
    expect(result).toMatchObject({ lost: 0, wrong: 0, twoThresholds: 0, exitCode: 0 });
  });

  test('control: loses what was acknowledged with none', { timeout: 60_000 }, async () => {
    const { lost } = await run('none', 1);
    expect(lost).toBeGreaterThan(0);
  });
});
