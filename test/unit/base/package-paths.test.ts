import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { packageFile, packageHas, packageVersion } from '../../../src/base/package-paths.ts';

test('finds what the package holds, from its root', () => {
  expect(existsSync(packageFile('package.json'))).toBe(true);
  expect(packageHas('sql/no-such-folder')).toBe(false);
  expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/);
});

test('refuses paths that leave the package', () => {
  expect(() => packageFile('../x')).toThrow(/not within/);
  expect(() => packageFile('sql/../../x')).toThrow(/not within/);
});
