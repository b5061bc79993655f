import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageFile } from '../../src/base/package-paths.ts';
import { runProgram } from '../support/built-program.ts';
import { Child } from '../support/child.ts';
import { startCollector } from '../support/collector-process.ts';
import { freePorts } from '../support/free-ports.ts';
import { objects, type OtlpRequest } from '../support/otlp-json.ts';
import { at } from './support/chain.ts';
import { countItems, Output, post, recorded, requestsOf } from './support/telemetry.ts';
import { describeWith, pathOf } from './support/with-pieces.ts';

/**
 * Scenario: the configurations of config/deploy, with other names and ports, in the programs that they are for; a Collector stands where Jaeger would.
 * Guarantees: the real Collector takes its configurations as they are; telemetry goes the way that the compose file says, and only
 * what the policy keeps arrives. What is not shown: containers, their network and their limits.
 */
const directory = mkdtempSync(join(tmpdir(), 'deploy-'));
const children: Child[] = [];
const deploy = (path: string): string => packageFile(join('config/deploy', path));
afterAll(async () => {
  for (const child of children) await child.kill();
  rmSync(directory, { recursive: true });
});

/** A copy of a file of config/deploy in which every one of these texts, all of which it has, is another. */
function moved(path: string, changes: Readonly<Record<string, string>>): string {
  let text = readFileSync(deploy(path), 'utf8');
  for (const [from, to] of Object.entries(changes)) {
    expect(text, path).toContain(from);
    text = text.replaceAll(from, to);
  }
  const target = join(directory, path.replaceAll('/', '-'));
  writeFileSync(target, text);
  return target;
}

async function started(child: Child, words: string): Promise<Child> {
  children.push(child);
  await child.says(words);
  return child;
}

interface LoadBalanced {
  readonly exporters: { readonly load_balancing: Readonly<Record<string, unknown>> & { readonly protocol: { readonly otlp: object } } };
  readonly extensions: unknown;
  readonly service: { readonly pipelines: object };
}

describeWith('deployments', ['collector'], () => {
  test('the Collector takes the compose file\'s configuration', async () => {
    await runProgram(pathOf('collector'), ['validate', '--config', deploy('compose/collector.yaml')]);
  });

  // load_balancing is not among the components of this Collector; what it hands to others is.
  test('the Collector takes the Kubernetes configuration, what is the load balancer\'s own aside', async () => {
    const { extensions: _, service, exporters: { load_balancing: { routing_key: _key, resolver: _resolver, protocol, ...own }, ...others }, ...rest } =
      parse(readFileSync(deploy('kubernetes/collector/config.yaml'), 'utf8')) as LoadBalanced & Readonly<Record<string, unknown>>;
    const exporters = { ...others, 'otlp_grpc/inner': { endpoint: 'a:1', ...protocol.otlp }, 'otlp_grpc/outer': { endpoint: 'a:1', ...own } };
    const pipelines = { traces: { receivers: ['otlp'], processors: ['memory_limiter'], exporters: Object.keys(exporters) } };
    const path = join(directory, 'balanced.yaml');
    writeFileSync(path, JSON.stringify({ ...rest, exporters, service: { pipelines } }));
    expect(Object.keys(service.pipelines)).toEqual(['traces', 'logs', 'metrics']);
    await runProgram(pathOf('collector'), ['validate', '--config', path]);
    writeFileSync(path, JSON.stringify({ ...rest, exporters: { ...exporters, 'otlp_grpc/inner': { ...exporters['otlp_grpc/inner'], sending_queu: {} } }, service: { pipelines } }));
    await expect(runProgram(pathOf('collector'), ['validate', '--config', path])).rejects.toThrow('sending_queu');
  });

  test('Collector -> Thresher -> where Jaeger would be', async () => {
    const [entryGrpc = 0, entry = 0, grpc = 0, http = 0, health = 0, jaeger = 0] = await freePorts(6);
    const output = new Output(join(directory, 'received.jsonl'));
    children.push(await startCollector(directory, 'jaeger', {
      receivers: { otlp: { protocols: { grpc: { endpoint: at(jaeger) } } } }, exporters: { file: { path: join(directory, 'received.jsonl'), flush_interval: '100ms' } } }));
    cpSync(deploy('compose/thresher'), join(directory, 'thresher'), { recursive: true });
    const config = moved('compose/thresher/thresher.yaml', {
      '0.0.0.0:4317': at(grpc), '0.0.0.0:4318': at(http), '0.0.0.0:13133': at(health), 'jaeger:4317': at(jaeger), 'length: 10s, decision_wait: 10s': 'length: 1s, decision_wait: 5s', 'length: 30s': 'length: 1s' });
    const thresher = await started(new Child('thresher', process.execPath, [packageFile('src/main.ts'), 'run', '--config', config], { cwd: join(directory, 'thresher') }), '"started"');
    const collector = moved('compose/collector.yaml', { '0.0.0.0:4317': at(entryGrpc), '0.0.0.0:4318': at(entry), 'thresher:4317': at(grpc), 'service:\n': 'service:\n  telemetry: { metrics: { level: none } }\n' });
    await started(new Child('collector', pathOf('collector'), ['--config', collector]), 'Everything is ready');

    const sent = recorded('traces_zstd');
    await Promise.all([post(entry, 'traces', sent), post(entry, 'logs', recorded('logs_zstd')), post(entry, 'metrics', recorded('metrics_zstd'))]);
    const items = countItems('traces', requestsOf('traces', sent));
    const decided = async (): Promise<number> => sum(await metrics(health), 'thresher_items_decided_total{signal="traces"');
    for (let i = 0; i < 300 && (await decided()) < items; i++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await decided(), thresher.said.slice(-1000)).toBe(items);
    expect(await thresher.stop()).toBe(0);

    const kept = output.take('traces');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    kept.push(...output.take('traces'));
    const [before, after] = [spansOf(requestsOf('traces', sent)), spansOf(kept)];
    expect(after.size).toBeGreaterThan(0);
    expect(after.size).toBeLessThan(before.size);
    expect([...after.keys()].filter((id) => !before.has(id))).toEqual([]);
    const failed = [...before].filter(([, { failed: has }]) => has);
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.filter(([id]) => !after.has(id))).toEqual([]);
    expect([...after.values()].filter(({ counted }) => !counted)).toEqual([]);
    expect([...output.take('logs'), ...output.take('metrics')]).toEqual([]);
  });
});

/** Spans by their id: whether they failed, and whether they say what they stand for. */
function spansOf(requests: readonly OtlpRequest[]): Map<string, { readonly failed: boolean; readonly counted: boolean }> {
  const spans = requests.flatMap((request) => objects(request['resourceSpans']).flatMap((resource) => objects(resource['scopeSpans']).flatMap((scope) => objects(scope['spans']))));
  return new Map(spans.map((span) => [String(span['spanId']), {
    failed: JSON.stringify(span['status'] ?? {}).includes('"code":2'), counted: objects(span['attributes']).some(({ key }) => key === 'sampling.adjusted_count') }]));
}

async function metrics(port: number): Promise<string> {
  return (await fetch(`http://${at(port)}/metrics`)).text();
}

function sum(text: string, beginning: string): number {
  return text.split('\n').filter((line) => line.startsWith(beginning)).reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
}
