import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';

const text = readFileSync(packageFile('docs/proofs.md'), 'utf8');

test('docs/proofs.md names files that are there', () => {
  const paths = [...text.matchAll(/`((?:src|test|sql)\/[\w./-]+)`/g)].map(([, path]) => path);
  expect(paths.length).toBeGreaterThan(50);
  expect(paths.filter((path) => !existsSync(packageFile(path)))).toEqual([]);
});

test('docs/proofs.md has all 24 rules', () => {
  const rows = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, rule]) => Number(rule));
  const head = [...text.matchAll(/(\d+) \(/g)].map(([, rule]) => Number(rule)).filter((rule) => rule >= 21 && rule <= 23);
  expect([...new Set([...rows, ...head])].sort((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
});
