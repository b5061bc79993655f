import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { packageFile } from '../src/base/package-paths.ts';
import { canPin, forkScript, nextMessage } from './children.ts';
import { decisionsTable } from './decisions.ts';
import { durabilityTable } from './durability.ts';
import { cachePath, ensureCapture } from './generate.ts';
import type { HeldPerItem } from './held.ts';
import type { PathResult, ReadersResult, Task } from './measured.ts';
import { machineText } from './meter.ts';
import { costs, costTable, heldTable, type PathProfile, pathsOf, phaseTable, readersTable, type SizeResults, topTable } from './report.ts';
import { otlpLoads, otlpTables } from './otlp.ts';
import { spansOfRun } from './otlp-run.ts';
import { type SamplingCost, samplingTable } from './sampling.ts';
import { readStacks } from './top.ts';

const measuredCore = 0;
const otherCore = 1;
/** Event time: 100,000 spans in a window of 10 s, windows of the default configuration. */
const traffic = { itemsPerSecond: 10_000, windowMs: 10_000, waitMs: 30_000 } as const;
const policy = packageFile('bench/policies/tenth.sql');

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,8000' },
    items: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'replay,live,trusted,held,readers,sampling,decisions,durability' },
    profile: { type: 'boolean', default: false },
    'otlp-rate': { type: 'string', default: '40000' },
    'otlp-wait': { type: 'string', default: '30' },
    'otlp-window': { type: 'string', default: '5' },
    'otlp-seconds': { type: 'string', default: '15' },
    'otlp-spans': { type: 'string' },
    'otlp-wire': { type: 'string', default: 'none,gzip' },
    directory: { type: 'string', default: tmpdir() },
    print: { type: 'boolean', default: false },
  },
});
const items = Number(values.items);
const rounds = Number(values.rounds);
const only = new Set(values.only.split(','));

async function measured<R>(task: Task): Promise<R> {
  const child = forkScript('measured.ts', task, measuredCore, ['--expose-gc']);
  return (await nextMessage(child)) as R;
}

type Tasks = { readonly [name in 'replay' | 'live' | 'trusted' | 'held' | 'readers']: Task };

function tasksOf(batchRows: number, profile: string | null): Tasks {
  const input = ensureCapture({ signal: 'traces', batchRows, items, itemsPerSecond: traffic.itemsPerSecond });
  const replay = { signal: 'traces', input, policy, output: cachePath('kept.otap'), itemsMax: items, ...traffic } as const;
  const path = (kind: string): string | null => (profile === null ? null : cachePath(`${profile}-${kind}-${batchRows}.cpuprofile`));
  const live = { input, items, batchRows, policy, ...traffic, otherCore: canPin ? otherCore : null } as const;
  return {
    replay: { kind: 'replay', options: replay, rounds, profile: path('replay') },
    live: { kind: 'live', options: { ...live, validate: 'all' }, rounds, profile: path('live') },
    trusted: { kind: 'live', options: { ...live, validate: 'read' }, rounds, profile: path('trusted') },
    held: { kind: 'held', options: replay, itemsPerSecond: traffic.itemsPerSecond },
    readers: { kind: 'readers', input, items: Math.min(items, 100_000), batchRows, rounds: rounds * 2 + 1 },
  };
}

async function measureSize(batchRows: number): Promise<SizeResults> {
  const tasks = tasksOf(batchRows, null);
  const ask = async <R>(name: keyof Tasks): Promise<R | null> => {
    if (!only.has(name)) return null;
    process.stderr.write(`${name}, ${batchRows} spans a batch\n`);
    return measured<R>(tasks[name]);
  };
  return {
    batchRows,
    replay: await ask<PathResult>('replay'), live: await ask<PathResult>('live'), trusted: await ask<PathResult>('trusted'),
    held: await ask<HeldPerItem>('held'), readers: await ask<ReadersResult>('readers'),
  };
}

async function profilesOf({ batchRows, ...paths }: SizeResults): Promise<PathProfile[]> {
  const { replay, live, trusted } = tasksOf(batchRows, 'profile');
  const profiles: PathProfile[] = [];
  for (const [index, [path, result]] of pathsOf(paths).entries()) {
    const task = [replay, live, trusted][index];
    if (result === null || !('profile' in task) || task.profile === null) continue;
    process.stderr.write(`profile of ${path}, ${batchRows} spans a batch\n`);
    await measured<PathResult>(task);
    const { cpu, main, collector } = costs(result);
    profiles.push({ path, batchRows, stacks: readStacks(task.profile), mainMicros: main, collectorMicros: collector, cpuMicros: cpu });
  }
  return profiles;
}

function headOf(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: packageFile('.'), encoding: 'utf8' }).trim();
  const commit = `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', 'src', 'sql') === '' ? '' : ' and changes'}`;
  const pinning = canPin ? `on core ${measuredCore} alone, sender and sink on core ${otherCore}` : 'on no core in particular';
  return `## ${new Date().toISOString().slice(0, 16).replace('T', ' ')}, ${commit}\n\n${machineText()}; measured ${pinning}; `
    + `${items.toLocaleString('en-US')} spans a round, ${rounds} rounds after one to warm up.`;
}

/** Side by side with the real Collector, which needs Go to be built; so only where it is asked for. */
function otlpParts(): Promise<string[]> {
  const loads = otlpLoads(values.sizes.split(',').map(Number), values['otlp-wire'].split(','));
  const options = {
    rate: Number(values['otlp-rate']), waitSeconds: Number(values['otlp-wait']), windowSeconds: Number(values['otlp-window']), measuredSeconds: Number(values['otlp-seconds']),
    measuredCore, otherCore, nodeFlags: [],
  };
  return otlpTables(loads, { ...options, spansMax: Number(values['otlp-spans'] ?? spansOfRun(options)) });
}

/** On the disk of `--directory`. */
function durability(): Promise<string> {
  const [batchRows, spans] = [1000, Math.min(items, 300_000)];
  const input = ensureCapture({ signal: 'traces', batchRows, items: spans, itemsPerSecond: traffic.itemsPerSecond });
  return durabilityTable({ input, items: spans, rounds: rounds + 1, batchRows, underWay: 8, directory: values.directory });
}

async function main(): Promise<void> {
  const head = headOf();
  const results: SizeResults[] = [];
  const bySize = ['replay', 'live', 'trusted', 'held', 'readers'].some((name) => only.has(name));
  for (const size of bySize ? values.sizes.split(',').map(Number) : []) results.push(await measureSize(size));
  const parts = [head, ...(bySize ? [costTable(results), heldTable(results), readersTable(results)] : [])];
  if (only.has('sampling')) parts.push(samplingTable(await measured<readonly SamplingCost[]>({ kind: 'sampling', rounds: 2 * rounds + 1 })));
  if (only.has('decisions')) parts.push(decisionsTable());
  if (only.has('durability')) parts.push(await durability());
  if (only.has('otlp')) parts.push(...await otlpParts());
  if (values.profile && bySize) {
    const profiles: PathProfile[] = [];
    for (const result of results) profiles.push(...await profilesOf(result));
    parts.push(phaseTable(profiles));
    for (const profile of profiles.filter(({ batchRows }) => batchRows === 1000)) parts.push(`${profile.path}, 1000 spans a batch:`, topTable(profile, 12));
  }
  const text = `${parts.join('\n\n')}\n`;
  process.stdout.write(text);
  if (!values.print) appendFileSync(packageFile('bench/RESULTS.md'), `\n${text}`);
}

await main();
