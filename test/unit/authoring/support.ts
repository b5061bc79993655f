import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runCli } from '../../../src/cli.ts';

/** A folder of files. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'authoring-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Runs the command line in this process. */
export async function thresher(directory: string, ...argv: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly errors: string }> {
  const out: string[] = [];
  const errors: string[] = [];
  const sink = (lines: string[]) => ({ write: (text: string) => lines.push(text) });
  const code = await runCli(argv, { stdout: sink(out), stderr: sink(errors), environment: {}, directory, signal: new AbortController().signal });
  return { code, out: out.join(''), errors: errors.join('') };
}
