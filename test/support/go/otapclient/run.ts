import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** True where the Go programs can be built; without Go a test that needs them is skipped, except in CI. */
export const goIsThere = hasGo();

function hasGo(): boolean {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw new Error('CI needs Go for the tests against the reference implementation', { cause: error });
    console.warn('skipped: tests against the Go reference implementation need `go` on the PATH');
    return false;
  }
}

/** Builds otapclient into a directory of its own and gives the path of the program. */
export function buildOtapClient(): string {
  const program = join(mkdtempSync(join(tmpdir(), 'otapclient-')), 'otapclient');
  execFileSync('go', ['build', '-o', program, '.'], { cwd: import.meta.dirname, stdio: ['ignore', 'ignore', 'inherit'] });
  return program;
}

/** A running otapclient and the JSON lines that it has printed. */
export interface Running {
  readonly lines: Record<string, unknown>[];
  /** Resolves when the program has ended. */
  readonly exited: Promise<void>;
  /** Resolves with the first line for which `test` holds. */
  line(test: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  kill(): void;
}

export function run(program: string, args: readonly string[]): Running {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: Record<string, unknown>[] = [];
  const watchers = new Set<() => void>();
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  if (child.stdout === null) throw new Error('no standard output');
  createInterface(child.stdout).on('line', (line) => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
    for (const watch of watchers) watch();
  });
  return {
    lines,
    exited,
    line: (test) => new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find(test);
        if (found === undefined) return;
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      void exited.then(() => reject(new Error(`otapclient ended; it said ${JSON.stringify(lines.slice(-3))}`)));
      look();
    }),
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}

/** Runs otapclient to its end and gives its last line. */
export async function runToEnd(program: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const running = run(program, args);
  await running.exited;
  const last = running.lines.at(-1);
  if (last === undefined) throw new Error(`otapclient ${args.join(' ')} said nothing`);
  return last;
}
