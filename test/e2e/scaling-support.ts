import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { Child } from '../support/child.ts';
import { randomTrace } from '../support/given-messages.ts';
import { JsonNextHop, type JsonSpan } from '../support/json-next-hop.ts';
import { mulberry } from '../support/mulberry.ts';

/** The next hop of all members: notes who brought each span, and at which threshold. */
export class Backend extends JsonNextHop {
  /** `trace/span` to what was said of it, by member. */
  readonly seen = new Map<string, { readonly member: string; readonly traceState: string }[]>();

  /** `trace/span threshold` of what these members brought, sorted. */
  of(...members: readonly string[]): string[] {
    return [...this.seen].flatMap(([key, brought]) => brought.filter(({ member }) => members.includes(member)).map(({ traceState }) => `${key} ${traceState}`)).sort();
  }

  /** Members that brought spans of each trace, but for one that is left out. */
  membersOf(but: string): Map<string, Set<string>> {
    const found = new Map<string, Set<string>>();
    for (const [key, brought] of this.seen) for (const { member } of brought) if (member !== but) found.set(key.slice(0, 32), (found.get(key.slice(0, 32)) ?? new Set()).add(member));
    return found;
  }

  protected override take(key: string, { traceState = '' }: JsonSpan, headers: IncomingHttpHeaders): void {
    this.seen.set(key, [...this.seen.get(key) ?? [], { member: String(headers['x-member']), traceState }]);
  }
}

export const spansOfTrace = 4;
const stepMs = 100;
/** Steps from one span of a trace to the next. */
const stepsApart = 3;

/** Sends traces of four spans, 300 ms from one to the next, each request to all of `ports`; where several stand together, to one of these by turns. */
export class Sender {
  /** When each trace was begun, by `performance.now()`. */
  readonly begun = new Map<string, number>();
  refused = 0;
  slowestMs = 0;
  /** `trace/span` of what was answered with OK. */
  readonly acknowledged = new Set<string>();
  readonly #ports: readonly (number | readonly number[])[];
  #turn = 0;
  readonly #chance: () => number;
  readonly #born: string[][] = [];

  constructor(seed: number, ...ports: readonly (number | readonly number[])[]) {
    this.#ports = ports;
    this.#chance = mulberry(seed);
  }

  /** Goes on for `ms` with so many new traces a step. Requests do not wait for each other. */
  async go(ms: number, perStep: number): Promise<void> {
    const sending: Promise<void>[] = [];
    for (let step = 0; step < ms / stepMs; step++) {
      sending.push(this.#step(perStep));
      await new Promise((resolve) => setTimeout(resolve, stepMs));
    }
    await Promise.all(sending);
  }

  /** The rest of what was begun. */
  async end(): Promise<void> {
    await this.go(stepMs * stepsApart * spansOfTrace, 0);
  }

  async #step(perStep: number): Promise<void> {
    const born = Array.from({ length: perStep }, () => randomTrace(this.#chance));
    this.#born.push(born);
    for (const trace of born) this.begun.set(trace, performance.now());
    const due = Array.from({ length: spansOfTrace }, (_, part) => (this.#born.at(-1 - part * stepsApart) ?? []).map((traceId) => spanOf(traceId, part))).flat();
    const turn = this.#turn++;
    if (due.length > 0) await Promise.all(this.#ports.map((port) => this.#post(typeof port === 'number' ? port : port[turn % port.length], due)));
  }

  async #post(port: number, spans: readonly JsonSpan[]): Promise<void> {
    const startMs = performance.now();
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
    const isTaken = await fetch(`http://127.0.0.1:${port}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).then(({ ok }) => ok, () => false);
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs);
    if (!isTaken) this.refused++;
    else for (const { traceId, spanId } of spans) this.acknowledged.add(`${traceId}/${spanId}`);
  }
}

function spanOf(traceId: string, part: number): JsonSpan {
  const span = { traceId, spanId: String(part + 1).padStart(16, '0'), name: 'a', kind: 1, startTimeUnixNano: `${Date.now()}000000`, endTimeUnixNano: `${Date.now()}000001` };
  return span;
}

/** A process of a tier. */
export interface Tier {
  readonly child: Child;
  readonly grpcPort: number;
  readonly otlpHttpPort: number;
  readonly httpPort: number;
}

/** Starts `thresher run` with a configuration; `grpcPort` 0 is any. */
async function startTier(directory: string, name: string, config: object, grpcPort = 0): Promise<Tier> {
  const path = join(directory, `${name}.yaml`);
  writeFileSync(path, JSON.stringify({
    receivers: { otlp: { grpc: { endpoint: `127.0.0.1:${grpcPort}` }, http: { endpoint: '127.0.0.1:0' } } }, http: { endpoint: '127.0.0.1:0' }, logs: { format: 'json' }, ...config,
  }));
  const child = new Child(name, process.execPath, [packageFile('src/main.ts'), 'run', '--config', path]);
  await child.says('"reason":"started"');
  const portOf = (key: string): number => Number(new RegExp(`"${key}":"127\\.0\\.0\\.1:(\\d+)"`).exec(child.said)?.[1]);
  return { child, grpcPort: portOf('grpc'), otlpHttpPort: portOf('otlp_http'), httpPort: portOf('http') };
}

/** The processes of one test, and their next hop. */
export class Tiers {
  readonly backend = new Backend();
  readonly #directory = mkdtempSync(join(tmpdir(), 'thresher-scaling-'));
  readonly membersFile = join(this.#directory, 'members.txt');
  readonly #started: Tier[] = [];
  #backendPort: Promise<number> | null = null;

  /** A sampler that says who it is, with windows of a second; of the traces that meet a condition it keeps half. */
  async sampler(name: string, condition: string, grpcPort = 0): Promise<Tier> {
    const policy = join(this.#directory, `${name}.sql`);
    writeFileSync(policy, `SELECT trace_id, 0.5 AS probability FROM traces ${condition}`);
    const port = await (this.#backendPort ??= this.backend.listen());
    return this.#start(name, {
      windows: { traces: { length: '1s', decision_wait: '4s' } }, policies: [policy],
      exporters: { otlphttp: { endpoint: `http://127.0.0.1:${port}`, encoding: 'json', compression: 'none', headers: { 'x-member': name } } },
    }, grpcPort);
  }

  writeMembers(...members: readonly Tier[]): void {
    writeFileSync(this.membersFile, `# members of the test\n${members.map(({ grpcPort }) => `127.0.0.1:${grpcPort}\n`).join('')}`);
  }

  balancer(protocol: 'otlp' | 'otap', options: object): Promise<Tier> {
    return this.#start('balancer', {
      exporters: { load_balancing: { resolver: { file: { path: this.membersFile } }, protocol: { [protocol]: { tls: { insecure: true } } }, ...options } },
      pipelines: { traces: { mode: 'pass', receivers: ['otlp'], exporters: ['load_balancing'] } },
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map(({ child }) => child.kill()));
    this.backend.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #start(name: string, config: object, grpcPort = 0): Promise<Tier> {
    const tier = await startTier(this.#directory, name, config, grpcPort);
    this.#started.push(tier);
    return tier;
  }
}

/** A test with tiers of its own, which end with it. */
export const tieredTest = test.extend<{ tiers: Tiers }>({
  tiers: async ({}, use) => {
    const tiers = new Tiers();
    await use(tiers);
    await tiers.end();
  },
});

/** Sum of the series that begin so. */
export async function counted({ httpPort }: Tier, start: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(start)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
