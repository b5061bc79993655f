import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { type PolicyText, readPolicyTexts } from '../policies.ts';

/** Policies of a path: a file, or all .sql files of a folder. Throws CodedError NOT_FOUND where there are none. */
export function policyTextsAt(path: string): readonly PolicyText[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new CodedError('NOT_FOUND', 'no_policy', `no such policy: ${path}`);
  const files = stat.isDirectory() ? globSync('*.sql', { cwd: path }).sort().map((name) => join(path, name)) : [path];
  if (files.length === 0) throw new CodedError('NOT_FOUND', 'no_policy', `${path} holds no policy (NAME.sql)`);
  return readPolicyTexts(files);
}
