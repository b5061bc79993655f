import { globSync, statSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { packageFile } from '../base/package-paths.ts';
import { list } from './collections.ts';
import type { Kind } from './kind.ts';
import type { Place } from './place.ts';
import { filePath } from './scalars.ts';

const filesMax = 1000;
const patterns = list(filePath);

/** Files that stand in the configuration as paths or globs, which may name others later. */
export interface PolicyFiles {
  /** Absolute paths and globs, as written. */
  readonly patterns: readonly string[];
  /** Absolute paths of the files that they name now, each once, in the order written (those of one glob by name). */
  readonly files: readonly string[];
}

/**
 * SQL files by path or glob. Relative ones start from the context's directory, `package:` ones from the package. A pattern without
 * a file is an issue; none at all is not.
 */
export const policyFilePatterns: Kind<PolicyFiles> = {
  name: patterns.name,
  schema: patterns.schema,
  arity: 'many',
  read: (input, place) => {
    const written = patterns.read(input, place);
    if (written === undefined) return undefined;
    const found = written.map((pattern, i) => filesOf(pattern, place.at(i)));
    if (found.includes(undefined)) return undefined;
    const files = [...new Set(found.flatMap((some) => some?.files ?? []))];
    if (files.length > filesMax) return place.fail(tooMany(files.length));
    return { patterns: found.flatMap((some) => some?.full ?? []), files };
  },
};

/** The path of one SQL file, found as `policyFilePatterns` finds them. */
export const policyFile: Kind<string> = {
  name: filePath.name,
  schema: filePath.schema,
  read: (input, place) => {
    const path = filePath.read(input, place);
    return path === undefined ? undefined : filesOf(path, place)?.files[0];
  },
};

/** What is wrong where no file is named. */
export const policiesMissing = 'name at least one SQL file; package:sql/policies/*.sql are ready ones';

/** As `policyFilePatterns`, the files alone; at least one. */
export const policyFiles: Kind<readonly string[]> = {
  ...policyFilePatterns,
  read: (input, place) => {
    const files = policyFilePatterns.read(input, place)?.files;
    return files?.length === 0 ? place.fail(policiesMissing) : files;
  },
};

/** The files that patterns name now, as `policyFilePatterns` finds them. Throws CodedError: a pattern without a file, too many files. */
export function findPolicyFiles(fullPatterns: readonly string[]): readonly string[] {
  const files = new Set<string>();
  for (const full of fullPatterns) {
    const found = matching(full);
    if (found.length === 0) throw new CodedError('NOT_FOUND', 'policy_file_missing', `no such file: ${full}`);
    for (const file of found) files.add(file);
  }
  if (files.size > filesMax) throw new CodedError('INVALID_ARGUMENT', 'too_many_policies', tooMany(files.size));
  return [...files];
}

/** Directories in which files of these patterns come and go: those of the files, and where globs begin. */
export function policyDirectories({ patterns: full, files }: PolicyFiles): readonly string[] {
  return [...new Set([...files, ...full.map((pattern) => pattern.replace(/[*?[{].*$/s, 'x'))].map((path) => dirname(path)))];
}

function tooMany(count: number): string {
  return `${count} files are more than the ${filesMax} that are run at most`;
}

function filesOf(pattern: string, place: Place): { readonly full: string; readonly files: readonly string[] } | undefined {
  const full = fullPath(pattern, place.context.directory);
  if (full === null) return place.fail(`expected a path within the package after package:, got "${pattern}"`);
  const files = matching(full);
  return files.length > 0 ? { full, files } : place.fail(`no such file: ${full}`);
}

function matching(full: string): string[] {
  return /[*?[{]/.test(full) ? globSync(full).filter(isFile).sort() : [full].filter(isFile);
}

function fullPath(pattern: string, directory: string): string | null {
  const inPackage = /^package:(.*)$/.exec(pattern);
  if (inPackage === null) return isAbsolute(pattern) ? pattern : resolve(directory, pattern);
  return inPackage[1].split('/').includes('..') ? null : packageFile(inPackage[1]);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
