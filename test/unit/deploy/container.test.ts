import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';

interface Instruction {
  readonly name: string;
  readonly args: string;
}

const dockerfile = readFileSync(packageFile('config/deploy/docker/Dockerfile'), 'utf8');

/** The instructions of a Dockerfile, continued lines joined; the last stage's alone where `last`. */
function instructions(text: string): readonly Instruction[] {
  return text.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '').split('\n').filter((line) => line !== '')
    .map((line) => ({ name: line.slice(0, line.indexOf(' ')), args: line.slice(line.indexOf(' ') + 1) }));
}

const all = instructions(dockerfile);
const final = all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
const argsOf = (name: string, of: readonly Instruction[] = final): string[] => of.filter((instruction) => instruction.name === name).map(({ args }) => args);

/** Sources of COPY instructions that come from the repository. */
function copied(of: readonly Instruction[]): string[] {
  return argsOf('COPY', of).filter((args) => !args.startsWith('--from')).flatMap((args) => args.split(' ').slice(0, -1));
}

/** What the last stage holds, as paths from its folder: `./sql` for `sql`, and each file for `./config/`. */
const held = argsOf('COPY').flatMap((args) => {
  const parts = args.replace(/^--from=\w+ /, '').split(' ');
  const target = String(parts.at(-1)).replace(/^\.\//, '');
  return parts.slice(0, -1).map((source) => (target === '' || target.endsWith('/') ? join(target, String(source.split('/').at(-1))) : target));
});

/** Files and folders that the program reads from its package, as its source names them. */
function readAtRunTime(): string[] {
  const policies = ['sql/policies'];
  const sources = ['src/config/policy-files.ts', 'src/commands/run.ts', 'src/commands/policy-test.ts', 'src/sampling/sql-functions.ts', 'src/base/package-paths.ts'];
  return [...policies, ...sources.flatMap((path) => [...readFileSync(packageFile(path), 'utf8').matchAll(/packageFile\('([^']+)'\)/g)].map(([, found]) => found))];
}

describe('the Dockerfile', () => {
  test('copies what there is, and what its .dockerignore lets through', () => {
    const sources = copied(all);
    expect(sources).toContain('src');
    expect(sources.filter((source) => !existsSync(packageFile(source)))).toEqual([]);
    const ignore = readFileSync(packageFile('config/deploy/docker/Dockerfile.dockerignore'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(ignore[0]).toBe('*');
    const letThrough = ignore.slice(1).map((line) => line.replace(/^!/, ''));
    expect(sources.filter((source) => !letThrough.some((path) => source === path || source.startsWith(`${path}/`)))).toEqual([]);
    expect(letThrough.filter((path) => !existsSync(packageFile(path)))).toEqual([]);
  });

  test('puts into the image what the program reads, and what package.json publishes to run', () => {
    const missing = (path: string): boolean => !held.some((found) => path === found || path.startsWith(`${found}/`));
    expect(readAtRunTime().length).toBeGreaterThan(3);
    expect(readAtRunTime().filter(missing)).toEqual([]);
    expect(['dist', 'node_modules', 'package.json', 'sql', 'proto'].filter(missing)).toEqual([]);
    expect(missing('sql-functions')).toBe(true);
  });

  test('runs as a user that is not root, by number, with signals of its own', () => {
    expect(argsOf('USER')).toEqual(['10001:10001']);
    expect(argsOf('STOPSIGNAL')).toEqual(['SIGTERM']);
    const [entrypoint] = argsOf('ENTRYPOINT').map((args) => JSON.parse(args) as readonly string[]);
    expect(entrypoint[0]).toBe('node');
    expect(entrypoint.at(-1)).toBe('/opt/thresher/dist/main.js');
    expect(JSON.parse(argsOf('CMD')[0])).toEqual(['run', '--config', '/etc/thresher/thresher.yaml']);
  });

  test('exposes the ports that its configuration listens on, and asks the right one for its health', () => {
    const config = readFileSync(packageFile('config/deploy/docker/thresher.yaml'), 'utf8');
    const ports = [...config.matchAll(/endpoint: 0\.0\.0\.0:(\d+)/g)].map(([, port]) => port);
    expect(argsOf('EXPOSE')[0].split(' ')).toEqual(ports);
    expect(argsOf('HEALTHCHECK')[0]).toContain(`:${ports.at(-1)}/readyz`);
  });

  test('takes a Node that package.json allows', () => {
    const { engines } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { engines: { node: string } };
    expect(/node:(\d+)-/.exec(argsOf('ARG', all)[0])?.[1]).toBe(/>=(\d+)/.exec(engines.node)?.[1]);
  });
});
