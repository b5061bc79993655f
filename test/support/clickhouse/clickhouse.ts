import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const source = import.meta.dirname;
const cache = join(source, '../../../node_modules/.cache');

/** Where ClickHouse is installed; in CI it is installed there first. Null where it is not and may not be: it is half a gigabyte. */
export function clickHouse(): string | null {
  const hash = createHash('sha256').update(readFileSync(join(source, 'package-lock.json'))).digest('hex').slice(0, 16);
  const home = join(cache, `clickhouse-${hash}`);
  if (existsSync(home)) return home;
  if (process.env['CI'] === undefined) {
    console.warn('skipped: the SQL for ClickHouse runs where CI is set in the environment; it installs the package chdb');
    return null;
  }
  mkdirSync(cache, { recursive: true });
  const building = mkdtempSync(`${home}.`);
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(source, file), join(building, file));
  // Not `ci`: the lock file has the library of one platform only.
  const run = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: building, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`ClickHouse could not be installed: ${run.stderr}`);
  renameSync(building, home);
  return home;
}

export type Row = Readonly<Record<string, unknown>>;

/** Runs statements and then queries in a database of their own; the rows of each query. Throws what ClickHouse says. */
export function runClickHouse(home: string, setup: readonly string[], queries: readonly string[]): readonly (readonly Row[])[] {
  const directory = mkdtempSync(join(tmpdir(), 'clickhouse-run-'));
  try {
    const output = join(directory, 'rows.json');
    const run = spawnSync(process.execPath, [join(source, 'run.mjs'), home, output], { input: JSON.stringify({ setup, queries }), encoding: 'utf8', timeout: 120_000 });
    if (run.status !== 0) throw new Error(`ClickHouse: ${run.stderr}`);
    return JSON.parse(readFileSync(output, 'utf8')) as (readonly Row[])[];
  } finally {
    rmSync(directory, { recursive: true });
  }
}
