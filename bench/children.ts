import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Whether processes can be held to a core here. */
export const canPin = ['/usr/bin/taskset', '/bin/taskset'].some((path) => existsSync(path)) && availableParallelism() > 1;

/** As package.json and src/main.ts start Thresher. */
export const heapFlags = ['--initial-old-space-size=256'];

/** Starts a script of this folder with one argument as JSON and a channel for messages; on `core` alone where that can be had. */
export function forkScript(script: string, argument: unknown, core: number | null, execArgv: readonly string[] = []): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const pinned = core !== null && canPin;
  return fork(path, [JSON.stringify(argument)], pinned
    ? { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath, ...heapFlags, ...execArgv] }
    : { execArgv: [...heapFlags, ...execArgv] });
}

/** The argument that `forkScript` gave this process. */
export function argument(): unknown {
  return JSON.parse(process.argv[2] ?? 'null');
}

/** The next message of a child; rejects when it ends without one. */
export function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`a process of the benchmark ended with ${code}`)));
    child.once('error', reject);
  });
}

/** A number of a message or argument. */
export function numberIn(message: unknown, key: string): number {
  const value: unknown = typeof message === 'object' && message !== null ? Reflect.get(message, key) : undefined;
  if (typeof value !== 'number') throw new Error(`${key} is not a number in ${JSON.stringify(message)}`);
  return value;
}

/** A text of a message or argument. */
export function textIn(message: unknown, key: string): string {
  const value: unknown = typeof message === 'object' && message !== null ? Reflect.get(message, key) : undefined;
  if (typeof value !== 'string') throw new Error(`${key} is not a text in ${JSON.stringify(message)}`);
  return value;
}
