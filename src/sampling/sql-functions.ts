import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../base/package-paths.ts';

/** One macro of the sampling functions. */
export interface SqlFunctionFile {
  readonly name: string;
  /** Absolute path of a file with one CREATE OR REPLACE MACRO statement. */
  readonly path: string;
}

/**
 * The macros of the sampling functions and their parts, in the order in which they can be created. The list is
 * sql/functions/index, one name a line.
 */
export function sqlFunctionFiles(): SqlFunctionFile[] {
  const folder = packageFile('sql/functions');
  const names = readFileSync(join(folder, 'index'), 'utf8').split('\n').filter((line) => line !== '');
  return names.map((name) => ({ name, path: join(folder, `${name}.sql`) }));
}
