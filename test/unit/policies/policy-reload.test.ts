import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import { findPolicyFiles, policyDirectories } from '../../../src/config/policy-files.ts';
import { openPolicies, readPolicyTexts } from '../../../src/policies.ts';
import { PolicyReloader, type PolicyReloadParts } from '../../../src/policy-reload.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { metrics } from '../../../src/telemetry/declared.ts';
import { silentLogger } from '../../../src/telemetry/log.ts';
import { MetricRegistry } from '../../../src/telemetry/metrics.ts';

let directory = '';
const path = (name: string): string => join(directory, name);
const keepAll = 'SELECT trace_id, 1.0 AS probability FROM traces';
const write = (name: string, text: string): void => writeFileSync(path(name), text);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'policies-'));
  write('a.sql', keepAll);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Scene {
  readonly reloader: PolicyReloader;
  readonly registry: MetricRegistry;
  /** Names of the policies of each set that was handed on. */
  readonly used: (readonly string[])[];
  /** Reasons of warnings. */
  readonly warned: string[];
}

async function scene(patterns: readonly string[] = [path('*.sql')], atOnceBy: PolicyReloadParts['atOnceBy'] = null): Promise<Scene> {
  const warned: string[] = [];
  const used: (readonly string[])[] = [];
  const registry = new MetricRegistry();
  const texts = readPolicyTexts(findPolicyFiles(patterns));
  const use = (policies: readonly CompiledPolicy[]): number => used.push(policies.map(({ name }) => name)) + 1;
  const log = { ...silentLogger, warn: (reason: string) => void warned.push(reason) };
  const reloader = new PolicyReloader({ seam: seededSeam(1), log, registry, patterns, keepsRest: false, atOnceBy, use }, { texts, policies: (await openPolicies(texts)).policies });
  return { reloader, registry, used, warned };
}

test('says when nothing can be decided at once', async () => {
  const { reloader, warned } = await scene([path('*.sql')], 'union');
  expect(warned).toEqual(['signal_without_policy']);
  write('b.sql', '-- mode: drop\nSELECT trace_id FROM traces WHERE has_error');
  expect(await reloader.reload('files')).toMatchObject({ result: 'loaded' });
  expect(warned.slice(1)).toEqual(['signal_without_policy', 'nothing_at_once']);
  write('a.sql', 'SELECT trace_id, 0.1 AS probability FROM traces');
  rmSync(path('b.sql'));
  await reloader.reload('files');
  expect(warned.filter((reason) => reason === 'nothing_at_once')).toHaveLength(2);
  expect((await scene()).warned, 'nobody asked').toEqual(['signal_without_policy']);
});

test('files of a glob come and go; the last one stays in force', async () => {
  const { reloader, registry, used } = await scene();
  write('b.sql', keepAll);
  expect(await reloader.reload('files')).toMatchObject({ result: 'loaded', generation: 2 });
  rmSync(path('a.sql'));
  expect(await reloader.reload('files')).toMatchObject({ result: 'loaded', generation: 3 });
  rmSync(path('b.sql'));
  expect(await reloader.reload('files')).toMatchObject({ result: 'refused', generation: 3, message: `no such file: ${path('*.sql')}` });
  expect(used).toEqual([['a', 'b'], ['b']]);
  expect(registry.text().match(/^thresher_policy_info\{.*$/gm)).toEqual([expect.stringContaining('policy="b",signal="traces"')]);
});

test('one bad file refuses them all; mended back to what runs, all is well again and nothing is loaded', async () => {
  const { reloader, registry, used } = await scene();
  write('a.sql', `${keepAll} WHERE has_error`);
  write('b.sql', 'SELECT trace_id, now() FROM traces');
  const { result, message, hash } = await reloader.reload('files');
  expect([result, message]).toEqual(['refused', expect.stringMatching(/^policy b:1:\d+: .*now/)]);
  expect(hash).toBe(reloader.loaded.hash);
  expect(registry.value(metrics.policyReloadOk)).toBe(0);
  write('a.sql', keepAll);
  rmSync(path('b.sql'));
  expect(await reloader.reload('files')).toMatchObject({ result: 'unchanged', generation: 1, hash });
  expect(registry.value(metrics.policyReloadOk)).toBe(1);
  expect(used).toEqual([]);
});

test('a look that finds nothing new is not counted; one that was asked for is', async () => {
  const { reloader, registry } = await scene();
  const unchanged = (): number => registry.value(metrics.policyReloads, { result: 'unchanged' });
  await reloader.reload('files');
  expect(unchanged()).toBe(0);
  await reloader.reload('http');
  expect(unchanged()).toBe(1);
});

test('who asks while others wait gets their answer', async () => {
  const { reloader, registry, used } = await scene();
  write('a.sql', `${keepAll} WHERE has_error`);
  const asked = Array.from({ length: 50 }, () => reloader.reload('http'));
  expect(new Set(asked).size).toBe(1);
  expect(await asked[0]).toMatchObject({ result: 'loaded', generation: 2 });
  expect(used).toHaveLength(1);
  expect(registry.value(metrics.policyReloads, { result: 'loaded' })).toBe(1);
});

test('a file that is too large is refused before it is read', async () => {
  const { reloader } = await scene();
  write('a.sql', `-- ${'x'.repeat(70_000)}\n${keepAll}`);
  expect(await reloader.reload('signal')).toMatchObject({ result: 'refused', message: expect.stringMatching(/a\.sql: \d+ bytes, at most 65536 are taken/) });
});

test('a hash goes by names, texts and order', async () => {
  const { reloader } = await scene([path('a.sql'), path('?.sql')]);
  const hashes = new Set([reloader.loaded.hash]);
  for (const change of [() => write('b.sql', keepAll), () => write('b.sql', `${keepAll} `), () => rmSync(path('b.sql')), () => write('c.sql', keepAll)]) {
    change();
    hashes.add((await reloader.reload('files')).hash);
  }
  expect(hashes.size).toBe(4);
});

test('directories to watch are those of files and those where globs begin', () => {
  expect(policyDirectories({ patterns: ['/p/a.sql', '/q/r/*.sql', '/s/t*/u/*.sql'], files: ['/p/a.sql', '/q/r/b.sql', '/s/t1/u/c.sql'] })).toEqual(['/p', '/q/r', '/s/t1/u', '/s']);
});
