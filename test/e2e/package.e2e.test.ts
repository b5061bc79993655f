import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';

/*
 * Scenario: somebody installs the packed tarball into an empty project and runs the command.
 * Guarantees: the tarball is built, holds what is read at run time and no sources, and works from node_modules (where
 * Node refuses TypeScript). It needs a package registry, so it runs in CI only: CI=true npm test.
 */
const work = mkdtempSync(join(tmpdir(), 'thresher-package-'));
const project = join(work, 'project');

function run(command: string, args: readonly string[], cwd: string): string {
  // npm's own settings of the surrounding `npm test` must not leak into the project.
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(lifecycle|package|command|execpath)/i.test(name)));
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} left with ${status}:\n${stdout}\n${stderr}`);
  return stdout;
}

describe.runIf(process.env['CI'] !== undefined)('the packed package', () => {
  let packed: readonly string[] = [];

  beforeAll(() => {
    run('npm', ['pack', '--pack-destination', work], packageFile('.'));
    const [tarball] = readdirSync(work).filter((name) => name.endsWith('.tgz'));
    packed = run('tar', ['-tzf', tarball], work).trim().split('\n').map((path) => path.replace(/^package\//, ''));
    run('mkdir', [project], work);
    writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }');
    run('npm', ['install', '--no-audit', '--no-fund', join(work, tarball)], project);
  });

  afterAll(() => rmSync(work, { recursive: true, force: true }));

  test('holds what is read at run time, and no sources', () => {
    for (const path of ['dist/main.js', 'dist/main.d.ts', 'config/default.yaml', 'config/thresher.schema.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'docs/config.md']) {
      expect(packed).toContain(path);
    }
    for (const folder of ['sql/', 'proto/']) expect(packed.some((path) => path.startsWith(folder)), folder).toBe(true);
    expect(packed.filter((path) => /^(src|test|bench|scripts)\//.test(path))).toEqual([]);
  });

  test('runs as thresher', () => {
    const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
    expect(run('npx', ['--no-install', 'thresher', '--version'], project)).toBe(`${version}\n`);
    expect(run('npx', ['--no-install', 'thresher', '--help'], project)).toContain('Usage: thresher COMMAND');
  });

  test('gives applications a sampler, beside the API of OpenTelemetry that they bring', () => {
    run('npm', ['install', '--no-audit', '--no-fund', '@opentelemetry/api@1.9.1'], project);
    const script = `const { HeadSampler } = await import('thresher/sampler'); const { ROOT_CONTEXT } = await import('@opentelemetry/api');
      const sampler = new HeadSampler({ serviceName: 'shop', endpoint: 'http://127.0.0.1:1', initialRate: 0.5 }); await sampler.polledOnce;
      console.log(sampler.shouldSample(ROOT_CONTEXT, 'f'.repeat(32), 'op', 0, {}, []).traceState.serialize(), sampler.pollState.failures); await sampler.shutdown();`;
    expect(run('node', ['--input-type=module', '-e', script], project)).toBe('ot=th:8 1\n');
    expect(packed).toContain('dist/sampler/index.d.ts');
  });

  test('finds its own files from where it is installed', () => {
    const script = "const { packageFile } = await import('./node_modules/thresher/dist/base/package-paths.js'); console.log(packageFile('config/default.yaml'));";
    const path = run('node', ['--input-type=module', '-e', script], project).trim();
    expect(readFileSync(path, 'utf8')).toBe(readFileSync(packageFile('config/default.yaml'), 'utf8'));
  });

  test('brings no dependency that must be compiled', () => {
    const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as { packages: Record<string, { hasInstallScript?: boolean }> };
    const withScripts = Object.keys(packages).filter((path) => packages[path].hasInstallScript === true).map((path) => path.replace(/^.*node_modules\//, ''));
    // Both do without: cbor-extract is an optional accelerator, and protobufjs' script only compares versions.
    expect(withScripts.filter((name) => !['cbor-extract', 'protobufjs'].includes(name))).toEqual([]);
  });
});
