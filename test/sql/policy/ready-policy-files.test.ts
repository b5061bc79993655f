import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageFile } from '../../../src/base/package-paths.ts';
import { thresher } from '../../unit/authoring/support.ts';

/**
 * Scenario: the policies that come with Thresher, as somebody finds them who looks for one to copy.
 * Guarantees: `policy check --strict` has nothing against any; each says what it is for, what to adapt and what it costs, is listed in the
 * documentation, and has a test file that tries it for bias. Their tests themselves are run by .ci/run.
 */

const folder = packageFile('sql/policies');
const policies = readdirSync(folder).filter((file) => file.endsWith('.sql'));
const textOf = (file: string): string => readFileSync(`${folder}/${file}`, 'utf8');
const documented = readFileSync(packageFile('docs/policies.md'), 'utf8');

interface TestFile {
  readonly cases: readonly { readonly expect: { readonly unbiased?: unknown } }[];
}

test('thresher policy check --strict', async () => {
  const { code, out } = await thresher('.', 'policy', 'check', folder, '--strict');
  expect(out).toMatch(new RegExp(`^${policies.length} files: 0 errors, 0 warnings, 0 notes$`, 'm'));
  expect(code).toBe(0);
});

describe.each(policies)('%s', (file) => {
  test('says what it does, is for, lets be adapted and costs, and is listed', () => {
    expect(textOf(file)).toMatch(/^-- description: \S.*\.\n(-- [a-z_]+: .*\n)*-- For: (.*\n(?:--   .*\n)*)-- Adapt: (.*\n(?:--   .*\n)*)-- Costs: /);
    expect(documented).toContain(`| \`${file}\` |`);
  });

  test('has a test file that tries it for bias', () => {
    const path = `${folder}/${file.replace(/\.sql$/, '.test.yaml')}`;
    expect(existsSync(path)).toBe(true);
    const { cases } = parse(readFileSync(path, 'utf8')) as TestFile;
    expect(cases.length).toBeGreaterThan(1);
    expect(cases.some(({ expect: { unbiased } }) => unbiased !== undefined)).toBe(true);
  });
});
