import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OtlpRequest } from './otlp-json.ts';

const source = join(import.meta.dirname, 'go/tailsampling');
const cache = join(import.meta.dirname, '../../node_modules/.cache/tailsampling');

/** What the Collector's processor did under one configuration. */
export interface Outcome {
  /** Trace ids. */
  readonly kept: readonly string[];
  readonly error?: string;
}

let program: string | null = null;
let reason: string | null = null;

/**
 * Why tests against the real processor are skipped: no `go`, or its modules cannot be had. Where CI is set they must run. Builds the program
 * at the first call.
 */
export function withoutTailSampling(): string | null {
  if (program !== null || reason !== null) return reason;
  try {
    program = built();
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    reason = `the Collector's tail_sampling processor cannot be built here: ${error instanceof Error ? error.message : String(error)}`;
  }
  return reason;
}

/** Runs traces through the processor, once for each configuration; what it keeps, by the configuration's name. */
export function tailSampling(requests: readonly OtlpRequest[], configurations: Readonly<Record<string, unknown>>): ReadonlyMap<string, Outcome> {
  if (program === null) throw new Error(reason ?? 'withoutTailSampling was not asked');
  const directory = mkdtempSync(join(tmpdir(), 'tailsampling-'));
  try {
    writeFileSync(join(directory, 'traces.jsonl'), requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
    writeFileSync(join(directory, 'configurations.json'), JSON.stringify(configurations));
    const run = spawnSync(program, [join(directory, 'traces.jsonl'), join(directory, 'configurations.json')], { encoding: 'utf8', maxBuffer: 2 ** 30 });
    if (run.status !== 0) throw new Error(`the processor failed: ${run.stderr}`);
    const outcomes: Record<string, Outcome> = JSON.parse(run.stdout);
    return new Map(Object.entries(outcomes));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The program, built once for each content of its directory. */
function built(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(source).sort()) hash.update(file).update(readFileSync(join(source, file)));
  const path = join(cache, hash.digest('hex').slice(0, 16));
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const building = `${path}.${process.pid}`;
  execFileSync('go', ['build', '-o', building, '.'], { cwd: source, stdio: ['ignore', 'ignore', 'pipe'], timeout: 240_000 });
  renameSync(building, path);
  return path;
}
