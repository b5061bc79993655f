import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { canPin } from './children.ts';

/** A program that answers each line on its standard input with a line of JSON, and says one by itself when it is ready. */
export class Talker {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  private constructor(child: ChildProcess, reader: Interface) {
    this.#child = child;
    this.#reader = reader;
    this.#lines = reader[Symbol.asyncIterator]();
  }

  /** Starts it, on `core` alone where that can be had. Gives what it says when it is ready, too. */
  static async start(program: string, args: readonly string[], core: number): Promise<{ readonly talker: Talker; readonly ready: unknown }> {
    const { command, rest } = onCore(core, program, args);
    const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, GOMAXPROCS: '1' } });
    const talker = new Talker(child, createInterface(child.stdout));
    return { talker, ready: await talker.#answer() };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask(line: string): Promise<unknown> {
    this.#child.stdin?.write(`${line}\n`);
    return this.#answer();
  }

  /** Ends it. */
  end(): void {
    this.#reader.close();
    this.#child.kill('SIGKILL');
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('a program of the benchmark has ended');
    return JSON.parse(value);
  }
}

/** How a program is started on one core alone, where that can be had. The process keeps its id. */
export function onCore(core: number, program: string, args: readonly string[]): { readonly command: string; readonly rest: readonly string[] } {
  return canPin ? { command: 'taskset', rest: ['-c', String(core), program, ...args] } : { command: program, rest: args };
}
