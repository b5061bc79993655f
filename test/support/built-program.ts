import { type ExecFileOptions, execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Where programs of other projects lie that tests build or install: the user's cache, so that a fresh clone finds them again. */
export const cacheDirectory = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'thresher-tests');

/** Sixteen hexadecimal digits that change with any of these files, directories or texts. */
export function hashOf(...inputs: readonly ({ readonly path: string } | { readonly text: string })[]): string {
  const hash = createHash('sha256');
  for (const input of inputs) {
    if ('text' in input) hash.update(input.text);
    else for (const [name, bytes] of filesOf(input.path)) hash.update(name).update(bytes);
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * The file or directory `name-hash` of the cache. Where it is missing, `build` makes it: it gets an empty directory and says what in it
 * is to be kept; that is moved into place whole, so that two who build at once do not harm each other.
 */
export async function cached(name: string, hash: string, build: (directory: string) => Promise<string>): Promise<string> {
  const path = join(cacheDirectory, `${name}-${hash}`);
  if (existsSync(path)) return path;
  mkdirSync(cacheDirectory, { recursive: true });
  const directory = mkdtempSync(join(cacheDirectory, `building-${name}-`));
  try {
    const built = await build(directory);
    if (!existsSync(path)) renameSync(built, path);
    return path;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs a program to its end. Throws what it said at the last, where it fails. */
export async function runProgram(program: string, args: readonly string[], options: ExecFileOptions = {}): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 2 ** 28, encoding: 'utf8', ...options });
    return String(stdout);
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').slice(-5).join('\n') : '';
    throw new Error(`${program} ${args.join(' ')} failed: ${said === '' ? String(error) : said}`, { cause: error });
  }
}

/** A Go program of test/support/go, built once for each content of its directory. */
export async function goProgram(name: string): Promise<string> {
  const source = join(import.meta.dirname, 'go', name);
  return cached(name, hashOf({ path: source }), async (directory) => {
    const program = join(directory, name);
    await runProgram('go', ['build', '-o', program, '.'], { cwd: source });
    return program;
  });
}

/** Name and bytes of a file, or of all files of a directory, in the order of their names. */
function filesOf(path: string): (readonly [string, Buffer])[] {
  if (statSync(path).isFile()) return [['', readFileSync(path)]];
  const entries = readdirSync(path, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => join(entry.parentPath, entry.name)).sort().map((file) => [file.slice(path.length), readFileSync(file)]);
}
