import { globSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CodedError } from '../../base/errors.ts';

/**
 * Test files that paths lead to, each once: a test file itself, those below a folder, and NAME.test.yaml beside a policy NAME.sql.
 * Throws CodedError NOT_FOUND where a path leads to none.
 */
export function findTests(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.flatMap(testsOf))];
}

function testsOf(path: string): readonly string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new CodedError('NOT_FOUND', 'no_test', `no such file or folder: ${path}`);
  if (stat.isDirectory()) {
    const found = globSync('**/*.test.{yaml,yml}', { cwd: path }).sort().map((name) => join(path, name));
    if (found.length === 0) throw new CodedError('NOT_FOUND', 'no_test', `${path} holds no test file (NAME.test.yaml)`);
    return found;
  }
  if (!path.endsWith('.sql')) return [path];
  const beside = ['yaml', 'yml'].map((ending) => join(dirname(path), `${basename(path, '.sql')}.test.${ending}`)).find((name) => statSync(name, { throwIfNoEntry: false })?.isFile() === true);
  if (beside === undefined) throw new CodedError('NOT_FOUND', 'no_test', `${path} has no test file beside it (${basename(path, '.sql')}.test.yaml)`);
  return [beside];
}
