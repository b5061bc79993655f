import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { importComplaint } from './import-direction.ts';
import { forbiddenSyntax, importsOf, parseSource } from './syntax.ts';

const linesMax = 300;
/** Longer files and their lines: a ratchet, so a number only goes down. */
const longFiles: Readonly<Record<string, number>> = {};

/** Files that git knows or would take, as paths from the root. */
function projectFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: packageFile('.'), encoding: 'utf8' });
  return [...new Set(listed.split('\n'))].filter((path) => path !== '' && exists(path));
}

function exists(path: string): boolean {
  try {
    readFileSync(packageFile(path));
    return true;
  } catch {
    return false;
  }
}

const files = projectFiles();
const sources = files.filter((path) => /^src\/.*\.ts$/.test(path)).map((path) => ({ path, text: readFileSync(packageFile(path), 'utf8') }));

/** Everything that `complaintsOf` finds, as `path: complaint`. */
function complaints(complaintsOf: (path: string, text: string) => readonly string[]): string[] {
  return sources.flatMap(({ path, text }) => complaintsOf(path, text).map((complaint) => `${path}: ${complaint}`));
}

describe('the source', () => {
  test('is found', () => {
    expect(sources.length).toBeGreaterThan(20);
  });

  test('imports in one direction', () => {
    expect(complaints((path, text) => importsOf(parseSource(text)).flatMap((specifier) => importComplaint(path, specifier) ?? []))).toEqual([]);
  });

  test('has no any, no non-null or double assertion, no clock or chance but in the seam, no mutable module state', () => {
    expect(complaints((path, text) => forbiddenSyntax(text, { mayReadClocks: path === 'src/base/seam.ts' }))).toEqual([]);
  });

  test('is in files of a size to be read', () => {
    const lines = (text: string): number => text.split('\n').length - 1;
    expect(complaints((path, text) => (lines(text) > (longFiles[path] ?? linesMax) ? [`${lines(text)} lines`] : []))).toEqual([]);
    const slack = sources.filter(({ path, text }) => longFiles[path] !== undefined && lines(text) < longFiles[path]);
    expect(slack.map(({ path, text }) => `${path}: lower its number to ${lines(text)}`)).toEqual([]);
  });

  test('has names in kebab case', () => {
    expect(sources.map(({ path }) => path).filter((path) => !/^src(\/[a-z0-9]+(-[a-z0-9]+)*)+(\.d)?\.ts$/.test(path))).toEqual([]);
  });
});

describe('the project', () => {
  // Pieces, so that this file does not find itself.
  const machinePaths = new RegExp(['/wo', 'rk/|/tm', 'p/|/ro', 'ot/|/ho', 'me/[a-z]'].join(''));
  const registryHosts = new RegExp(['https?://[^/ ]*(regis', 'try|artifac', 'tory|npm[.j]|gopro', 'xy|proxy[.]golang)'].join(''), 'i');
  const texts = files
    .filter((path) => /\.(ts|mjs|json|md|sql|yaml|yml|proto|go|mod|sum)$|^\.ci\/run$|^\.npmrc$/.test(path) && !path.startsWith('test/golden/'))
    .map((path) => ({ path, text: readFileSync(packageFile(path), 'utf8') }));

  test('names no path of a machine and no package registry', () => {
    const found = texts.flatMap(({ path, text }) => text.split('\n').flatMap((line, i) =>
      (machinePaths.test(line) || registryHosts.test(line) ? [`${path}:${i + 1}: ${line.trim().slice(0, 120)}`] : [])));
    expect(found).toEqual([]);
  });

  test('has plain text: no tabs in TypeScript, no spaces at line ends, a newline at the end', () => {
    const untidy = texts.filter(({ path }) => /\.(ts|sql)$/.test(path)).flatMap(({ path, text }) => [
      ...(/[ \t]+$/m.test(text) ? [`${path}: spaces at the end of a line`] : []),
      ...(/\t/.test(text) ? [`${path}: tabs`] : []),
      ...(text.endsWith('\n') ? [] : [`${path}: no newline at the end`]),
    ]);
    expect(untidy).toEqual([]);
  });
});

describe('these checks', () => {
  test('find what they are for', () => {
    const bad = `let count = 0;
const x: any = y!;
const z = q as unknown as string;
const t = Date.now() + performance.now() + Math.random();
const d = new Date();
const fine = new Date(0), s = 'any! Date.now()'; // any!
export let w = 1;`;
    expect(forbiddenSyntax(bad, { mayReadClocks: false })).toEqual([
      'line 2: any', 'line 2: non-null assertion', 'line 3: double assertion', 'line 4: Date.now', 'line 4: performance.now', 'line 4: Math.random',
      'line 5: new Date()', 'line 1: mutable state of the module', 'line 7: mutable state of the module']);
  });

  test.each([
    ['src/base/x.ts', './y.ts', true], ['src/otap/ipc/x.ts', '../../base/y.ts', true], ['src/exporters/x.ts', '../grpc/y.ts', true], ['src/main.ts', './process.ts', true],
    ['src/base/x.ts', '../otap/y.ts', false], ['src/http/x.ts', '../exporters/y.ts', false], ['src/grpc/x.ts', '../otap/y.ts', false],
    ['src/config/x.ts', '../telemetry/y.ts', false], ['src/store/x.ts', '../../test/y.ts', false], ['src/store/x.ts', './y.js', false], ['src/odd/x.ts', '../base/y.ts', false],
    ['src/store/x.ts', 'node:fs', true],
  ])('%s may import %s: %s', (path, specifier, allowed) => {
    expect(importComplaint(path, specifier) === null).toBe(allowed);
  });

  test('imports are seen in every form', () => {
    expect(importsOf(parseSource('import type { A } from "./a.ts"; import "./b.ts"; export * from "./c.ts"; export { d } from "./d.ts"; await import("./e.ts"); const f = "./f.ts";')))
      .toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts']);
  });
});
