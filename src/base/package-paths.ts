import { existsSync, readFileSync } from 'node:fs';
import { join, relative, isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from './assert.ts';

/** This module lies two folders below the package's root, in src/base as in dist/base. */
const root = fileURLToPath(new URL('../..', import.meta.url));

/** The absolute path of a file or folder that the package holds: `packageFile('sql/policies')`. */
export function packageFile(path: string): string {
  const full = join(root, path);
  const inside = relative(root, full);
  assert(!inside.startsWith('..') && !isAbsolute(inside), `${path} is not within the package`);
  return full;
}

/** Whether the package holds such a file or folder. */
export function packageHas(path: string): boolean {
  return existsSync(packageFile(path));
}

/** The version in package.json. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'));
  assert(typeof manifest === 'object' && manifest !== null && 'version' in manifest, 'package.json has a version');
  return String(manifest.version);
}
