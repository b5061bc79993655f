import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import type { SpillLimits } from './duckdb.ts';

export interface SpillConfig {
  readonly spillDir: string | null;
  readonly spillLimit: number;
}

/**
 * Makes the folder that DuckDB spills to, empty: what an earlier process left there is worth nothing without it. Null where nothing may be
 * spilled. Errors: CodedError FAILED_PRECONDITION / spill_dir.
 */
export function openSpill({ spillDir, spillLimit }: SpillConfig): SpillLimits | null {
  if (spillDir === null) return null;
  const directory = join(spillDir, 'duckdb');
  try {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new CodedError('FAILED_PRECONDITION', 'spill_dir', `memory.spill_dir cannot be used: ${messageOf(cause)}; name a directory that this process may write to, or leave it out`, { cause });
  }
  return { directory, bytesMax: spillLimit };
}
