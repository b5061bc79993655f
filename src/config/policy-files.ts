import { globSync, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { packageFile } from '../base/package-paths.ts';
import { list } from './collections.ts';
import type { Kind } from './kind.ts';
import type { Place } from './place.ts';
import { filePath } from './scalars.ts';

const filesMax = 1000;
const patterns = list(filePath);

/**
 * SQL files by path or glob: read to absolute paths of files that exist, each once, in the order written (those of one
 * glob by name). Relative ones start from the context's directory, `package:` ones from the package. A pattern without
 * a file is an issue, and so is none at all.
 */
export const policyFiles: Kind<readonly string[]> = {
  name: patterns.name,
  schema: patterns.schema,
  arity: 'many',
  read: (input, place) => {
    const written = patterns.read(input, place);
    if (written === undefined) return undefined;
    if (written.length === 0) return place.fail('name at least one SQL file; without a policy nothing would be kept');
    const found = written.map((pattern, i) => filesOf(pattern, place.at(i)));
    if (found.includes(undefined)) return undefined;
    const files = [...new Set(found.flatMap((some) => some ?? []))];
    return files.length <= filesMax ? files : place.fail(`${files.length} files are more than the ${filesMax} that are run at most`);
  },
};

function filesOf(pattern: string, place: Place): string[] | undefined {
  const full = fullPath(pattern, place.context.directory);
  if (full === null) return place.fail(`expected a path within the package after package:, got "${pattern}"`);
  const files = /[*?[{]/.test(full) ? globSync(full).filter(isFile).sort() : [full].filter(isFile);
  return files.length > 0 ? files : place.fail(`no such file: ${full}`);
}

function fullPath(pattern: string, directory: string): string | null {
  const inPackage = /^package:(.*)$/.exec(pattern);
  if (inPackage === null) return isAbsolute(pattern) ? pattern : resolve(directory, pattern);
  return inPackage[1].split('/').includes('..') ? null : packageFile(inPackage[1]);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
